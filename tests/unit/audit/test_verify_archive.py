"""Archives as files: each way in which one does not hold, also when it is rightly signed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from shared.audit.anchors import Anchor
from shared.audit.links import LINE_BYTES_MAX, Finding, Flaw
from shared.audit.manifest import ENTRIES, MANIFEST, SIGNATURE, Manifest
from shared.audit.verify_archive import Examined, verify_archive
from tests.support.audit import chain_of, relinked, signing_key, write_archive

KEY = signing_key()
WHOLE = chain_of(8)
NOVEMBER, DECEMBER = "2026-11", "2026-12"


def look(file: Path, previous: Manifest | None = None, *anchors: Anchor) -> Examined:
    return verify_archive(file, [signing_key(2).public, KEY.public], previous, anchors)


def manifest_of(file: Path) -> Path:
    return file.with_name(file.name.removesuffix(ENTRIES) + MANIFEST)


def sign(file: Path, change: Callable[[Manifest], bytes]) -> None:
    """Write another manifest, rightly signed."""
    path = manifest_of(file)
    manifest = Manifest.decode(path.read_bytes())
    assert manifest is not None
    encoded = change(manifest)
    path.write_bytes(encoded)
    file.with_name(file.name.removesuffix(ENTRIES) + SIGNATURE).write_bytes(KEY.sign(encoded))


def test_two_months_hold_one_after_the_other(tmp_path: Path) -> None:
    first = look(write_archive(tmp_path, WHOLE[:5], KEY, NOVEMBER))
    assert first.manifest is not None
    second = write_archive(tmp_path, WHOLE[5:], signing_key(2), DECEMBER, first.manifest)
    assert (first.finding, look(second).finding, look(second, first.manifest).finding) == (None, None, None)
    anchors = [
        Anchor("control", 7, WHOLE[6].hash),
        Anchor("access", 7, bytes(32)),
        Anchor("control", 99, bytes(32)),
    ]
    assert look(second, first.manifest, *anchors).finding is None
    assert look(second, None, Anchor("control", 7, bytes(32))).finding == Finding(Flaw.ANCHOR_DIFFERS, 7)


def test_what_does_not_follow_is_found(tmp_path: Path) -> None:
    first = look(write_archive(tmp_path, WHOLE[:5], KEY, NOVEMBER)).manifest
    assert first is not None
    holed = write_archive(tmp_path, WHOLE[6:], KEY, DECEMBER, first)
    assert look(holed, first).finding == Finding(Flaw.PREDECESSOR_DIFFERS, 6)
    other = write_archive(tmp_path, WHOLE[5:], KEY, DECEMBER, replace(first, month="2026-10"))
    assert look(other, first).finding == Finding(Flaw.PREDECESSOR_DIFFERS, 6)
    early = relinked([replace(WHOLE[5], appended_at=WHOLE[3].appended_at)], WHOLE[4])
    behind = write_archive(tmp_path, early, KEY, DECEMBER, first)
    assert look(behind).finding is None
    assert look(behind, first).finding == Finding(Flaw.CLOCK_REGRESS, 6)


def test_a_first_archive_begins_at_the_beginning(tmp_path: Path) -> None:
    file = write_archive(tmp_path, WHOLE[2:], KEY, NOVEMBER)
    assert look(file).finding == Finding(Flaw.PREDECESSOR_DIFFERS, 3)


@pytest.mark.parametrize(
    ("change", "flaw", "position"),
    [
        (lambda m: replace(m, count=4, last_position=4).encode(), Flaw.SURPLUS, 5),
        (lambda m: replace(m, count=6, last_position=6).encode(), Flaw.TRUNCATED, 6),
        (lambda m: replace(m, first_hash="00" * 32, last_hash="00" * 32).encode(), Flaw.MANIFEST_DIFFERS, 1),
        (lambda m: replace(m, last_hash="00" * 32).encode(), Flaw.MANIFEST_DIFFERS, 5),
        (lambda m: replace(m, entries_sha256="00" * 32).encode(), Flaw.MANIFEST_DIFFERS, None),
        (lambda m: replace(m, entries_bytes=1).encode(), Flaw.MANIFEST_DIFFERS, None),
        (lambda m: replace(m, last_appended_at=None).encode(), Flaw.MANIFEST_DIFFERS, None),
        (lambda m: replace(m, chain="access").encode(), Flaw.OTHER_CHAIN, 1),
        (lambda m: replace(m, count=3).encode(), Flaw.MANIFEST_INVALID, None),
        (lambda m: replace(m, count="5").encode(), Flaw.MANIFEST_INVALID, None),
        (lambda m: replace(m, format="other/1").encode(), Flaw.MANIFEST_INVALID, None),
        (lambda m: replace(m, previous_hash="zz").encode(), Flaw.MANIFEST_INVALID, None),
        (lambda m: replace(m, last_hash=None).encode(), Flaw.MANIFEST_INVALID, None),
        (lambda m: m.encode() + b"\n", Flaw.MANIFEST_INVALID, None),
        (lambda m: m.encode().replace(b'"count"', b'"counts"'), Flaw.MANIFEST_INVALID, None),
        (lambda m: b"[]\n", Flaw.MANIFEST_INVALID, None),
        (lambda m: b"\xff\n", Flaw.MANIFEST_INVALID, None),
        (lambda m: b"[" * 16_000, Flaw.MANIFEST_INVALID, None),
    ],
)  # fmt: skip
def test_a_signed_manifest_that_says_something_else_is_found(
    tmp_path: Path, change: Callable[[Manifest], bytes], flaw: Flaw, position: int | None
) -> None:
    file = write_archive(tmp_path, WHOLE[:5], KEY, NOVEMBER)
    sign(file, change)
    finding = look(file).finding
    assert finding is not None
    assert (finding.flaw, finding.position) == (flaw, position)


@pytest.mark.parametrize("signature", [b"", b"\0" * 64, b"\0" * 63, b"\0" * 200])
def test_no_signature_of_the_keys_is_found(tmp_path: Path, signature: bytes) -> None:
    file = write_archive(tmp_path, WHOLE, KEY, NOVEMBER)
    file.with_name(file.name.removesuffix(ENTRIES) + SIGNATURE).write_bytes(signature)
    assert look(file) == Examined(None, Finding(Flaw.SIGNATURE_INVALID, None, manifest_of(file).name))


def test_a_signature_with_more_behind_it_is_none(tmp_path: Path) -> None:
    file = write_archive(tmp_path, WHOLE, KEY, NOVEMBER)
    path = file.with_name(file.name.removesuffix(ENTRIES) + SIGNATURE)
    path.write_bytes(path.read_bytes() + b"\n")
    finding = look(file).finding
    assert finding is not None
    assert finding.flaw is Flaw.SIGNATURE_INVALID


@pytest.mark.parametrize("missing", [ENTRIES, MANIFEST, SIGNATURE])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    file = write_archive(tmp_path, WHOLE, KEY, NOVEMBER)
    name = file.name.removesuffix(ENTRIES) + missing
    (tmp_path / name).unlink()
    assert look(file) == Examined(None, Finding(Flaw.FILE_MISSING, None, name))


def test_a_line_without_end_is_found_and_not_read_whole(tmp_path: Path) -> None:
    file = write_archive(tmp_path, WHOLE, KEY, NOVEMBER)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:3]) + b"x" * (4 * LINE_BYTES_MAX))
    assert look(file).finding == Finding(Flaw.MALFORMED, 4)


def test_lines_across_the_blocks_of_a_file_hold(tmp_path: Path) -> None:
    """The file is several times as large as what is read at once."""
    many = chain_of(5_000)
    file = write_archive(tmp_path, many, KEY, NOVEMBER)
    assert file.stat().st_size > 3 << 20
    assert look(file).finding is None
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)
    assert look(file).finding == Finding(Flaw.CHANGED, 5_000)
