"""The picture of an event's way: from the producer to the row, and from the row to the answer."""

from collections import Counter
from collections.abc import Mapping, Sequence

from infra.local.docs.functions import declared_functions
from infra.local.docs.svg import FAINT, INK, Drawing, Point

WIDTH = 1240
ASKING_FROM = 434
STORED_FROM, STORED_GAP = 138, 13
OUTSIDE, HUB, APP, STORE = "#f3f4f6", "#fdf0d5", "#e3eefb", "#e2f4e6"
GOOD, BAD, ASK = "#2b7a3d", "#b03030", "#1d5fa8"

STEPS = (
    ("read", "bytes → JSON object → canonical texts; a bad event is set aside"),
    ("reduce", "the greatest revision of each key goes on"),
    ("upsert", "sorted by key, newer wins, one statement per stream; evidence"),
    ("pair", "lock the pairs of the touched orders, then compute them"),
    ("settle", "dead letters, findings, and the position read"),
)
# What is stored in which tables; the words first.
STORED = (
    ("business rows", INK, ("ledger_entries", "payment_orders")),
    ("evidence: every applied version", INK, ("applied_records",)),
    ("one row per order", INK, ("pairs",)),
    ("bad events: kept, seen, let pass", BAD, ("dead_letters", "sync_findings", "reject_ceilings")),
    ("what was received of each hub", INK, ("stream_positions", "hub_generations")),
    ("what was loaded of dumps", INK, ("backfill_runs",)),
    ("what is missing, what stands still", BAD, ("sequence_gaps", "partition_heads")),
    ("operating units; alerts to send", INK, ("sites", "outbox")),
    ("who may do what", INK, ("principals", "roles", "grants", "tokens", "bootstrap")),
    ("what two persons decide", INK, ("approvals", "corrections", "correction_entries")),
    ("who did what, and why", INK, ("audit_entries", "chain_segments", "settings_digests")),
    ("who looked at what", INK, ("access_records", "legal_holds")),
    ("once per key; refused callers", INK, ("idempotency_keys", "refusal_counts")),
)
# From so many on, functions of one subject share a line.
FOLDED_FROM = 3


def draw_flow() -> str:
    """The picture as SVG; the functions in it are those of the app, and it grows with them."""
    declared = declared_functions()
    names = {kind: [f.name for f in declared if f.trigger == kind] for kind in ("eventHub", "timer")}
    names["http"] = folded([f.name for f in declared if f.trigger == "http"])
    asking = ASKING_FROM + sum(_height(names[kind]) + 16 for kind in ("timer", "http"))
    bottom = max(asking, STORED_FROM + sum(_stored_height(tables) for _, _, tables in STORED))
    drawing = Drawing(WIDTH, bottom + 30, "The way of an event through Counterfoil")
    drawing.text((40, 42), "Counterfoil: the way of an event", size=20, bold=True)
    for x, words, colour in ((40, "events", GOOD), (150, "what goes wrong", BAD), (330, "questions", ASK)):
        drawing.arrow([(x, 70), (x + 30, 70)], colour=colour)
        drawing.text((x + 38, 74), words, size=11.5)
    people = ASKING_FROM + _height(names["timer"]) + 16
    _draw_outside(drawing, people)
    _draw_app(drawing, names, bottom)
    _draw_store(drawing, bottom)
    _draw_arrows(drawing, people + 58)
    return drawing.render()


def subject_of(name: str) -> str:
    """What an HTTP function is about: the word after `http`."""
    return "_".join(name.split("_")[:2]).removesuffix("s")


def folded(names: Sequence[str]) -> list[str]:
    """The functions in their order, those of one subject as one line where there are many of them."""
    counts = Counter(map(subject_of, names))
    lines = [
        name if counts[subject := subject_of(name)] < FOLDED_FROM else f"{subject}… ({counts[subject]})"
        for name in names
    ]
    return list(dict.fromkeys(lines))


def _height(names: Sequence[str]) -> int:
    return 30 + 17 * len(names)


def _stored_height(tables: Sequence[str]) -> int:
    return 29 + 17 * len(tables) + STORED_GAP


def _panel(drawing: Drawing, at: Point, size: Point, title: str, fill: str) -> None:
    drawing.box(at, size, fill=fill, line=FAINT, round_by=10)
    drawing.text((at[0] + 14, at[1] + 24), title, size=14, bold=True)


