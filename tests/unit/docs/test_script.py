"""The script of the event contract, run as a reader would paste it, against a real broker."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.local.eventhubs.routing import partition_of
from infra.local.sample.sites import SITES
from infra.local.stack.layout import Layout
from shared.sync.events.contract import Stream
from tests.support.eventhubs import LocalEventHubs, local_event_hubs
from tests.support.eventhubs_sdk import bodies, receive
from tests.support.sync_events import verdict_on
from tests.unit.docs.markdown import DOCS, fences

HUBS: dict[str, tuple[Stream, list[str]]] = {
    "payment.order.upserted": ("payment_order", ["ord-1001"]),
    "ledger.entry.upserted": ("ledger", ["tx-1001-P", "tx-1001-R"]),
}
PARTITIONS = 2
LINES_MAX = 15
SECONDS_TO_PUBLISH = 120


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEventHubs]:
    """Both hubs, as the local stack has them."""
    folder = tmp_path_factory.mktemp("script")
    with local_event_hubs(folder / "data", dict.fromkeys(HUBS, PARTITIONS)) as running:
        yield running


def script() -> str:
    (fence,) = (fence for fence in fences(DOCS / "event-contract.md") if fence.info == "python")
    return fence.text


def run_script(folder: Path, environment: dict[str, str]) -> None:
    file = folder / "publish.py"
    file.write_text(script(), "utf-8")
    kept = {name: value for name, value in os.environ.items() if name != "EVENTHUBS"}
    subprocess.run(
        [sys.executable, str(file)],
        cwd=folder,
        env={**kept, **environment},
        check=True,
        timeout=SECONDS_TO_PUBLISH,
    )


def test_it_is_short() -> None:
    assert len(script().splitlines()) <= LINES_MAX


@pytest.mark.parametrize("given_by", ["environment", "file"])
def test_what_it_publishes_is_taken(broker: LocalEventHubs, tmp_path: Path, given_by: str) -> None:
    earlier = {hub: _published(broker, hub) for hub in HUBS}
    if given_by == "environment":
        run_script(tmp_path, {"EVENTHUBS": broker.connection_string})
    else:
        (tmp_path / ".local").mkdir()
        (tmp_path / ".local" / "connection").write_text(broker.connection_string + "\n")
        run_script(tmp_path, {})
    for hub, (stream, keys) in HUBS.items():
        events = _published(broker, hub)[len(earlier[hub]) :]
        found = [verdict_on(body, stream, enqueued_at=datetime.now(UTC)) for body in events]
        assert [next(iter(verdict.columns.values()), verdict.code) for verdict in found] == keys


def test_its_site_is_one_of_the_local_stack() -> None:
    assert any(f'"{site.site_id}"' in script() for site in SITES)


def test_it_reads_the_file_the_local_stack_writes() -> None:
    assert f'"{Layout(Path(".local")).connection.as_posix()}"' in script()


def _published(broker: LocalEventHubs, hub: str) -> list[bytes]:
    """Everything in the partition of the script's key; all lie there, because they share it."""
    partition = partition_of("ord-1001", PARTITIONS)
    count = broker.state()["hubs"][hub]["partitions"][partition]["last_sequence"] + 1
    return bodies(receive(broker.connection_string, hub, str(partition), count)) if count else []
