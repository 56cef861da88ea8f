"""The picture of the data model: every table with its columns, and what refers to what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from infra.local.docs.svg import FAINT, INK, Drawing, Point
from shared.tables import METADATA, ROOMS

MARGIN, TOP = 64, 92
BOX_WIDTH, GUTTER, GAP = 304, 96, 34
HEAD, ROW = 30, 18
LANE = 13

ROOM_COLOURS = {
    "sites": "#fdf0d5",
    "sync": "#e3eefb",
    "pairing": "#e2f4e6",
    "alerts": "#f6e6f5",
    "audit": "#fbe3de",
    "security": "#e8e6f7",
    "spine": "#ececec",
    "approvals": "#e0f3f2",
    "corrections": "#eef4d8",
}
# Columns that say one thing together are one line of the picture.
FOLDED: Mapping[str, tuple[str, ...]] = {
    "revision": ("updated_at", "version", "enqueued_at", "sequence_number", "content_digest"),
    "arrival": ("correlation_id", "first_ingested_at", "ingested_at", "last_change", "previous_site_id"),
    "events by outcome": ("applied", "superseded", "duplicate", "dead_lettered", "redelivered"),
    "acceptance": ("accepted_at", "accepted_by", "accepted_reason"),
    "replay": ("replayed_at", "replayed_by", "replayed_reason"),
    "extent in the hub": ("hub_first_number", "hub_last_number", "hub_last_enqueued_at"),
    "origin": ("request_id", "idempotency_key", "approval_id", "client_address", "user_agent"),
    "proof": ("canonical", "hash_version", "previous_hash", "hash"),
    "records by outcome": ("records_applied", "records_superseded", "records_duplicate"),
    "decision": ("decided_by", "decided_as", "decided_at", "decision_reason"),
    "close": ("closed_by", "closed_as", "closed_at", "close_reason"),
    "caller": ("actor", "principal_type", "role"),
}

SITE, KEY, PLACE = "#a0660a", "#1d5fa8", "#2b7a3d"


@dataclass(frozen=True)
class Relation:
    """A column that names a row of another table. `lane` counts the lines of one gutter from its left.

    `gutter` is left of the first column of tables (0), between two (1, 2) or right of the last (3).
    """

    source: str
    column: str
    target: str
    key: str
    gutter: int
    lane: int
    colour: str


@dataclass(frozen=True)
class Picture:
    """Some of the tables: `places` are the columns of the page from left to right, each from top to bottom.

    A table may stand in several pictures, where others refer to it.
    """

    file: str
    title: str
    places: tuple[tuple[str, ...], ...]
    relations: tuple[Relation, ...]

    @property
    def tables(self) -> list[str]:
        return [name for column in self.places for name in column]


PAYMENTS = Picture(
    "data-model.svg",
    "Counterfoil: what comes from the payment systems",
    (
        ("sites", "ledger_entries", "payment_orders"),
        ("pairs", "applied_records", "sync_findings", "sequence_gaps", "partition_heads", "outbox"),
        ("hub_generations", "stream_positions", "dead_letters", "reject_ceilings", "backfill_runs"),
    ),
    (
        Relation("ledger_entries", "site_id", "sites", "site_id", 0, 1, SITE),
        Relation("payment_orders", "site_id", "sites", "site_id", 0, 0, SITE),
        Relation("ledger_entries", "related_id", "payment_orders", "order_id", 0, 2, KEY),
        Relation("pairs", "site_id", "sites", "site_id", 1, 0, SITE),
        Relation("pairs", "payment_tx_id", "ledger_entries", "tx_id", 1, 1, KEY),
        Relation("pairs", "receive_tx_id", "ledger_entries", "tx_id", 1, 2, KEY),
        Relation("pairs", "order_id", "payment_orders", "order_id", 1, 3, KEY),
        Relation("applied_records", "record_key", "ledger_entries", "tx_id", 1, 4, KEY),
        Relation("applied_records", "record_key", "payment_orders", "order_id", 1, 4, KEY),
        Relation("sync_findings", "record_key", "payment_orders", "order_id", 1, 5, KEY),
        Relation("sync_findings", "record_key", "ledger_entries", "tx_id", 1, 5, KEY),
        Relation("applied_records", "position_id", "stream_positions", "position_id", 2, 2, PLACE),
        Relation("sync_findings", "position_id", "stream_positions", "position_id", 2, 3, PLACE),
        Relation("sequence_gaps", "position_id", "stream_positions", "position_id", 2, 4, PLACE),
        Relation("partition_heads", "generation", "hub_generations", "generation", 2, 1, PLACE),
        Relation("stream_positions", "generation", "hub_generations", "generation", 3, 0, PLACE),
        Relation("dead_letters", "generation", "hub_generations", "generation", 3, 1, PLACE),
    ),
)
ACCESS = Picture(
    "data-model-access.svg",
    "Counterfoil: who may do what, and who did",
    (
        ("sites", "principals", "roles", "bootstrap"),
        ("grants", "tokens", "idempotency_keys", "refusal_counts", "settings_digests"),
        ("approvals", "corrections", "correction_entries"),
        ("audit_entries", "access_records", "chain_segments", "legal_holds"),
    ),
    (
        Relation("principals", "site_id", "sites", "site_id", 0, 0, SITE),
        Relation("bootstrap", "principal_id", "principals", "principal_id", 0, 1, KEY),
        Relation("grants", "site_id", "sites", "site_id", 1, 0, SITE),
        Relation("grants", "principal_id", "principals", "principal_id", 1, 1, KEY),
        Relation("grants", "role", "roles", "role", 1, 2, KEY),
        Relation("tokens", "principal_id", "principals", "principal_id", 1, 3, KEY),
        Relation("idempotency_keys", "principal_id", "principals", "principal_id", 1, 4, KEY),
        Relation("corrections", "approval_id", "approvals", "approval_id", 2, 2, KEY),
        Relation("correction_entries", "correction_id", "corrections", "correction_id", 2, 3, KEY),
        Relation("audit_entries", "approval_id", "approvals", "approval_id", 3, 1, KEY),
        Relation("chain_segments", "approval_id", "approvals", "approval_id", 3, 2, KEY),
    ),
)
PICTURES = (PAYMENTS, ACCESS)


def draw_data_model(picture: Picture) -> str:
    """The picture as SVG. Raises LookupError for a table that stands in no picture."""
    if missing := METADATA.tables.keys() - {name for each in PICTURES for name in each.tables}:
        raise LookupError(f"give {', '.join(sorted(missing))} a place in infra/local/docs/data_model.py")
    boxes = {name: _Box(METADATA.tables[name], at) for name, at in _corners(picture)}
    first = max(boxes[name].bottom for name in picture.places[0]) + GAP + 10
    bottom = max(first + _notes_height(picture), *(box.bottom for box in boxes.values()))
    drawing = Drawing(_left_of(len(picture.places)) - GUTTER + MARGIN, int(bottom + 64), picture.title)
    drawing.text((MARGIN, 40), picture.title, size=20, bold=True)
    _draw_legend(drawing)
    _draw_notes(drawing, picture, first)
    for relation in picture.relations:
        _draw_relation(drawing, relation, boxes, len(picture.places))
    for box in boxes.values():
        box.draw(drawing)
    return drawing.render()


def _left_of(column: int) -> int:
    """Where a column of tables begins."""
    return MARGIN + column * (BOX_WIDTH + GUTTER)


def _corners(picture: Picture) -> list[tuple[str, Point]]:
    found: list[tuple[str, Point]] = []
    for index, names in enumerate(picture.places):
        x, y = _left_of(index), float(TOP)
        for name in names:
            found.append((name, (x, y)))
            y += _Box(METADATA.tables[name], (x, y)).height + GAP
    return found


def room_of(table: Table) -> str:
    """The room whose tables file declares the table."""
    return next(
        room.__name__.split(".")[1] for room in ROOMS if any(each is table for each in vars(room).values())
    )


class _Box:
    """A table as a box with one line per column or folded group of columns."""

    def __init__(self, table: Table, at: Point) -> None:
        self.table = table
        self.x, self.y = at
        self.lines = _lines(table)
        self.height = HEAD + len(self.lines) * ROW + 8

    @property
    def bottom(self) -> float:
        return self.y + self.height

    def row_y(self, column: str) -> float:
        """The middle of a column's line."""
        index = next(i for i, line in enumerate(self.lines) if column in line.columns)
        return self.y + HEAD + index * ROW + ROW / 2 + 3

    def draw(self, drawing: Drawing) -> None:
        colour = ROOM_COLOURS[room_of(self.table)]
        drawing.box((self.x, self.y), (BOX_WIDTH, self.height))
        drawing.head((self.x, self.y), (BOX_WIDTH, HEAD), fill=colour)
        drawing.text((self.x + 12, self.y + 20), self.table.name, size=13.5, bold=True)
        drawing.text(
            (self.x + BOX_WIDTH - 12, self.y + 20), room_of(self.table), size=11, colour=FAINT, anchor="end"
        )
        for index, line in enumerate(self.lines):
            baseline = self.y + HEAD + index * ROW + 16
            colour = INK if line.required else FAINT
            drawing.text(
                (self.x + 12, baseline), line.words, size=12, colour=colour, bold=line.is_key, mono=True
            )
            drawing.text(
                (self.x + BOX_WIDTH - 12, baseline),
                line.type,
                size=10.5,
                colour=FAINT,
                anchor="end",
                mono=True,
            )