def _lines(drawing: Drawing, at: Point, lines: Sequence[str], *, mono: bool = False) -> None:
    for index, line in enumerate(lines):
        drawing.text((at[0], at[1] + index * 17), line, size=11.5, mono=mono)


def _draw_outside(drawing: Drawing, people: float) -> None:
    _panel(drawing, (40, 130), (150, 150), "Producers", OUTSIDE)
    _lines(drawing, (54, 178), ("payment systems,", "full snapshots,", "order id as", "partition key"))
    _panel(drawing, (250, 100), (200, 230), "Event Hubs", HUB)
    for y, hub in ((140, "ledger.entry.upserted"), (235, "payment.order.upserted")):
        drawing.box((264, y), (172, 80))
        drawing.text((274, y + 20), hub, size=11, mono=True)
        for partition in range(4):
            drawing.box((276, y + 30 + partition * 11), (148, 7), fill="#f7d894", line="#c9a24e", round_by=2)
    _panel(drawing, (40, people), (150, 120), "People", OUTSIDE)
    _lines(drawing, (54, people + 48), ("operators, auditors", "services:", "with a token"))


def _draw_app(drawing: Drawing, names: Mapping[str, Sequence[str]], bottom: int) -> None:
    _panel(drawing, (510, 100), (390, bottom - 100), "Function app", APP)
    drawing.box((526, 138), (358, 60))
    _lines(drawing, (538, 160), names["eventHub"], mono=True)
    drawing.text((872, 160), "a batch of one partition", size=11, colour=FAINT, anchor="end")
    _draw_transaction(drawing, 216)
    y = float(ASKING_FROM)
    for kind, words in (
        ("timer", "the watch of the sync, seals, anchors, archives"),
        ("http", "token, limits, right and sites, use case, record"),
    ):
        height = _height(names[kind])
        drawing.box((526, y), (358, height))
        drawing.text((538, y + 18), words, size=11, colour=FAINT)
        _lines(drawing, (538, y + 36), names[kind], mono=True)
        y += height + 16


def _draw_transaction(drawing: Drawing, y: float) -> None:
    drawing.box((526, y), (358, 202), fill="#f5f9ff", line=ASK)
    drawing.text((538, y + 20), "ingest_events", size=12, bold=True, mono=True)
    drawing.text((872, y + 20), "one transaction", size=11, colour=FAINT, anchor="end")
    for index, (name, words) in enumerate(STEPS):
        drawing.text((538, y + 46 + index * 32), f"{index + 1} {name}", size=11.5, bold=True)
        drawing.text((538, y + 60 + index * 32), words, size=10.5)


def _draw_store(drawing: Drawing, bottom: int) -> None:
    _panel(drawing, (985, 100), (215, bottom - 100), "PostgreSQL", STORE)
    y = float(STORED_FROM)
    for words, colour, names in STORED:
        height = _stored_height(names) - STORED_GAP
        drawing.box((999, y), (187, height))
        drawing.text((1011, y + 17), words, size=10, colour=FAINT if colour == INK else colour)
        _lines(drawing, (1011, y + 35), names, mono=True)
        y += height + STORED_GAP


def _draw_arrows(drawing: Drawing, asked: float) -> None:
    drawing.arrow([(190, 205), (250, 205)], colour=GOOD)
    drawing.arrow([(450, 180), (526, 158)], colour=GOOD)
    drawing.arrow([(450, 255), (526, 180)], colour=GOOD)
    drawing.arrow([(705, 198), (705, 216)], colour=GOOD)
    drawing.arrow([(884, 290), (985, 290)], colour=GOOD)
    drawing.text((943, 282), "commit", size=11, colour=GOOD, anchor="middle")
    drawing.arrow([(526, 305), (450, 305)], colour=BAD, dashed=True)
    for index, words in enumerate(
        ("we are unwell: raise;", "the platform tries this batch", "again, without end")
    ):
        drawing.text((316, 352 + index * 16), words, size=11, colour=BAD)
    drawing.arrow([(526, 456), (290, 456), (290, 330)], colour=ASK)
    drawing.text((316, 448), "what does the hub hold?", size=11, colour=ASK)
    drawing.arrow([(884, 456), (985, 456)], colour=ASK)
    drawing.arrow([(190, asked), (526, asked)], colour=ASK)
    drawing.text((316, asked - 8), "HTTP with a bearer token", size=11, colour=ASK)
    drawing.arrow([(884, asked), (985, asked)], colour=ASK)
