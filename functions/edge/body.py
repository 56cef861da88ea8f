"""The body of a request: JSON in UTF-8, read into the endpoint's model; all that is wrong is told at once."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import azure.functions as func
import msgspec

from functions.edge.endpoint import JSON, Endpoint
from shared.errors.request import FieldProblem, MediaTypeUnsupported, RequestInvalid

FIELD_PROBLEMS_MAX = 20
FIELD_NAME_CHARACTERS_MAX = 100
# What the decoder raises for bytes that are no JSON: not UTF-8, half a character, nesting without end.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# `Expected `str`, got `int` - at `$.roles[...]`` is ours to say in fields.
_PLACE = re.compile(r"(?P<what>.*?) - at `\$\.?(?P<path>.*)`", re.DOTALL)
_ESCAPED_NUL = re.compile(rb"\\u0000", re.IGNORECASE)


def read_body(http: func.HttpRequest, model: type[msgspec.Struct] | None) -> object:
    """The body as that model; None for an endpoint without one. Raises MediaTypeUnsupported and RequestInvalid."""
    if model is None:
        return None
    _check_media_type(http.headers)
    body = http.get_body()
    if not body:
        raise RequestInvalid(FieldProblem("body", "is missing; send one JSON object, with Content-Length"))
    if _ESCAPED_NUL.search(body):
        _refuse_nul(_json(body))
    try:
        return msgspec.json.decode(body, type=model)
    except (msgspec.MsgspecError, *_UNREADABLE) as error:
        raise RequestInvalid(*_problems(_json(body), model, error)) from error


def request_hash(endpoint: Endpoint, http: func.HttpRequest) -> bytes:
    """SHA-256 over method, route with its values, and body: what an idempotency key stands for."""
    place = [http.method.upper(), endpoint.route, sorted(http.route_params.items())]
    return hashlib.sha256(msgspec.json.encode(place) + b"\n" + http.get_body()).digest()


def _check_media_type(headers: Mapping[str, str]) -> None:
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != JSON:
        raise MediaTypeUnsupported("Content-Type")
    charset = re.search(r"charset\s*=\s*\"?([^\";\s]*)", parameters, re.IGNORECASE)
    if charset and charset[1].lower() not in ("utf-8", "utf8"):
        raise MediaTypeUnsupported("charset")
    if headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        raise MediaTypeUnsupported("Content-Encoding")


def _json(body: bytes) -> object:
    """Plain values. Raises RequestInvalid for what is no JSON."""
    try:
        return msgspec.json.decode(body)
    except _UNREADABLE as error:
        raise RequestInvalid(FieldProblem("body", f"is not JSON in UTF-8 ({error})"[:200])) from error


def _problems(value: object, model: type[msgspec.Struct], error: Exception) -> list[FieldProblem]:
    """Every field of the object that cannot be taken; the decoder alone stops at the first."""
    if not isinstance(value, dict):
        return [FieldProblem("body", "is not a JSON object")]
    fields = {field.encode_name: field for field in msgspec.structs.fields(model)}
    found = [
        FieldProblem(name, "is missing") for name, f in fields.items() if f.required and name not in value
    ]
    found += [
        FieldProblem(name[:FIELD_NAME_CHARACTERS_MAX], "is not a field here")
        for name in value
        if name not in fields
    ]
    for name in fields.keys() & value.keys():
        try:
            msgspec.convert(value[name], fields[name].type)
        except msgspec.ValidationError as wrong:
            found.append(_problem(name, wrong))
    found.sort(key=lambda problem: problem.field)
    return found[:FIELD_PROBLEMS_MAX] or [_problem("body", error)]


def _problem(name: str, error: Exception) -> FieldProblem:
    """The decoder's own words, with the place inside the field behind its name."""
    found = _PLACE.fullmatch(str(error))
    if found is None:
        return FieldProblem(name, str(error))
    path = found["path"]
    joint = "" if path.startswith("[") or not path else "."
    return FieldProblem(f"{name}{joint}{path}"[:FIELD_NAME_CHARACTERS_MAX], found["what"])


def _refuse_nul(value: object) -> None:
    """PostgreSQL stores no text with the character NUL."""
    found = [FieldProblem(path, "holds the character NUL") for path in _with_nul(value, "")]
    if found:
        raise RequestInvalid(*found[:FIELD_PROBLEMS_MAX])


def _with_nul(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, str) and "\0" in value:
        yield path or "body"
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _with_nul(each, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, each in value.items():
            shown = name.replace("\0", "")[:FIELD_NAME_CHARACTERS_MAX]
            inside = f"{path}.{shown}" if path else shown
            if "\0" in name:
                yield inside or "body"
            yield from _with_nul(each, inside)
