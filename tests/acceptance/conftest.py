"""The system under the acceptance stories.

The stories in `anywhere/` need an address, hubs, a database and a token, and no control over processes. They run
on a local stack of their own, or on another system when all of COUNTERFOIL_URL (the host's address without /api),
COUNTERFOIL_EVENTHUBS (the namespace's connection string, which may publish), COUNTERFOIL_DATABASE_URL (as the
application's role) and COUNTERFOIL_TOKEN (of a viewer) are set. That system must know the sample's sites.

    COUNTERFOIL_URL=http://127.0.0.1:7071 … pytest tests/acceptance/anywhere

The stories in `stack/` start, kill and stop the local stack itself.
"""

from collections.abc import Iterator

import pytest

from tests.support.acceptance import SAMPLE_EVENTS, Target
from tests.support.stack import LocalStack, local_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One stack for all stories that leave it running, after its first run."""
    with local_stack(tmp_path_factory.mktemp("acceptance") / "local", events=SAMPLE_EVENTS) as running:
        yield running


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """The system the environment names, else the stack."""
    return Target.from_environment() or Target.of_stack(request.getfixturevalue("stack"))
