"""The command: what it takes, what it says by its exit status, and its JSON."""

import json
from pathlib import Path

import pytest

from shared.audit.anchors import Anchor, signed_anchor
from shared.audit.verify import BROKEN, UNUSABLE, main
from tests.support.audit import chain_of, signing_key, write_archive

KEY = signing_key()
WHOLE = chain_of(4)


@pytest.fixture
def public(tmp_path: Path) -> str:
    path = tmp_path / "public.pem"
    path.write_bytes(KEY.public.pem())
    return str(path)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write_archive(tmp_path, WHOLE, KEY, "2026-11")


def told(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_what_holds(archive: Path, public: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(archive), "--key", public]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert main([str(archive), "--key", public, "--json"]) == 0
    (said,) = told(capsys.readouterr().out)
    assert (said["file"], said["holds"], said["finding"]) == (str(archive), True, None)


def test_what_does_not_hold(archive: Path, public: str, capsys: pytest.CaptureFixture[str]) -> None:
    archive.write_bytes(archive.read_bytes().replace(b"oid:7f1c", b"oid:7f1d"))
    assert main([str(archive), "--key", public]) == BROKEN
    assert "CHANGED" in capsys.readouterr().out
    assert main([str(archive), str(archive.with_name("none.jsonl")), "--key", public, "--json"]) == BROKEN
    first, second = told(capsys.readouterr().out)
    assert first["finding"] == {"flaw": "CHANGED", "position": 1, "subject": ""}
    assert second["finding"] == {"flaw": "FILE_MISSING", "position": None, "subject": "none.jsonl"}
    assert main([str(archive.with_name("none.jsonl")), "--key", public]) == BROKEN


def test_anchors_are_compared(archive: Path, public: str, tmp_path: Path) -> None:
    for name, digest in (("good", WHOLE[1].hash), ("other", bytes(32))):
        (tmp_path / name).write_bytes(signed_anchor(Anchor("control", 2, digest), KEY))
    assert main([str(archive), "--key", public, "--anchor", str(tmp_path / "good")]) == 0
    assert main([str(archive), "--key", public, "--anchor", str(tmp_path / "other")]) == BROKEN


def test_what_cannot_be_used(
    archive: Path, public: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (
        [str(archive), "--key", str(archive)],
        [str(archive), "--key", str(tmp_path / "none.pem")],
        [str(archive), "--key", public, "--anchor", public],
    ):
        assert main(arguments) == UNUSABLE
        said = capsys.readouterr()
        assert (said.out, len(said.err.splitlines())) == ("", 1)


@pytest.mark.parametrize("arguments", [[], ["x.jsonl"], ["--key", "k"]])
def test_a_file_and_a_key_are_needed(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == UNUSABLE
