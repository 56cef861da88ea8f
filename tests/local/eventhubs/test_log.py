"""The partition log: numbers, times, torn tails, retention."""

import errno
import resource
import tempfile
from pathlib import Path

import pytest
from azure.eventhub._pyamqp._decode import decode_payload
from hypothesis import given
from hypothesis import strategies as st

from infra.local.eventhubs.errors import StartError
from infra.local.eventhubs.log import PartitionLog, Retention
from infra.local.eventhubs.messages import Event
from tests.support.amqp_client import message

FOREVER = Retention(age_ms=10**12, size_bytes=10**9)
NOW = 1_700_000_000_000
HOUR = 3_600_000


def _events(*bodies: bytes) -> list[Event]:
    return [Event(None, (), message(body)) for body in bodies]


def _numbers_and_bodies(log: PartitionLog) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    sequence = log.begin_sequence
    while events := log.read(sequence, 100, 10_000):
        for raw in events:
            event = decode_payload(memoryview(raw))
            annotations, data = event.message_annotations, event.data
            assert annotations is not None
            assert isinstance(data, list)
            found.append((annotations[b"x-opt-sequence-number"], data[0]))
        sequence += len(events)
    return found


def test_numbers_have_no_gap_and_times_never_fall(tmp_path: Path) -> None:
    log = PartitionLog.open(tmp_path, FOREVER)
    for now, bodies in ((NOW, (b"a", b"b")), (NOW - 5000, (b"c",)), (NOW + 1, (b"d",))):
        log.append(_events(*bodies), now)
    assert _numbers_and_bodies(log) == [(0, b"a"), (1, b"b"), (2, b"c"), (3, b"d")]
    times = [log.sequence_from_time(now, inclusive=True) for now in (NOW, NOW + 1, NOW + 2)]
    assert times == [0, 3, 4]
    assert log.properties()[:2] == (0, 3)
    log.close()


def test_a_new_log_says_it_never_had_an_event(tmp_path: Path) -> None:
    log = PartitionLog.open(tmp_path, FOREVER)
    assert log.properties() == (-1, -1, -1, -1, True)
    log.close()


def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    log = PartitionLog.open(tmp_path, Retention(10**12, 4000))
    for number in range(30):
        log.append(_events(b"%03d" % number), NOW + number)
    before = (_numbers_and_bodies(log), log.properties())
    log.close()
    again = PartitionLog.open(tmp_path, Retention(10**12, 4000))
    assert (_numbers_and_bodies(again), again.properties()) == before
    again.append(_events(b"next"), NOW)
    assert _numbers_and_bodies(again)[-1] == (30, b"next")
    again.close()


@given(st.integers(0, 400), st.binary(max_size=12))
def test_a_torn_tail_loses_whole_publishes_only(cut: int, rubbish: bytes) -> None:
    publishes = [(b"a",), (b"b", b"c", b"d"), (b"e", b"f")]
    with tempfile.TemporaryDirectory() as folder:
        log = PartitionLog.open(Path(folder), FOREVER)
        (path,) = Path(folder).glob("*.log")
        sizes = [path.stat().st_size]
        for bodies in publishes:
            log.append(_events(*bodies), NOW)
            sizes.append(path.stat().st_size)
        log.close()
        kept_bytes = max(sizes[0], sizes[-1] - cut)
        path.write_bytes(path.read_bytes()[:kept_bytes] + rubbish)
        whole = sum(size <= kept_bytes for size in sizes) - 1
        again = PartitionLog.open(Path(folder), FOREVER)
        kept = [body for bodies in publishes[:whole] for body in bodies]
        assert _numbers_and_bodies(again) == list(enumerate(kept))
        assert again.dropped_bytes == kept_bytes - sizes[whole] + len(rubbish)
        again.append(_events(b"next"), NOW)
        assert _numbers_and_bodies(again)[-1] == (len(kept), b"next")
        again.close()


