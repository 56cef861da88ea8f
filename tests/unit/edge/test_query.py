"""Reading the query string whole."""

import azure.functions as func
import pytest

from functions.edge.query import FIELDS_MAX, read_query
from shared.errors.request import RequestInvalid

KNOWN = ("id", "limit", "cursor")


def asked(query: str, params: dict[str, str] | None = None) -> func.HttpRequest:
    """A request whose params are the host's view of the query, which may differ from the URL's."""
    url = f"http://127.0.0.1/api/tx?{query}" if query else "http://127.0.0.1/api/tx"
    return func.HttpRequest("GET", url, params=params or {}, body=b"")


def refused(query: str) -> list[str]:
    with pytest.raises(RequestInvalid) as caught:
        read_query(asked(query), KNOWN)
    return [each.field for each in caught.value.fields]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("id=a", {"id": "a"}),
        ("id=", {"id": ""}),
        ("id", {"id": ""}),
        ("id=a+b%2Bc", {"id": "a b+c"}),
        ("id=%ED%95%9C&limit=5", {"id": "한", "limit": "5"}),
        ("id=a=b", {"id": "a=b"}),
        ("&&id=a&", {"id": "a"}),
        ("%69d=a", {"id": "a"}),
    ],
)
def test_the_parameters_are_read(query: str, expected: dict[str, str]) -> None:
    assert read_query(asked(query), KNOWN) == expected


def test_the_url_counts_and_not_the_hosts_view() -> None:
    assert read_query(asked("id=", {"id": "other"}), KNOWN) == {"id": ""}
    assert read_query(asked("", {"id": "x"}), KNOWN) == {"id": "x"}


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("ids=a", ["ids"]),
        ("ID=a", ["ID"]),
        ("=a", [""]),
        ("id=a&id=a", ["id"]),
        ("x=1&x=2", ["x", "x"]),
        ("x=1&y=2&id=1&id=2", ["x", "y", "id"]),
        ("id=%ff", ["query"]),
        ("id=%ED%A0%80", ["query"]),
        ("&".join("id=1" for _ in range(FIELDS_MAX + 1)), ["query"]),
        ("y" * 10_000 + "=1", ["y" * 40]),
    ],
)
def test_what_is_unknown_repeated_or_unreadable_is_refused(query: str, fields: list[str]) -> None:
    assert refused(query) == fields


@pytest.mark.parametrize("host", ["[::1", "[foo]"])
def test_an_address_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(RequestInvalid):
        read_query(func.HttpRequest("GET", f"http://{host}/api/tx?id=a", body=b""), ("id",))


def test_an_endpoint_without_parameters_takes_none() -> None:
    assert read_query(asked(""), ()) == {}
    with pytest.raises(RequestInvalid):
        read_query(asked("id=a"), ())
