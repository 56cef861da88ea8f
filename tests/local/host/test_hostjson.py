import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.local.host.errors import StartError
from infra.local.host.hostjson import EventHubsOptions, HostJson, InitialOffset, read_host_json


def read(folder: Path, **sections: Any) -> HostJson:
    path = folder / "host.json"
    path.write_text(json.dumps({"version": "2.0", **sections}))
    return read_host_json(path)


def test_the_platforms_defaults_hold(tmp_path: Path) -> None:
    assert read(tmp_path) == HostJson(
        event_hubs=EventHubsOptions(100, 1, 60.0, 300, 1, InitialOffset("fromStart")),
        route_prefix="api",
        max_outstanding_requests=None,
        max_concurrent_requests=None,
        function_timeout_seconds=1800.0,
        log_level="Information",
    )


def test_every_option_is_read(tmp_path: Path) -> None:
    event_hubs = {
        "maxEventBatchSize": 1000,
        "minEventBatchSize": 10,
        "maxWaitTime": "00:00:02",
        "prefetchCount": 3000,
        "batchCheckpointFrequency": 5,
        "initialOffsetOptions": {"type": "fromEnqueuedTime", "enqueuedTimeUtc": "2026-11-24T00:00:00Z"},
    }
    http = {"routePrefix": "", "maxOutstandingRequests": 7, "maxConcurrentRequests": 3}
    options = read(
        tmp_path,
        extensions={"eventHubs": event_hubs, "http": http},
        functionTimeout="-1",
        logging={"logLevel": {"default": "Warning"}},
    )
    start = InitialOffset("fromEnqueuedTime", datetime(2026, 11, 24, tzinfo=UTC))
    assert options == HostJson(EventHubsOptions(1000, 10, 2.0, 3000, 5, start), "", 7, 3, None, "Warning")


@pytest.mark.parametrize(
    ("event_hubs", "key"),
    [
        ({"maxBatchSize": 10}, "maxBatchSize"),
        ({"maxEventBatchSize": 0}, "maxEventBatchSize"),
        ({"maxEventBatchSize": "10"}, "maxEventBatchSize"),
        ({"maxEventBatchSize": True}, "maxEventBatchSize"),
        ({"minEventBatchSize": 200}, "minEventBatchSize"),
        ({"maxWaitTime": "1m"}, "maxWaitTime"),
        ({"maxWaitTime": "00:10:01"}, "maxWaitTime"),
        ({"initialOffsetOptions": {"type": "latest"}}, "type"),
        ({"initialOffsetOptions": {"type": "fromEnqueuedTime"}}, "enqueuedTimeUtc"),
        ({"initialOffsetOptions": {"kind": "fromEnd"}}, "kind"),
        ([], "eventHubs"),
    ],
)
def test_a_bad_event_hubs_section_is_refused_by_its_key(tmp_path: Path, event_hubs: object, key: str) -> None:
    with pytest.raises(StartError, match=key):
        read(tmp_path, extensions={"eventHubs": event_hubs})


@pytest.mark.parametrize(
    ("sections", "key"),
    [
        ({"extension": {}}, "extension"),
        ({"version": "1.0"}, "version"),
        ({"extensions": {"http": {"prefix": ""}}}, "prefix"),
        ({"extensions": {"http": {"routePrefix": 1}}}, "routePrefix"),
        ({"extensions": {"http": {"maxConcurrentRequests": 0}}}, "maxConcurrentRequests"),
        ({"logging": {"logLevel": {"default": "Loud"}}}, "logLevel.default"),
        ({"functionTimeout": "soon"}, "functionTimeout"),
    ],
)
def test_other_bad_sections_are_refused_by_their_key(
    tmp_path: Path, sections: dict[str, Any], key: str
) -> None:
    with pytest.raises(StartError, match=key):
        read(tmp_path, **sections)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=str(tmp_path / "host.json")):
        read_host_json(tmp_path / "host.json")
    (tmp_path / "host.json").write_text("{")
    with pytest.raises(StartError, match=str(tmp_path / "host.json")):
        read_host_json(tmp_path / "host.json")
