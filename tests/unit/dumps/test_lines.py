"""The records of a file: their places, whatever their line ends, quotes and lengths."""

import io
import json
from itertools import pairwise
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sync.dumps.errors import DumpUnreadable
from shared.sync.dumps.lines import Rows, pass_over, records
from shared.sync.dumps.model import Line
from shared.sync.errors import LineInvalid
from shared.sync.events.values import BODY_BYTES_MAX
from shared.sync.read_batch import reader_of
from tests.support.dialects import DEFAULTS
from tests.support.steady import STEADY


def file(data: bytes) -> BinaryIO:
    return io.BytesIO(data)


def told(data: bytes) -> list[tuple[int, bytes]]:
    return [(line.number, line.data) for line in records(file(data), "ndjson")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_lines_have_numbers_and_blank_ones_are_passed_over(end: bytes, last: bool) -> None:
    data = end.join([b'{"a":1}', b"", b"  ", b"{}"]) + (end if last else b"")
    assert told(data) == [(1, b'{"a":1}'), (4, b"{}")]


def test_a_mark_of_the_encoding_is_no_part_of_the_first_line() -> None:
    assert told(b"\xef\xbb\xbf{}\n\xef\xbb\xbf{}") == [(1, b"{}"), (2, b"\xef\xbb\xbf{}")]


LINES = st.lists(
    st.binary(max_size=30).map(lambda b: b.replace(b"\n", b" ").replace(b"\r", b" ")), max_size=12
)


@given(LINES, st.integers(0, 12))
@STEADY
def test_a_file_read_from_any_place_gives_the_same_lines(lines: list[bytes], stop: int) -> None:
    data = b"\n".join(lines)
    whole = list(records(file(data), "ndjson"))
    head = whole[:stop]
    place = head[-1] if head else Line(0, 0, 0, b"", 0)
    rest = file(data)
    pass_over(rest, place.end)
    assert head + list(records(rest, "ndjson", place.end, place.number)) == whole
    assert all(data[line.begin : line.end].rstrip(b"\n").endswith(line.data) for line in whole)


CELLS = st.lists(
    st.lists(st.sampled_from(["a", 'say "x"', "two\nlines", "", ",", "é"]), min_size=2, max_size=2)
)


@given(CELLS)
@STEADY
def test_quoted_cells_may_hold_line_ends_and_quotes(rows: list[list[str]]) -> None:
    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"'

    text = "".join(",".join(map(quoted, row)) + "\n" for row in [["tx_id", "merchant"], *rows])
    header, *found = records(file(text.encode()), "csv")
    reading = Rows(header.data, "csv", reader_of("ledger", DEFAULTS))
    values = [json.loads(reading.body(line)) for line in found]
    assert values == [
        {name: cell for name, cell in zip(("tx_id", "merchant"), row, strict=True) if cell} for row in rows
    ]
    assert all(line.end == after.begin for line, after in pairwise(found))


def test_a_line_far_too_long_is_cut_and_the_next_one_read() -> None:
    long, after = records(file(b"x" * (3 * BODY_BYTES_MAX) + b"\n{}\n"), "ndjson")
    assert (len(long.data), long.length) == (BODY_BYTES_MAX + 2, 3 * BODY_BYTES_MAX + 1)
    assert (after.number, after.begin, after.data) == (2, 3 * BODY_BYTES_MAX + 1, b"{}")


def test_a_quote_that_is_never_closed_costs_one_line() -> None:
    lines = [b'"open,1', *[b"t-%d,1" % n + b" " * 1000 for n in range(400)]]
    found = list(records(file(b"\n".join(lines)), "csv"))
    assert [line.number for line in found] == list(range(1, 402))
    assert found[0].data == b'"open,1'


def test_a_quote_open_at_the_end_gives_its_lines_one_by_one() -> None:
    assert [line.number for line in records(file(b'a,b\n"c,1\nd,2\n'), "csv")] == [1, 2, 3]


@pytest.mark.parametrize("data", [b"1", b"1,2,3", b'"1"x,2', b"\xff,2", b'"1,2', b"x" * (BODY_BYTES_MAX + 1)])
def test_what_is_no_row_is_refused(data: bytes) -> None:
    rows = Rows(b"a,b", "csv", reader_of("ledger", DEFAULTS))
    with pytest.raises(LineInvalid):
        rows.body(Line(2, 4, 9, data, len(data)))


@pytest.mark.parametrize("header", [b"a,,b", b"a,a", b'"a', b"\xff"])
def test_what_is_no_header_is_refused(header: bytes) -> None:
    with pytest.raises(DumpUnreadable):
        Rows(header, "csv", reader_of("ledger", DEFAULTS))


@pytest.mark.parametrize(("format_", "data"), [("csv-semicolon", b"1;2"), ("tsv", b"1\t2"), ("csv", b"1,2")])
def test_rows_by_their_delimiter(format_: str, data: bytes) -> None:
    header = data.replace(b"1", b"a").replace(b"2", b"b")
    rows = Rows(header, format_, reader_of("ledger", DEFAULTS))  # type: ignore[arg-type]
    assert json.loads(rows.body(Line(2, 4, 7, data, 3))) == {"a": "1", "b": "2"}


def test_a_row_is_put_into_the_envelope_of_its_dialect() -> None:
    rows = Rows(b"tx_id,money.value", "csv", reader_of("ledger", DEFAULTS, "cdc-v1"))
    assert json.loads(rows.body(Line(2, 4, 7, b"t,1", 3))) == {
        "payload": {"after": {"tx_id": "t", "money": {"value": "1"}}}
    }


def test_a_file_shorter_than_what_was_loaded_is_refused() -> None:
    with pytest.raises(DumpUnreadable):
        pass_over(file(b"12"), 3)
