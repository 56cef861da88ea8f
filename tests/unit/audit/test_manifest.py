"""Months and names of archives."""

from datetime import UTC, datetime

import pytest

from shared.audit.anchors import Anchor, anchor_name, read_anchor, signed_anchor
from shared.audit.manifest import archive_name, end_of, month_after
from tests.support.audit import signing_key

KEY = signing_key()
ANCHOR = Anchor("control", 17, bytes(range(32)))


@pytest.mark.parametrize(
    ("month", "end"),
    [
        ("2026-01", datetime(2026, 2, 1, tzinfo=UTC)),
        ("2026-11", datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-12", datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_month_ends_where_the_next_begins(month: str, end: datetime) -> None:
    assert end_of(month) == end
    assert month_after(month) == end.strftime("%Y-%m")


@pytest.mark.parametrize(
    "month", ["", "2026", "2026-13", "2026-00", "2026-1", "2026-01-01", "../2026-01", "9999-12"]
)
def test_what_is_no_month_is_refused(month: str) -> None:
    with pytest.raises(ValueError, match="month"):
        end_of(month)


def test_names_sort_by_time_and_position() -> None:
    months = [archive_name("control", month) for month in ("2025-12", "2026-01", "2026-10")]
    heads = [anchor_name("control", position) for position in (9, 10, 2**62)]
    assert (sorted(months), sorted(heads)) == (months, heads)


def test_an_anchor_is_read_as_it_was_signed() -> None:
    published = signed_anchor(ANCHOR, KEY)
    assert read_anchor(published, [signing_key(2).public, KEY.public]) == ANCHOR
    assert published == signed_anchor(ANCHOR, KEY)
    assert read_anchor(published, [signing_key(2).public]) is None


def test_any_bit_of_an_anchor_is_found() -> None:
    published = signed_anchor(ANCHOR, KEY)
    for at in range(len(published)):
        for bit in range(8):
            turned = bytearray(published)
            turned[at] ^= 1 << bit
            assert read_anchor(bytes(turned), [KEY.public]) is None, (at, bit)


@pytest.mark.parametrize("line", [b"{}", b"[]", b"x", b'{"format":"counterfoil-audit-archive/1"}'])
def test_what_is_signed_and_no_anchor_is_none(line: bytes) -> None:
    assert read_anchor(line + b"\n" + KEY.sign(line).hex().encode() + b"\n", [KEY.public]) is None


@pytest.mark.parametrize(
    "change", [lambda p: p + b"\n", lambda p: p[:-1], lambda p: p.upper(), lambda p: b"", lambda p: p * 50]
)
def test_other_bytes_around_it_are_no_anchor(change: "object") -> None:
    assert callable(change)
    assert read_anchor(change(signed_anchor(ANCHOR, KEY)), [KEY.public]) is None
