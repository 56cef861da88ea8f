"""One set of settings: the Settings class, the sample file, docs/settings.md and, where it exists, the Bicep."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.settings import FAMILIES, setting_names
from tests.house.sources import ROOT

# Read by the platform and never by us; the sample needs them to start.
PLATFORM_ONLY = {"FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage"}
_DOC_ROW = re.compile(r"^\|\s*`([^`]+)`", re.MULTILINE)
# A setting in Bicep: a key of an object, or the name of a name-value pair.
_BICEP_KEY = re.compile(r"""^\s*'?(\w+)'?\s*:""", re.MULTILINE)
_BICEP_PAIR = re.compile(r"""\bname:\s*'(\w+)'""")


def sample_names(text: str) -> set[str]:
    return set(json.loads(text)["Values"]) - PLATFORM_ONLY


def documented_names(text: str) -> set[str]:
    """Names in the first column of the tables; of those that are no settings of ours, only stale ones count."""
    return _settings_among(set(_DOC_ROW.findall(text)))


def bicep_names(text: str) -> set[str]:
    return _settings_among({*_BICEP_KEY.findall(text), *_BICEP_PAIR.findall(text)})


def _settings_among(names: set[str]) -> set[str]:
    """Our settings, and whatever looks like one: a name in our families that is a setting no more."""
    known = set(setting_names())
    return {name for name in names if name in known or name.startswith(FAMILIES)}


def corners(root: Path) -> dict[str, set[str]]:
    """Every place that lists the settings, and the names it gives."""
    found = {
        "local.settings.sample.json": sample_names((root / "local.settings.sample.json").read_text("utf-8")),
        "docs/settings.md": documented_names((root / "docs/settings.md").read_text("utf-8")),
    }
    if bicep := sorted((root / "infra").rglob("*.bicep")):
        found["infra/**/*.bicep"] = bicep_names("\n".join(file.read_text("utf-8") for file in bicep))
    return found


def disagreements(places: Mapping[str, set[str]], names: set[str]) -> list[str]:
    found = []
    for place, listed in places.items():
        found += [f"{name} is missing in {place}" for name in sorted(names - listed)]
        found += [f"{name} in {place} is not a setting" for name in sorted(listed - names)]
    return found


def test_settings_sample_and_documentation_agree() -> None:
    assert disagreements(corners(ROOT), set(setting_names())) == []


def test_the_platforms_own_settings_are_in_the_sample_and_documented() -> None:
    sample = json.loads((ROOT / "local.settings.sample.json").read_text("utf-8"))
    documented = set(_DOC_ROW.findall((ROOT / "docs/settings.md").read_text("utf-8")))
    assert set(sample["Values"]) >= PLATFORM_ONLY
    assert documented >= {*PLATFORM_ONLY, "MIGRATOR_DATABASE_URL"}


def test_every_value_of_the_sample_is_a_text() -> None:
    sample = json.loads((ROOT / "local.settings.sample.json").read_text("utf-8"))
    assert sample["IsEncrypted"] is False
    assert {type(value) for value in sample["Values"].values()} == {str}


def project(root: Path, sample: set[str], documented: set[str], bicep: str | None = None) -> Path:
    """A project that lists these settings in its corners."""
    (root / "docs").mkdir()
    (root / "infra" / "modules").mkdir(parents=True)
    values = dict.fromkeys([*sample, *PLATFORM_ONLY], "")
    (root / "local.settings.sample.json").write_text(json.dumps({"Values": values}))
    rows = "".join(f"| `{name}` | – | what it does |\n" for name in sorted(documented))
    (root / "docs/settings.md").write_text(
        f"# Settings\n\n| name | default | meaning |\n|---|---|---|\n{rows}"
    )
    if bicep is not None:
        (root / "infra/modules/app.bicep").write_text(bicep)
    return root


ALL = set(setting_names())


@pytest.mark.parametrize("line", ["  {}: 'x'", "  '{}': x", "  {{ name: '{}', value: x }}", "    name: '{}'"])
def test_corners_that_agree_pass(tmp_path: Path, line: str) -> None:
    bicep = "\n".join([*map(line.format, sorted(ALL)), "  location: location", "  name: 'counterfoil'"])
    root = project(tmp_path, ALL, {*ALL, "PORT"}, bicep)
    assert disagreements(corners(root), ALL) == []


@pytest.mark.parametrize(
    ("sample", "documented", "bicep"),
    [
        (ALL - {"APP_ENV"}, ALL, None),
        (ALL | {"DATABASE_POOLSIZE"}, ALL, None),
        (ALL | {"WHATEVER"}, ALL, None),
        (ALL, ALL - {"EventHubs__clientId"}, None),
        (ALL, ALL | {"OIDC_SECRET"}, None),
        (ALL, ALL, "".join(f"  {name}: 'x'\n" for name in sorted(ALL - {"EVENT_PROFILE"}))),
        (ALL, ALL, "".join(f"  {name}: 'x'\n" for name in sorted(ALL | {"EVENT_PROFIL"}))),
    ],
)
def test_corners_that_disagree_are_found(
    tmp_path: Path, sample: set[str], documented: set[str], bicep: str | None
) -> None:
    assert disagreements(corners(project(tmp_path, sample, documented, bicep)), ALL) != []
