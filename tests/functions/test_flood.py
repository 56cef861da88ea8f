"""A flood of bad events: the invocation fails and the platform holds the batch, until a ceiling is raised."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shared.sync.ceiling import main
from tests.functions.conftest import Installation
from tests.functions.platform import Delivered
from tests.functions.test_streams import answer, counts, dead_letters, payment
from tests.support.callers import token_file
from tests.support.floods import alerts
from tests.support.migrated import app_url, libpq
from tests.support.runtime import BASE_SETTINGS


@dataclass(frozen=True)
class Ceiling:
    """The command, given by an operator of all sites."""

    installation: Installation
    token: Path

    def __call__(self, *arguments: str) -> int:
        settings = {**BASE_SETTINGS, "DATABASE_URL": app_url(self.installation.database)}
        return main(("--token-file", str(self.token), *arguments), settings)

    def held(self, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert self("--list", "--json") == 0
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["held"]
        return found


def test_a_flood_fails_until_a_ceiling_is_raised_and_the_same_process_goes_on(
    own_installation: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bodies = [*payment("o-1"), *([b"{}"] * 25)]
    batch = [Delivered(each, number) for number, each in enumerate(bodies)]
    with psycopg.connect(libpq(own_installation.database.url), autocommit=True) as rows:
        ceiling = Ceiling(own_installation, token_file(rows, tmp_path, "kim"))
        for _retry in range(3):
            done = own_installation.deliver("stream_ledger", *batch)
            assert not done.succeeded
            assert "RejectFlood" in done.error
        assert (counts(rows, "0"), dead_letters(rows, "0")) == ((0, 0, 0, 0, 0), [])
        (alert,) = alerts(rows)
        assert (alert["events"], alert["bad"], len(alert["examples"])) == (27, 25, 5)
        (flood,) = ceiling.held(capsys)
        # The command writes the time as it writes all others.
        assert {**flood, "at": None} == {**alert, "at": None}
        why = ("--share", "1", "--for", "10m", "--reason", "looked at, they are bad for good")
        assert ceiling("--stream", "ledger", "--partition", "0", *why) == 0
        done = own_installation.deliver("stream_ledger", *batch)
        assert done.succeeded, done.error
        assert counts(rows, "0") == (2, 0, 0, 25, 0)
        assert len(alerts(rows)) == 1
    assert ceiling.held(capsys) == []
    assert answer(own_installation, "o-1-p")["pairing_status"] == "COMPLETE"
