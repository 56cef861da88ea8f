"""What is generated: whole files, and blocks inside pages that people write.

A block stands between `<!-- generated: NAME -->` and `<!-- end of generated -->`; whatever stands around it is kept.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from infra.local.docs import api, profiles, tables
from infra.local.docs.data_model import PICTURES, draw_data_model
from infra.local.docs.flow import draw_flow
from infra.local.docs.functions import ROOT
from infra.local.docs.invariants import invariants_list, purposes_table
from infra.local.docs.settings import settings_table
from shared.sync.events.contract import Contract
from shared.sync.events.json_schema import json_schema
from shared.sync.profiles.load_profile import CANONICAL, contracts_of

DOCS = ROOT / "docs"
_BLOCK = re.compile(r"(<!-- generated: ([a-z_ -]+) -->\n)(.*?)(<!-- end of generated -->)", re.DOTALL)


class DocsIncomplete(Exception):
    """A page or a block is missing, or holds a block nobody writes; the message names it."""


@dataclass(frozen=True)
class Block:
    """A generated part of a page; `write` is given what stands there now, for what people keep in it."""

    page: str
    name: str
    write: Callable[[str], str]


def _always(write: Callable[[], str]) -> Callable[[str], str]:
    return lambda _current: write()


def _schema_text(contract: Contract) -> str:
    return json.dumps(json_schema(contract), indent=2, ensure_ascii=False) + "\n"


def whole_files() -> Iterator[tuple[str, Callable[[], str]]]:
    """The files that are generated as a whole, by path from docs/."""
    for contract in contracts_of(CANONICAL):
        yield f"schemas/{contract.title}.schema.json", partial(_schema_text, contract)
    for picture in PICTURES:
        yield f"images/{picture.file}", partial(draw_data_model, picture)
    yield "images/flow.svg", draw_flow


def blocks() -> Iterator[Block]:
    """Every generated block."""
    for contract in contracts_of(CANONICAL):
        write = partial(tables.fields_table, contract)
        yield Block("event-contract.md", f"fields {contract.stream}", _always(write))
    yield Block("event-contract.md", "status groups", _always(tables.status_groups_table))
    yield Block("event-contract.md", "event errors", _always(tables.event_errors_table))
    yield Block("api.md", "everywhere", _always(api.everywhere_list))
    yield Block("api.md", "endpoints", _always(api.endpoints_table))
    yield Block("api.md", "matrix", _always(api.matrix_table))
    yield Block("api.md", "examples", _always(api.examples_list))
    yield Block("profiles.md", "profiles", _always(profiles.profiles_table))
    yield Block("profiles.md", "keys", _always(profiles.keys_table))
    for name, contract in profiles.stream_tables():
        yield Block("profiles.md", name, _always(partial(profiles.names_table, contract)))
    yield Block("errors.md", "errors", _always(tables.errors_table))
    yield Block("settings.md", "settings", settings_table)
    yield Block("operators-first-hour.md", "metrics", _always(tables.metrics_table))
    yield Block("architecture.md", "functions", _always(tables.functions_table))
    yield Block("architecture.md", "roles", _always(tables.roles_table))
    yield Block("data-model.md", "tables", purposes_table)
    yield Block("data-model.md", "invariants", _always(invariants_list))
    for runbook in tables.runbooks():
        yield Block(f"runbooks/{runbook}.md", "codes", _always(partial(tables.runbook_codes, runbook)))


def wanted(docs: Path = DOCS) -> dict[Path, str]:
    """What every generated file should hold now. Raises DocsIncomplete and LookupError."""
    texts = {docs / path: write() for path, write in whole_files()}
    by_page: dict[str, dict[str, Block]] = {}
    for block in blocks():
        by_page.setdefault(block.page, {})[block.name] = block
    for page, own in by_page.items():
        texts[docs / page] = _with_blocks(docs / page, own)
    return texts


def _with_blocks(page: Path, own: dict[str, Block]) -> str:
    if not page.exists():
        raise DocsIncomplete(f"{page} is missing: write it, with the blocks {', '.join(own)}")
    text = page.read_text(encoding="utf-8")
    standing = [name for _, name, _, _ in _BLOCK.findall(text)]
    if sorted(standing) != sorted(own):
        raise DocsIncomplete(f"{page} has the blocks {sorted(standing)} instead of {sorted(own)}")
    return _BLOCK.sub(lambda found: f"{found[1]}{own[found[2]].write(found[3])}\n{found[4]}", text)


def stale(docs: Path = DOCS) -> list[Path]:
    """The generated files that do not hold what they should."""
    return [
        path for path, text in wanted(docs).items() if not path.exists() or path.read_text("utf-8") != text
    ]