@dataclass(frozen=True)
class _Line:
    words: str
    type: str
    columns: tuple[str, ...]
    required: bool = True
    is_key: bool = False


def _lines(table: Table) -> list[_Line]:
    lines: list[_Line] = []
    names = table.columns.keys()
    folded = {name: label for label, group in FOLDED.items() if set(group) <= set(names) for name in group}
    if (
        table.primary_key.columns
        and set(FOLDED["revision"]) <= set(names)
        and "arrival" not in folded.values()
    ):
        folded = {}
    for column in table.columns:
        label = folded.get(column.name)
        if label is None:
            lines.append(
                _Line(
                    column.name,
                    _type_name(column.type),
                    (column.name,),
                    not column.nullable,
                    column.primary_key,
                )
            )
        elif column.name == FOLDED[label][0]:
            lines.append(_Line(f"{label} …", f"{len(FOLDED[label])} columns", FOLDED[label]))
    return lines


def _type_name(kind: TypeEngine[Any]) -> str:
    """The type in PostgreSQL's short words; text that is compared byte by byte is marked."""
    words = kind.compile(dialect=postgresql.dialect()).lower()  # type: ignore[no-untyped-call]
    return (
        words.replace(' collate "c"', "*")
        .replace("timestamp with time zone", "timestamptz")
        .replace(", ", ",")
    )


