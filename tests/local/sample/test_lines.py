import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from infra.local.sample import SampleEvent, generate
from infra.local.sample.lines import LineInvalid, read_line, read_lines, write_line
from tests.support.processes import ROOT


def test_every_event_survives_the_file_byte_for_byte(tmp_path: Path) -> None:
    events = list(generate(2, 400, date(2026, 11, 23), malformed_share=0.2))
    path = tmp_path / "day.ndjson"
    path.write_bytes(b"".join(write_line(event) for event in events))
    assert [event[:4] for event in read_lines(path)] == [event[:4] for event in events]


@pytest.mark.parametrize(
    ("line", "stream", "key"),
    [
        (b'{"tx_id":"t1","wallet_id":"w"}', "ledger", "t1"),
        (b'{"tx_id":"t1","related_id":"o1"}', "ledger", "o1"),
        (b'{"tx_id":"t1","order_id":"o1","status":"PAID"}', "ledger", "t1"),
        (b'{"order_id":"o1","status":"PAID"}', "payment_order", "o1"),
        (b'{"specversion":"1.0","data":{"order_id":"o2","status":"PAID"}}', "payment_order", "o2"),
    ],
)
def test_the_stream_of_a_bare_event_is_told_from_its_fields(line: bytes, stream: str, key: str) -> None:
    assert read_line(line + b"\n") == SampleEvent(stream, key, line, {}, "from file")  # type: ignore[arg-type]


def test_a_body_may_be_written_as_an_object() -> None:
    event = read_line(b'{"stream":"ledger","body":{"tx_id":"t1"}}')
    assert (event.partition_key, json.loads(event.body)) == ("", {"tx_id": "t1"})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nonsense", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"wallet_id":"w"}', "neither tx_id nor order_id"),
        (b'{"stream":"ledger","body":"{}","key":"k"}', "key is unknown"),
        (b'{"stream":"refunds","body":"{}"}', "'refunds'"),
        (b'{"stream":"ledger","body":"{}","properties":{"a":1}}', "properties"),
        (b'{"stream":"ledger","body_base64":"%%"}', "base64"),
    ],
)
def test_a_bad_line_is_named_with_its_number_and_the_reason(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(b'{"tx_id":"t1"}\n\n' + line + b"\n")
    with pytest.raises(LineInvalid, match=f"line 3: .*{reason}"):
        list(read_lines(path))


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LineInvalid, match="cannot be read: No such file"):
        list(read_lines(tmp_path / "absent.ndjson"))


def test_the_command_writes_a_readable_day(tmp_path: Path) -> None:
    path = tmp_path / "day.ndjson"
    done = subprocess.run(
        [sys.executable, "-m", "infra.local.sample", "--events", "50", "--seed", "4", "--out", str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0
    assert "50 events" in done.stderr
    assert len(list(read_lines(path))) == 50
