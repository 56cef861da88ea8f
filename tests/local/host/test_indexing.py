"""What the real worker runtime makes of the app."""

from typing import Any

from tests.local.host.conftest import RecordingHost


def test_bindings_are_indexed_as_declared(shared_host: RecordingHost) -> None:
    functions = {each["name"]: each["bindings"] for each in shared_host.admin("GET", "functions").json()}
    assert sorted(functions) == [
        "a_item", "b_item_by_name", "bytes_back", "c_put_item", "fails", "files", "guarded", "masters", "sleeps",
        "stream_endless", "stream_fixed", "stream_metadata", "stream_plain", "switched_off", "timer_slow",
        "timer_yearly",
    ]  # fmt: skip
    assert without_empty(functions["stream_plain"]) == [
        {
            "direction": "IN",
            "type": "eventHubTrigger",
            "dataType": "BINARY",
            "name": "events",
            "connection": "EventHubs",
            "eventHubName": "%PLAIN_HUB%",
            "cardinality": "MANY",
            "consumerGroup": "%GROUP%",
        }
    ]
    trigger, answer = without_empty(functions["a_item"])
    assert trigger["methods"] == ["GET"]
    assert (trigger["route"], trigger["authLevel"]) == ("items/{id:int}", "ANONYMOUS")
    assert (answer["type"], answer["name"], answer["direction"]) == ("http", "$return", "OUT")


def without_empty(bindings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in each.items() if value is not None} for each in bindings]
