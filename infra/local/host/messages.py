"""The message shapes the worker runtime reads and builds.

On the platform these are protocol buffers. The runtime only touches attribute names (and asks a message
which of its alternatives is set), so plain objects with the same names serve it in-process.
"""

import json
from types import SimpleNamespace
from typing import Any


class TypedData(SimpleNamespace):
    """A value with exactly one alternative set: bytes, string, json, http, collection_bytes and so on."""

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - the runtime calls this name
        return next(iter(vars(self)), None)


class ParameterBinding(SimpleNamespace):
    """A named value passed to or returned by a function."""

    def WhichOneof(self, _group: str) -> str:  # noqa: N802 - the runtime calls this name
        return "data"


class StatusResult(SimpleNamespace):
    Failure = 0
    Success = 1
    Cancelled = 2


class BindingInfo(SimpleNamespace):
    undefined = 0
    out = 1
    inout = 2


class RpcHttpCookie(SimpleNamespace):
    SameSite = SimpleNamespace(**{"None": 0, "Lax": 1, "Strict": 2, "ExplicitNone": 3})


_PLAIN = (
    "WorkerInitResponse",
    "WorkerMetadata",
    "FunctionMetadataResponse",
    "RpcFunctionMetadata",
    "RpcRetryOptions",
    "InvocationResponse",
    "RpcHttp",
    "RpcException",
    "NullableString",
    "NullableBool",
    "NullableDouble",
    "NullableTimestamp",
)

PROTOS = SimpleNamespace(
    StatusResult=StatusResult,
    BindingInfo=BindingInfo,
    TypedData=TypedData,
    ParameterBinding=ParameterBinding,
    RpcHttpCookie=RpcHttpCookie,
    **{name: type(name, (SimpleNamespace,), {}) for name in _PLAIN},
)


def json_data(value: object) -> TypedData:
    return TypedData(json=json.dumps(value, separators=(",", ":")))


def strings(values: list[str]) -> TypedData:
    return TypedData(collection_string=SimpleNamespace(string=values))


def integers(values: list[int]) -> TypedData:
    return TypedData(collection_sint64=SimpleNamespace(sint64=values))


def byte_strings(values: list[bytes]) -> TypedData:
    return TypedData(collection_bytes=SimpleNamespace(bytes=values))


def invocation_request(**fields: Any) -> SimpleNamespace:
    return SimpleNamespace(request=SimpleNamespace(invocation_request=SimpleNamespace(**fields)))
