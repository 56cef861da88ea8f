"""The plans of every statement the product really sends, told by the server itself (auto_explain) as it runs them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Engine, event

from shared.database import Database
from shared.database.engine import build_engine
from shared.runtime import Runtime
from tests.support.migrated import app_url, libpq
from tests.support.postgres import ClonedDatabase
from tests.support.runtime import runtime_for

BIG_TABLES = ("ledger_entries", "payment_orders", "pairs", "applied_records")
_EXPLAIN = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_level": "notice",
    "auto_explain.log_format": "json",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_timing": "off",
}
Node = dict[str, Any]


@dataclass
class Plans:
    """What was told since the last `clear`: the statements and their plans."""

    told: list[tuple[str, Node]] = field(default_factory=list)

    def take(self, notice: psycopg.errors.Diagnostic) -> None:
        text = notice.message_primary or ""
        if "plan:" in text:
            document = json.loads(text[text.index("{") :])
            self.told.append((document["Query Text"], document["Plan"]))

    def clear(self) -> None:
        self.told.clear()

    def nodes(self) -> Iterator[Node]:
        """Every node of every plan, those of sub-plans included."""
        for _, plan in self.told:
            yield from walk(plan)

    def indexes(self) -> set[str]:
        """The indexes read; one that a plan names and never comes to is not."""
        return {
            node["Index Name"]
            for node in self.nodes()
            if "Index Name" in node and node.get("Actual Loops", 1)
        }

    def read_whole(self) -> list[str]:
        """Big tables that a plan reads from end to end, whether it came to it or not."""
        scans = (node for node in self.nodes() if _is_big(node) and node["Node Type"] == "Seq Scan")
        return sorted({node["Relation Name"] for node in scans})

    def sorted_rows(self) -> int:
        """The most rows one sort was given."""
        return max(
            (_rows(child) for n in self.nodes() if n["Node Type"] == "Sort" for child in n["Plans"]),
            default=0,
        )

    def scanned_rows(self) -> int:
        """Rows looked at in big tables, those that were of no use included."""
        return sum(_rows(n) + _rows(n, "Rows Removed by Filter") for n in self.nodes() if _is_big(n))

    def buffers(self) -> int:
        """Pages touched."""
        return sum(int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"]) for _, plan in self.told)


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.get("Plans", ()):
        yield from walk(child)


def _rows(node: Node, name: str = "Actual Rows") -> int:
    """The server tells the average of the loops."""
    return round(float(node.get(name, 0)) * float(node.get("Actual Loops", 1)))


def _is_big(node: Node) -> bool:
    return str(node.get("Relation Name", "")).startswith(BIG_TABLES) and "Scan" in node["Node Type"]


@contextmanager
def watched(database: ClonedDatabase, plan_cache_mode: str) -> Iterator[tuple[Runtime, Plans]]:
    """A runtime on the database whose sessions tell the plan of everything they run."""
    with psycopg.connect(libpq(database.url), autocommit=True) as owner:
        for name, value in _EXPLAIN.items():
            parts = (sql.Identifier(database.name), sql.SQL(name), sql.Literal(value))
            owner.execute(sql.SQL("ALTER DATABASE {} SET {} = {}").format(*parts))
    plans = Plans()
    built = runtime_for(app_url(database))
    runtime = replace(
        built, database=Database(lambda: _listening(build_engine(built.settings), plans, plan_cache_mode))
    )
    yield runtime, plans
    runtime.database.dispose()
    built.database.dispose()


def _listening(engine: Engine, plans: Plans, plan_cache_mode: str) -> Engine:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.execute("SELECT set_config('plan_cache_mode', %s, false)", [plan_cache_mode])
        connection.commit()
        connection.add_notice_handler(plans.take)

    return engine
