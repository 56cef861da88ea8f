"""Every event of the poison table is refused under its code, naming its field."""

import pytest

from tests.support.poison import POISON, Poison
from tests.support.sync_events import verdict_on

# Whether a site is known is for the database to say.
READABLE = [poison for poison in POISON if poison.code != "SITE_UNKNOWN"]


@pytest.mark.parametrize("poison", READABLE, ids=lambda poison: poison.name)
def test_poison_is_refused(poison: Poison) -> None:
    found = verdict_on(poison.body)
    assert (found.code, found.field) == (poison.code, poison.field)
