"""The names this host needs of the worker runtime: another release must be looked at before it is used."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from infra.local.host.messages import PROTOS
from infra.local.host.worker import RUNTIME_NAMES, RUNTIME_VERSION_PREFIX, import_runtime
from tests.support.functions_host import ROOT

# The runtime builds these for requests that only the platform's own host makes.
NEVER_ASKED_FOR = {"FunctionLoadResponse", "FunctionEnvironmentReloadResponse"}


def test_the_runtime_is_the_one_this_host_was_built_for() -> None:
    runtime = import_runtime()
    assert version("azure-functions-runtime").startswith("1.3.")
    assert RUNTIME_VERSION_PREFIX == "1.3."
    assert all(callable(getattr(runtime, name)) for name in RUNTIME_NAMES if name != "invocation_id_cv")
    assert runtime.invocation_id_cv.get() is None


def test_every_message_the_runtime_builds_has_its_shape_here() -> None:
    package = Path(str(import_runtime().__file__)).parent
    used = {name for file in package.rglob("*.py") for name in message_names(file)}
    assert {"TypedData", "StatusResult.Success", "RpcHttpCookie.SameSite.Lax"} <= used
    assert {name for name in used if not is_known(name)} == NEVER_ASKED_FOR


def message_names(file: Path) -> Iterator[str]:
    """`A.B` for every expression `protos.A.B` in a source file."""
    for node in ast.walk(ast.parse(file.read_text())):
        text = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if text.startswith("protos."):
            yield text.removeprefix("protos.")


def is_known(name: str) -> bool:
    found: object = PROTOS
    for part in name.split("."):
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


@pytest.mark.parametrize(
    ("release", "missing"),
    [
        ("1.4.0", ""),
        ("1.3.9", "invocation_request"),
    ],
)
def test_another_runtime_is_refused_at_the_start(tmp_path: Path, release: str, missing: str) -> None:
    site = tmp_path / "site"
    made = site / f"azure_functions_runtime-{release}.dist-info" / "METADATA"
    made.parent.mkdir(parents=True)
    made.write_text(f"Metadata-Version: 2.1\nName: azure-functions-runtime\nVersion: {release}\n")
    lines = "".join(f"{name} = None\n" for name in RUNTIME_NAMES if name != missing)
    (site / "azure_functions_runtime.py").write_text(lines)
    outcome = start_with(site, tmp_path)
    assert (outcome.returncode, outcome.stdout) == (1, "")
    complaint = outcome.stderr.splitlines()[-1]
    assert f"azure-functions-runtime {release}" in complaint
    assert missing in complaint


def start_with(site: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Start an empty app where this folder goes before the installed packages."""
    (folder / "function_app.py").write_text("import azure.functions as func\napp = func.FunctionApp()\n")
    (folder / "host.json").write_text('{"version": "2.0"}')
    (folder / "local.settings.json").write_text(json.dumps({"Values": {}}))
    command = [sys.executable, "-m", "infra.local.host", "--app", str(folder), "--data", str(folder / "data")]
    return subprocess.run(
        [*command, "--port", "0"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(site)},
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
