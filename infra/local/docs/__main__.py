"""`python -m infra.local.docs [--check]`: write the generated documentation, or say what is not current."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.local.docs.pages import DOCS, DocsIncomplete, stale, wanted


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 when everything is current, or was written; 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a file is not current")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder of the documentation (docs)")
    chosen = parser.parse_args(arguments)
    try:
        return _check(chosen.docs) if chosen.check else _write(chosen.docs)
    except (DocsIncomplete, LookupError) as error:
        print(f"docs: {error}", file=sys.stderr)
        return 1


def _check(docs: Path) -> int:
    found = stale(docs)
    for path in found:
        print(f"docs: {path} is not current: run `python -m infra.local.docs`", file=sys.stderr)
    return 1 if found else 0


def _write(docs: Path) -> int:
    changed = stale(docs)
    texts = wanted(docs)
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path], encoding="utf-8")
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
