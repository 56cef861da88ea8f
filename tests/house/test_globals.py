"""No module global holds an engine, a clock, a setting or a client: they arrive through the runtime.

And only shared/settings.py reads the environment.
"""

import ast
from collections.abc import Iterator

import pytest

from tests.house.sources import PRODUCT, Source, python_sources

# What makes something the runtime hands out; the entry and the wiring are where it is made.
MAKERS = {
    "Database", "DefaultAzureCredential", "EventHubConsumerClient", "EventHubProducerClient", "EventHubsInspector",
    "JwksTokenKeys", "LogTelemetry", "RandomIds", "Runtime", "SecretClient", "Settings", "SystemClock", "build_engine",
    "build_runtime", "create_engine", "load_settings", "datetime.now", "monotonic", "uuid4", "connect",
}  # fmt: skip
_MADE_BY = tuple(f".{name}" for name in MAKERS)
ENTRY = "function_app.py"
CACHES = {"cache", "lru_cache", "cached_property"}
SETTINGS = "shared/settings.py"
_ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}


def global_instances(source: Source) -> list[str]:
    """What a module makes when it is imported, and functions without parameters that keep what they made."""
    found = [
        f"{source.at(call)}: {ast.unparse(call)[:60]}"
        for node in source.tree.body
        for call in _calls_at_import(node)
        if f".{ast.unparse(call.func)}".endswith(_MADE_BY)
    ]
    for node in source.nodes():
        if isinstance(node, ast.FunctionDef) and not node.args.args and _is_cached(node):
            found.append(f"{source.at(node)}: {node.name} is a global in disguise")
    return found


def _calls_at_import(node: ast.stmt) -> Iterator[ast.Call]:
    """Calls outside functions; class bodies and default values run at import too."""
    inside: list[ast.AST] = [node]
    while inside:
        each = inside.pop()
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            inside += [*each.args.defaults, *(d for d in each.args.kw_defaults if d), *each.decorator_list]
        elif not isinstance(each, ast.Lambda):
            if isinstance(each, ast.Call):
                yield each
            inside += ast.iter_child_nodes(each)


def _is_cached(node: ast.FunctionDef) -> bool:
    names = (each.func if isinstance(each, ast.Call) else each for each in node.decorator_list)
    return any(ast.unparse(name).rpartition(".")[2] in CACHES for name in names)


def environment_reads(source: Source) -> list[str]:
    """Every use of the process's environment, under whatever name the module `os` goes."""
    found = []
    for node in source.nodes():
        if isinstance(node, ast.Attribute) and node.attr in _ENVIRONMENT:
            found.append(f"{source.at(node)}: {ast.unparse(node)}")
        elif isinstance(node, ast.ImportFrom) and node.module in ("os", "posix"):
            found += [f"{source.at(node)}: {each.name}" for each in node.names if each.name in _ENVIRONMENT]
    return found


def test_no_module_holds_what_the_runtime_hands_out() -> None:
    sources = [source for source in python_sources(*PRODUCT) if source.path != ENTRY]
    assert [finding for source in sources for finding in global_instances(source)] == []


def test_only_the_settings_read_the_environment() -> None:
    sources = python_sources(*PRODUCT, "migrations")
    readers = {source.path for source in sources if environment_reads(source)}
    assert readers == {SETTINGS}


@pytest.mark.parametrize(
    "text",
    [
        "engine = create_engine('postgresql://')",
        "clock: Clock = SystemClock()",
        "STARTED = datetime.now(UTC)",
        "class A:\n    started = time.monotonic()",
        "def f(clock=SystemClock()): ...",
        "pair = (1, load_settings())",
        "if True:\n    runtime = build_runtime(load)",
        "@cache\ndef client():\n    return make()",
        "@functools.lru_cache(maxsize=1)\ndef client():\n    return make()",
    ],
)
def test_a_global_is_found(text: str) -> None:
    assert len(global_instances(Source("shared/money/pay.py", text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    return SystemClock()",
        "LIMIT = int('3')",
        "created_at = Column(server_default=func.now())",
        "make = lambda: SystemClock()",
        "@lru_cache\ndef reader(stream):\n    return make(stream)",
    ],
)
def test_what_is_made_when_asked_for_passes(text: str) -> None:
    assert global_instances(Source("shared/money/pay.py", text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "import os\nx = os.environ['A']",
        "import os as system\nx = system.getenv('A')",
        "from os import environ",
        "from os import getenv as read",
        "def f():\n    import os\n    os.putenv('A', 'b')",
    ],
)
def test_a_reader_of_the_environment_is_found(text: str) -> None:
    assert len(environment_reads(Source("shared/money/pay.py", text))) == 1
