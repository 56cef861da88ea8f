"""One server for all tests that only publish and read; each test takes a hub of its own."""

from collections.abc import Iterator

import pytest

from tests.support.eventhubs import LocalEventHubs, local_event_hubs

HUBS = {
    **dict.fromkeys(("plain", "large", "epochs", "credit", "faults", "positions", "metrics"), 1),
    **dict.fromkeys(("refused", "properties", "processor", "requests", "starts"), 2),
    **{"trip": 3, "batches": 4},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEventHubs]:
    """A running server with a set of hubs."""
    with local_event_hubs(tmp_path_factory.mktemp("eventhubs") / "data", HUBS) as running:
        yield running
