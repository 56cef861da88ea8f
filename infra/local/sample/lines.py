"""The file format of events: one JSON object per line, written by the generator and read by `make send`.

A line is either an event with its envelope (stream, partition_key, properties, and body as text or
body_base64) or a bare event body, whose stream is told from its fields.
"""

import base64
import binascii
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from infra.local.sample.dialects import CANONICAL
from infra.local.sample.model import LEDGER, PAYMENT_ORDER, SampleEvent, Stream
from shared.sync.events.contract import Defaults
from shared.sync.profiles.tell_stream import tell_stream
from shared.sync.read_batch import reader_of

LINE_BYTES_MAX = 8 * 1024 * 1024
FROM_FILE = "from file"
_NO_DEFAULTS = Defaults("", "")
_ENVELOPE = frozenset({"stream", "partition_key", "properties", "body", "body_base64"})


class LineInvalid(Exception):
    """A line of a file cannot be published; the message names the line and says why."""


def write_line(event: SampleEvent) -> bytes:
    """The event as one line; a body that is not UTF-8 text travels as base64."""
    line: dict[str, object] = {
        "stream": event.stream,
        "partition_key": event.partition_key,
        "properties": event.properties,
    }
    try:
        line["body"] = event.body.decode()
    except UnicodeDecodeError:
        line["body_base64"] = base64.b64encode(event.body).decode()
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def read_lines(path: Path, profile: str = CANONICAL) -> Iterator[SampleEvent]:
    """The events of a file, one at a time; empty lines are passed over. Raises LineInvalid and ProfileInvalid."""
    try:
        file = path.open("rb")
    except OSError as failure:
        raise LineInvalid(f"{path} cannot be read: {failure.strerror}.") from failure
    with file:
        for number, line in enumerate(_bounded(file), start=1):
            if not line.strip():
                continue
            try:
                yield read_line(line, profile)
            except ValueError as failure:
                raise LineInvalid(f"{path}, line {number}: {failure}.") from failure


def read_line(line: bytes, profile: str = CANONICAL) -> SampleEvent:
    """The event of one line; a bare one is told in the profile's names. Raises ValueError with the reason."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as failure:
        raise ValueError(
            "this is not JSON; to send an event that is malformed on purpose, wrap it as "
            '{"stream": …, "body": …}'
        ) from failure
    if not isinstance(value, dict):
        raise ValueError("this is not a JSON object")
    if "stream" in value and ("body" in value or "body_base64" in value):
        return _wrapped(value)
    stream, key = _told_from_fields(value) if profile == CANONICAL else _told_in(profile, value)
    return SampleEvent(stream, key, line.strip(), {}, FROM_FILE)


def _bounded(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(LINE_BYTES_MAX):
        yield line


def _wrapped(value: dict[str, Any]) -> SampleEvent:
    if unknown := sorted(value.keys() - _ENVELOPE):
        raise ValueError(f"the field {unknown[0]} is unknown beside stream and body")
    stream = value["stream"]
    if stream not in (LEDGER, PAYMENT_ORDER):
        raise ValueError(f"stream is {stream!r}, not {LEDGER} or {PAYMENT_ORDER}")
    properties = value.get("properties") or {}
    if not isinstance(properties, dict) or not all(isinstance(v, str) for v in properties.values()):
        raise ValueError("properties is not an object of texts")
    key = value.get("partition_key") or ""
    return SampleEvent(stream, str(key), _body(value), properties, FROM_FILE)


def _body(value: dict[str, Any]) -> bytes:
    if "body_base64" in value:
        try:
            return base64.b64decode(value["body_base64"], validate=True)
        except (binascii.Error, TypeError, ValueError) as failure:
            raise ValueError("body_base64 is not base64") from failure
    if not isinstance(value["body"], str):
        # An object is a convenience for people who write such files by hand.
        return json.dumps(value["body"], ensure_ascii=False).encode()
    return value["body"].encode("utf-8", "surrogatepass")


def _told_from_fields(value: dict[str, Any]) -> tuple[Stream, str]:
    data = value["data"] if "specversion" in value and isinstance(value.get("data"), dict) else value
    if data.get("tx_id") is not None:
        return LEDGER, str(data.get("related_id") or data["tx_id"])
    if data.get("order_id") is not None and "status" in data:
        return PAYMENT_ORDER, str(data["order_id"])
    raise ValueError("the stream cannot be told: there is neither tx_id nor order_id with status")


def _told_in(profile: str, value: dict[str, Any]) -> tuple[Stream, str]:
    """The stream and the partition key as the profile's names tell them."""
    data = value["data"] if "specversion" in value and isinstance(value.get("data"), dict) else value
    readers = {stream: reader_of(stream, _NO_DEFAULTS, profile) for stream in (LEDGER, PAYMENT_ORDER)}
    stream = tell_stream(readers, data)
    reader = readers[stream]
    order = reader.value(data, "related_id") if stream == LEDGER else None
    return stream, str(order or reader.value(data, reader.contract.key))
