"""The files behind the sinks."""

import threading
from pathlib import Path

import pytest

from infra.local.sinks import ReceivedStore


def test_records_are_numbered_per_kind_and_read_in_order(tmp_path: Path) -> None:
    store = ReceivedStore(tmp_path)
    for subject in ("first", "second", "third"):
        store.append("mail", {"subject": subject})
    store.append("hook", {"path": "/"})
    assert [record["subject"] for record in store.read("mail", limit=2)] == ["second", "third"]
    assert [record["number"] for record in store.read("mail", after=1)] == [2, 3]
    assert store.counts() == {"mail": 3, "hook": 1, "insights": 0}


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    ReceivedStore(tmp_path).append("mail", {})
    assert ReceivedStore(tmp_path).append("mail", {}) == 2


def test_old_records_make_room_but_stay_counted(tmp_path: Path) -> None:
    store = ReceivedStore(tmp_path, file_bytes_max=2000)
    for number in range(100):
        store.append("hook", {"body": "x" * 100, "index": number})
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 5000
    kept = store.read("hook", limit=1000)
    assert 8 < len(kept) < 40
    assert kept[-1]["index"] == 99
    assert store.counts()["hook"] == 100
    assert ReceivedStore(tmp_path).counts()["hook"] == 100


def test_a_half_written_line_does_not_hide_the_rest(tmp_path: Path) -> None:
    ReceivedStore(tmp_path).append("mail", {"subject": "whole"})
    with (tmp_path / "mail.jsonl").open("a") as file:
        file.write('{"number": 2, "subj')
    store = ReceivedStore(tmp_path)
    store.append("mail", {"subject": "after it"})
    assert [record["subject"] for record in store.read("mail")] == ["whole", "after it"]


def test_threads_do_not_mix_lines(tmp_path: Path) -> None:
    store = ReceivedStore(tmp_path)

    def append_many() -> None:
        for _ in range(50):
            store.append("insights", {"body": "y" * 500})

    threads = [threading.Thread(target=append_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [record["number"] for record in store.read("insights", limit=1000)] == list(range(1, 201))


@pytest.mark.parametrize("limit", [-5, 0])
def test_a_silly_limit_gives_one(tmp_path: Path, limit: int) -> None:
    store = ReceivedStore(tmp_path)
    store.append("mail", {})
    store.append("mail", {})
    assert len(store.read("mail", limit=limit)) == 1
