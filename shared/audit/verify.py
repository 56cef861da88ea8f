"""`python -m shared.audit.verify FILE --key PUB`: check archives of the audit record; needs no database and no network.

FILE is an archive's file of entries (.jsonl), with its manifest and signature beside it; several are taken in order,
and each must follow the one before. RECORDS is the file of access records of the same month as the FILE in its place
(the first with the first), compared with the seals in it. PUB is a public key in PEM, ANCHOR a published head. Exit
status: 0 everything holds; 1 something does not, the first bad position is named; 2 a file, a key or an anchor cannot
be used.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from shared.audit.verify_files import Examined, verify_files
from shared.errors.base import CounterfoilError

BROKEN, UNUSABLE = 1, 2


def main(arguments: Sequence[str]) -> int:
    """The exit status."""
    chosen = _parser().parse_args(arguments)
    show = _json if chosen.json else _sentence
    status = 0
    try:
        for file, examined in verify_files(chosen.file, chosen.key, chosen.anchor, chosen.records):
            sys.stdout.write(show(file, examined) + "\n")
            status = BROKEN if examined.finding else status
    except (CounterfoilError, OSError) as error:
        sys.stderr.write(f"verify: {error}\n")
        return UNUSABLE
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m shared.audit.verify",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", nargs="+", type=Path, metavar="FILE", help="the entries of an archive")
    parser.add_argument("--key", action="append", required=True, type=Path, metavar="PUB", help="repeatable")
    parser.add_argument(
        "--anchor", action="append", default=[], type=Path, metavar="ANCHOR", help="repeatable"
    )
    parser.add_argument(
        "--records", action="append", default=[], type=Path, metavar="RECORDS", help="repeatable"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per file")
    return parser


def _json(file: Path, examined: Examined) -> str:
    found, manifest = examined.finding, examined.manifest
    told = {"finding": asdict(found) if found else None, "manifest": asdict(manifest) if manifest else None}
    return json.dumps({"file": str(file), "holds": found is None, **told})


def _sentence(file: Path, examined: Examined) -> str:
    finding, manifest = examined.finding, examined.manifest
    if finding is not None:
        place = f"position {finding.position}" if finding.position is not None else finding.subject
        return f"{file}: does not hold: {finding.flaw} at {place}"
    assert manifest is not None, "an archive that holds has a manifest"
    place = f", positions {manifest.first_position} to {manifest.last_position}" if manifest.count else ""
    closed = "".join(
        f"; closed break at {each.break_position} to {each.head_position}: {each.flaw}"
        for each in manifest.boundaries
    )
    return f"{file}: holds: {manifest.chain} {manifest.month}, {manifest.count} entries{place}{closed}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