def test_a_flipped_byte_in_the_tail_is_noticed(tmp_path: Path) -> None:
    log = PartitionLog.open(tmp_path, FOREVER)
    log.append(_events(b"good"), NOW)
    log.append(_events(b"spoiled"), NOW)
    log.close()
    (path,) = tmp_path.glob("*.log")
    path.write_bytes(path.read_bytes().replace(b"spoiled", b"spoiler"))
    again = PartitionLog.open(tmp_path, FOREVER)
    assert _numbers_and_bodies(again) == [(0, b"good")]
    again.close()


def test_retention_by_size_gives_space_back_and_moves_the_beginning(tmp_path: Path) -> None:
    log = PartitionLog.open(tmp_path, Retention(10**12, 20_000))
    for number in range(200):
        log.append(_events(b"%0200d" % number), NOW)
    found = _numbers_and_bodies(log)
    assert found[-1] == (199, b"%0200d" % 199)
    assert found[0][0] == log.begin_sequence == log.properties().begin_sequence > 0
    assert [number for number, _ in found] == list(range(log.begin_sequence, 200))
    on_disk = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert 12_000 < on_disk < 22_500
    log.close()


def test_retention_by_age_empties_an_idle_partition_and_keeps_its_numbers(tmp_path: Path) -> None:
    retention = Retention(24 * HOUR, 10**9)
    log = PartitionLog.open(tmp_path, retention)
    for hour in range(0, 48, 2):
        log.append(_events(b"%02d" % hour), NOW + hour * HOUR)
        log.apply_retention(NOW + hour * HOUR)
    assert _numbers_and_bodies(log)[0] == (12, b"24")
    last = log.properties()
    log.apply_retention(NOW + 100 * HOUR)
    log.close()
    empty = PartitionLog.open(tmp_path, retention)
    assert _numbers_and_bodies(empty) == []
    assert empty.properties() == (24, 23, last.last_offset, last.last_enqueued_ms, True)
    empty.append(_events(b"later"), NOW)
    assert _numbers_and_bodies(empty) == [(24, b"later")]
    assert empty.properties().last_enqueued_ms == last.last_enqueued_ms
    assert empty.properties().last_offset > last.last_offset
    empty.close()


def test_offsets_find_their_event_over_all_segments(tmp_path: Path) -> None:
    log = PartitionLog.open(tmp_path, Retention(10**12, 6000))
    offsets = []
    for number in range(40):
        log.append(_events(b"%d" % number), NOW)
        offsets.append(log.properties().last_offset)
    for number in range(log.begin_sequence, 40):
        assert log.sequence_from_offset(offsets[number], inclusive=True) == number
        assert log.sequence_from_offset(offsets[number], inclusive=False) == number + 1
    assert offsets == sorted(set(offsets))
    log.close()


def test_a_failed_write_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    log = PartitionLog.open(tmp_path, FOREVER)
    log.append(_events(b"kept"), NOW)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match=f"Errno {errno.EFBIG}"):
            log.append(_events(b"lost" * 400, b"lost"), NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.append(_events(b"after"), NOW)
    log.close()
    again = PartitionLog.open(tmp_path, FOREVER)
    assert (_numbers_and_bodies(again), again.dropped_bytes) == ([(0, b"kept"), (1, b"after")], 0)
    again.close()


@pytest.mark.parametrize("damage", ["cut", "missing", "foreign"])
def test_damage_before_the_tail_stops_the_start(tmp_path: Path, damage: str) -> None:
    log = PartitionLog.open(tmp_path, Retention(10**12, 4000))
    for number in range(30):
        log.append(_events(b"%03d" % number), NOW)
    log.close()
    path = sorted(tmp_path.glob("*.log"))[1]
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-3] if damage == "cut" else b"another program's file")
    with pytest.raises(StartError, match=str(tmp_path)):
        PartitionLog.open(tmp_path, FOREVER)
