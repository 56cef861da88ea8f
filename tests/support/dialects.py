"""Events in the dialects: the examples of the page on profiles, read without a database."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared.sync.events.contract import Defaults, Stream
from shared.sync.model import Event, EventBatch
from shared.sync.read_batch import ReadBatch, read_batch
from tests.support.runtime import NOON
from tests.unit.docs.markdown import DOCS, fences

DEFAULTS = Defaults("USD", "KR-SEOUL")
EXAMPLES = [fence for fence in fences(DOCS / "profiles.md") if "profile=" in fence.info]


def examples(profile: str, stream: Stream) -> list[dict[str, Any]]:
    """The page's events of a stream in that dialect."""
    wanted = f"json {stream} profile={profile}"
    return [json.loads(fence.text) for fence in EXAMPLES if fence.info == wanted]


def read_in(
    profile: str,
    stream: Stream,
    *bodies: Mapping[str, Any] | bytes,
    properties: Mapping[str, str] | None = None,
) -> ReadBatch:
    """Read events of a stream, enqueued at noon."""
    texts = [body if isinstance(body, bytes) else json.dumps(body).encode() for body in bodies]
    events = [Event(text, number, NOON, properties=properties or {}) for number, text in enumerate(texts)]
    return read_batch(EventBatch(stream, "hub", "group", "0", events), DEFAULTS, timedelta(days=1), profile)


def rows(read: ReadBatch) -> list[tuple[str, ...]]:
    """The business columns of every record."""
    assert not read.rejections, [(each.error.code, each.error.detail) for each in read.rejections]
    return [tuple(record.business) for record in read.records]


def code_of(read: ReadBatch) -> tuple[str, str | None]:
    """The code and field of the one rejection; nothing else was read."""
    (rejection,) = read.rejections
    assert not read.records
    return rejection.error.code, rejection.error.field
