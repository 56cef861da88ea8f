"""The platform's Python worker runtime, driven in this process: one function app per process.

The runtime keeps the loaded app in module globals, so a second app needs a second process.
"""

import importlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from infra.local.host.errors import StartError
from infra.local.host.messages import PROTOS, ParameterBinding, StatusResult, TypedData, invocation_request

RUNTIME_VERSION_PREFIX = "1.3."
RUNTIME_NAMES = (
    "worker_init_request",
    "functions_metadata_request",
    "invocation_request",
    "start_threadpool_executor",
    "stop_threadpool_executor",
    "invocation_id_cv",
)


@dataclass(frozen=True)
class IndexedFunction:
    """A function as the runtime indexed it: its bindings as parsed JSON and its retry options, if any."""

    name: str
    function_id: str
    bindings: tuple[dict[str, Any], ...]
    retry_options: Any


@dataclass(frozen=True)
class Result:
    """What the runtime answered to one invocation."""

    succeeded: bool
    error: str = ""
    stack_trace: str = ""
    return_value: TypedData | None = None


@dataclass(frozen=True)
class Retry:
    """The retry context a function sees: how often it was retried and how often it may be (-1 = endless)."""

    count: int = 0
    limit: int = 0
    error: str = ""
    stack_trace: str = ""


def import_runtime() -> ModuleType:
    """The runtime package, checked to be the version and to have the names this host was built for."""
    try:
        installed = version("azure-functions-runtime")
        runtime = importlib.import_module("azure_functions_runtime")
    except (PackageNotFoundError, ImportError) as error:
        raise StartError(
            f"azure-functions-runtime is not installed here ({error}); run `make setup`."
        ) from error
    missing = [name for name in RUNTIME_NAMES if not hasattr(runtime, name)]
    if not installed.startswith(RUNTIME_VERSION_PREFIX) or missing:
        raise StartError(
            f"azure-functions-runtime {installed} is not a {RUNTIME_VERSION_PREFIX}* release"
            f"{' and lacks ' + ', '.join(missing) if missing else ''}; run `make setup`."
        )
    return runtime


class Worker:
    """One loaded function app."""

    def __init__(self, runtime: ModuleType, functions: dict[str, IndexedFunction]) -> None:
        self._runtime = runtime
        self.functions = functions

    @classmethod
    async def load(cls, app_directory: Path) -> "Worker":
        """Index the app in the directory. Raises StartError with the runtime's message when it refuses the app."""
        if not (app_directory / "function_app.py").is_file():
            raise StartError(
                f"There is no function_app.py in {app_directory}; name the app's root with --app."
            )
        runtime = import_runtime()
        sys.path.insert(0, str(app_directory))
        os.chdir(app_directory)
        runtime.start_threadpool_executor()
        init = SimpleNamespace(capabilities={}, function_app_directory=str(app_directory))
        answer = await runtime.worker_init_request(
            SimpleNamespace(
                request=SimpleNamespace(worker_init_request=init),
                properties={"protos": PROTOS, "host": "127.0.0.1"},
            )
        )
        if answer.result.status != StatusResult.Success:
            raise StartError(
                f"The function app in {app_directory} is refused: {answer.result.exception.message}"
            )
        metadata = await runtime.functions_metadata_request(SimpleNamespace(request=None))
        indexed = [_indexed(entry) for entry in metadata.function_metadata_results or ()]
        return cls(runtime, {function.name: function for function in indexed})

    async def invoke(
        self,
        function: str,
        invocation_id: str,
        inputs: Mapping[str, TypedData],
        metadata: Mapping[str, TypedData],
        retry: Retry,
        trace_parent: str,
    ) -> Result:
        """Run one invocation to its end; a failure of the function is a result, not an exception."""
        request = invocation_request(
            invocation_id=invocation_id,
            function_id=self.functions[function].function_id,
            input_data=[ParameterBinding(name=name, data=data) for name, data in inputs.items()],
            trigger_metadata=metadata,
            trace_context=SimpleNamespace(trace_parent=trace_parent, trace_state="", attributes={}),
            retry_context=SimpleNamespace(
                retry_count=retry.count,
                max_retry_count=retry.limit,
                exception=SimpleNamespace(message=retry.error, stack_trace=retry.stack_trace, source=""),
            ),
        )
        token = self._runtime.invocation_id_cv.set(invocation_id)
        try:
            answer = await self._runtime.invocation_request(request)
        finally:
            self._runtime.invocation_id_cv.reset(token)
        if answer.result.status == StatusResult.Success:
            return Result(True, return_value=answer.return_value)
        return Result(False, answer.result.exception.message, answer.result.exception.stack_trace)

    def current_invocation_id(self) -> str | None:
        """The invocation the calling task or worker thread belongs to."""
        current: str | None = self._runtime.invocation_id_cv.get()
        return current

    def close(self) -> None:
        """Stop the thread pool; waits for the functions that still run."""
        self._runtime.stop_threadpool_executor()


def _indexed(entry: Any) -> IndexedFunction:
    bindings = tuple(json.loads(binding) for binding in entry.raw_bindings)
    return IndexedFunction(entry.name, entry.function_id, bindings, entry.retry_options)
