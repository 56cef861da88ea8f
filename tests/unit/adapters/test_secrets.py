"""Secrets: versions in order, files nobody else can read, and what is kept while the store does not answer."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from shared.adapters.secrets import CachedSecrets, FileSecrets, Secret, SecretUnavailable
from tests.support.runtime import HeldSecrets

DONE_SECONDS_MAX = 30


def keep(folder: Path, name: str, version: str, value: str, mode: int = 0o600) -> Path:
    (folder / name).mkdir(exist_ok=True)
    file = folder / name / version
    file.write_text(value)
    file.chmod(mode)
    return file


def test_the_newest_version_is_used_and_all_are_known(tmp_path: Path) -> None:
    for version, value in (("1", "one\n"), ("3", "three\n"), ("2", "two\n")):
        keep(tmp_path, "a-key", version, value)
    secrets = FileSecrets(tmp_path)
    assert secrets.get("a-key") == Secret("three", "3")
    assert [each.value for each in secrets.versions("a-key")] == ["three", "two", "one"]
    assert secrets.get("a-key").key == b"three"


def test_the_tenth_version_is_newer_than_the_ninth(tmp_path: Path) -> None:
    for version in ("9", "10", "2", "2026-9", "2026-11", "a"):
        keep(tmp_path, "a-key", version, version)
    found = [each.version for each in FileSecrets(tmp_path).versions("a-key")]
    assert found == ["2026-11", "2026-9", "10", "9", "2", "a"]


def test_a_secret_shows_nothing(tmp_path: Path) -> None:
    keep(tmp_path, "a-key", "1", "hunter2")
    assert "hunter2" not in repr(FileSecrets(tmp_path).versions("a-key"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_file_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    keep(tmp_path, "a-key", "1", "value", mode)
    with pytest.raises(SecretUnavailable):
        FileSecrets(tmp_path).get("a-key")


def test_what_is_missing_or_no_text_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(SecretUnavailable):
        FileSecrets(tmp_path / "nowhere").get("a-key")
    keep(tmp_path, "a-key", "1", "").write_bytes(b"\xff")
    with pytest.raises(SecretUnavailable):
        FileSecrets(tmp_path).get("a-key")


@pytest.mark.parametrize("name", ["../a", "", "a/b", "a_b", "-a", "x" * 128])
def test_a_name_cannot_lead_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        FileSecrets(tmp_path).get(name)


def test_a_secret_is_read_again_after_its_time_only() -> None:
    moment = 0.0
    store = HeldSecrets({"a-key": ["one"]})
    secrets = CachedSecrets(store, 300, lambda: moment)
    assert secrets.get("a-key").value == "one"
    store.held["a-key"].append("two")
    moment = 299.9
    assert secrets.get("a-key").value == "one"
    moment = 300.0
    assert [each.value for each in secrets.versions("a-key")] == ["two", "one"]


def test_what_was_read_stands_while_the_store_does_not_answer() -> None:
    moment = 0.0
    store = HeldSecrets({"a-key": ["one"]}, reachable=False)
    secrets = CachedSecrets(store, 300, lambda: moment)
    with pytest.raises(SecretUnavailable):
        secrets.get("a-key")
    store.reachable = True
    assert secrets.get("a-key").value == "one"
    store.reachable, moment = False, 1_000.0
    assert secrets.get("a-key").value == "one"
    with pytest.raises(SecretUnavailable):
        secrets.get("another-key")


class SlowSecrets(HeldSecrets):
    """Answers when it is let."""

    def __init__(self, held: dict[str, list[str]]) -> None:
        super().__init__(held)
        self.asked, self.let = Event(), Event()
        self.let.set()

    def versions(self, name: str) -> list[Secret]:
        self.asked.set()
        assert self.let.wait(DONE_SECONDS_MAX)
        return super().versions(name)


def test_while_one_waits_for_the_store_the_others_do_not() -> None:
    moment = 0.0
    store = SlowSecrets({"a-key": ["one"]})
    secrets = CachedSecrets(store, 300, lambda: moment)
    assert secrets.get("a-key").value == "one"
    store.held["a-key"].append("two")
    store.asked.clear()
    store.let.clear()
    moment = 301.0
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(secrets.get, "a-key")
        try:
            assert store.asked.wait(DONE_SECONDS_MAX)
            assert pool.submit(secrets.get, "a-key").result(DONE_SECONDS_MAX).value == "one"
        finally:
            store.let.set()
        assert waiting.result(DONE_SECONDS_MAX).value == "two"
    assert secrets.get("a-key").value == "two"