def _draw_relation(drawing: Drawing, relation: Relation, boxes: Mapping[str, _Box], columns: int) -> None:
    """From the column along a lane of the gutter to the key it names."""
    source, target = boxes[relation.source], boxes[relation.target]
    lane = _left_of(relation.gutter) - GUTTER + 18 + relation.lane * LANE
    if relation.gutter == 0:
        lane = 16 + relation.lane * LANE
    elif relation.gutter == columns:
        lane = _left_of(columns) - GUTTER + 16 + relation.lane * LANE
    points = [
        (_side(source, lane), source.row_y(relation.column)),
        (lane, source.row_y(relation.column)),
        (lane, target.row_y(relation.key)),
        (_side(target, lane), target.row_y(relation.key)),
    ]
    declared = _is_declared(relation)
    drawing.arrow(points, colour=relation.colour, dashed=not declared)


def _side(box: _Box, lane: float) -> float:
    return box.x if lane < box.x else box.x + BOX_WIDTH


def _is_declared(relation: Relation) -> bool:
    """Whether the database itself holds the reference as a foreign key."""
    keys = METADATA.tables[relation.source].columns[relation.column].foreign_keys
    return any(key.target_fullname == f"{relation.target}.{relation.key}" for key in keys)


def _draw_legend(drawing: Drawing) -> None:
    x = MARGIN
    for words, colour, dashed, width in LEGEND:
        drawing.arrow([(x, 64), (x + 30, 64)], colour=colour, dashed=dashed)
        drawing.text((x + 38, 68), words, size=11.5)
        x += width
    drawing.text((x, 68), "bold: key  ·  grey: may be absent  ·  *: compared byte by byte", size=11.5)


def _notes(picture: Picture) -> list[tuple[str, tuple[str, ...]]]:
    """The folded groups that a table of the picture has."""
    shown = {line.words for name in picture.tables for line in _lines(METADATA.tables[name])}
    return [(label, columns) for label, columns in FOLDED.items() if f"{label} …" in shown]


def _notes_height(picture: Picture) -> float:
    return sum(22 + 16 * -(-len(columns) // 3) for _, columns in _notes(picture))


def _draw_notes(drawing: Drawing, picture: Picture, y: float) -> None:
    """What the folded lines stand for, below the first column of tables."""
    for label, columns in _notes(picture):
        drawing.text((MARGIN + 12, y), f"{label}:", size=11.5, bold=True)
        for start in range(0, len(columns), 3):
            y += 16
            drawing.text((MARGIN + 12, y), ", ".join(columns[start : start + 3]), size=11)
        y += 22


# Words, colour, whether the line is dashed, room to the next.
LEGEND: Sequence[tuple[str, str, bool, int]] = (
    ("names a site", SITE, True, 140),
    ("names another row", KEY, True, 170),
    ("names a place in a hub", PLACE, True, 205),
    ("foreign key", PLACE, False, 130),
)
