"""Which correlation id a request gets."""

import pytest

from functions.edge.correlation import correlation_of
from tests.support.runtime import CountedIds

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"
NEW = "id-1"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, NEW),
        ({"x-correlation-id": "abc-123"}, "abc-123"),
        ({"x-correlation-id": "aA0._~:@-"}, "aA0._~:@-"),
        ({"x-correlation-id": "x" * 128}, "x" * 128),
        ({"traceparent": TRACEPARENT}, TRACE_ID),
        ({"x-correlation-id": "abc", "traceparent": TRACEPARENT}, "abc"),
        ({"x-correlation-id": "not ok", "traceparent": TRACEPARENT}, TRACE_ID),
    ],
)
def test_the_callers_id_is_kept_when_it_is_well_formed(headers: dict[str, str], expected: str) -> None:
    assert correlation_of(headers, CountedIds()).id == expected


@pytest.mark.parametrize(
    "given", ["", " ", "a b", "x" * 129, "a\r\nSet-Cookie: b", "a\n", "ü", "<script>", "a;b", "a/b"]
)
def test_a_malformed_id_is_replaced(given: str) -> None:
    assert correlation_of({"x-correlation-id": given}, CountedIds()).id == NEW


@pytest.mark.parametrize(
    "given",
    [
        "",
        TRACEPARENT.upper(),
        f"ff-{TRACE_ID}-b7ad6b7169203331-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID}-b7ad6b7169203331",
        f"{TRACEPARENT}-extra",
        f"{TRACEPARENT}\n",
    ],
)
def test_a_malformed_trace_is_passed_over(given: str) -> None:
    correlation = correlation_of({"traceparent": given}, CountedIds())
    assert (correlation.id, correlation.traceparent) == (NEW, None)
    assert correlation.headers() == {"X-Correlation-ID": NEW}


def test_the_trace_goes_back_unchanged() -> None:
    correlation = correlation_of({"x-correlation-id": "abc", "traceparent": TRACEPARENT}, CountedIds())
    assert correlation.headers() == {"X-Correlation-ID": "abc", "traceparent": TRACEPARENT}
