"""Body → JSON object, the careful way: every malformed body is told by name.

Events written the usual way never come here: `UsualReader` reads them column by column, and proves that this way
would read the same.
"""

import json
from collections import Counter
from typing import Any

from shared.sync.errors import (
    BodyEncodingInvalid,
    BodyNotJson,
    BodyNotObject,
    BodyTooDeep,
    BodyTooLarge,
    KeyDuplicated,
)
from shared.sync.events.values import BODY_BYTES_MAX, Number

NESTING_MAX = 32
_INT_DIGITS_MAX = 400


def decode_body(body: bytes) -> dict[str, Any]:
    """The JSON object an event carries, out of its envelope.

    CloudEvents in binary mode keep their attributes in application properties: the body is the bare object.
    Numbers with a fraction or an exponent arrive as Number, integers as int, so nothing is read as a float.
    Raises one of the Body… errors or KeyDuplicated.
    """
    data = _decode_strict(body)
    if "specversion" in data and "data" in data:
        inner = data["data"]
        if type(inner) is not dict:
            raise BodyNotObject("the data of the CloudEvents envelope is not a JSON object", "data")
        return inner
    return data


def _decode_strict(body: bytes) -> dict[str, Any]:
    if len(body) > BODY_BYTES_MAX:
        raise BodyTooLarge(f"the body has {len(body)} bytes, at most {BODY_BYTES_MAX} are allowed")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BodyEncodingInvalid(
            f"the body is not UTF-8: byte {error.start} is 0x{body[error.start]:02x}"
        ) from error
    try:
        data = json.loads(
            text, object_pairs_hook=_unique, parse_float=Number, parse_int=_integer, parse_constant=_constant
        )
    except RecursionError as error:
        raise BodyTooDeep(f"the body nests deeper than {NESTING_MAX}") from error
    except json.JSONDecodeError as error:
        raise BodyNotJson(_sentence(body, error)) from error
    if type(data) is not dict:
        raise BodyNotObject(f"the body is JSON but no object: it starts with {text.strip()[:1]!r}")
    _check_tree(data)
    return data


def _sentence(body: bytes, error: json.JSONDecodeError) -> str:
    if not body.strip():
        return "the body is empty"
    return f"the body is not JSON: {error.msg} at character {error.pos + 1}"


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(members)
    if len(data) != len(members):
        twice = Counter(name for name, _ in members).most_common(1)[0][0][:80]
        raise KeyDuplicated(f"the key {twice!r} stands twice in one object", twice)
    return data


def _integer(digits: str) -> int | Number:
    return Number(digits) if digits == "-0" or len(digits) > _INT_DIGITS_MAX else int(digits)


def _constant(word: str) -> None:
    raise BodyNotJson(f"the body is not JSON: {word} is not a JSON value")


def _check_tree(root: object) -> None:
    level: list[object] = [root]
    for _depth in range(NESTING_MAX):
        below: list[object] = []
        for node in level:
            below.extend(_children(node))
        if not below:
            return
        level = below
    if any(isinstance(node, (dict, list)) for node in level):
        raise BodyTooDeep(f"the body nests deeper than {NESTING_MAX}")


def _children(node: object) -> list[object]:
    if isinstance(node, dict):
        for name in node:
            _check_text(name)
        return list(node.values())
    if isinstance(node, list):
        return node
    if isinstance(node, str):
        _check_text(node)
    return []


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise BodyEncodingInvalid(
                f"a text holds the lone surrogate U+{ord(text[error.start]):04X}"
            ) from error
