import json
import os
from pathlib import Path

import pytest

from infra.local.host.connections import resolve_connection
from infra.local.host.errors import StartError
from infra.local.host.settings import is_disabled, publish_settings, read_settings_file, resolve_references

CONNECTION = (
    "Endpoint=sb://127.0.0.1:5672;SharedAccessKeyName=local;SharedAccessKey=a=b=;UseDevelopmentEmulator=true"
)


def write(path: Path, document: object) -> Path:
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_the_values_are_read(tmp_path: Path) -> None:
    file = write(tmp_path / "s.json", {"IsEncrypted": False, "Values": {"A": "1"}})
    assert read_settings_file(file) == {"A": "1"}


@pytest.mark.parametrize(
    "document",
    [
        "{",
        [],
        {"Values": {}, "Value": {}},
        {"IsEncrypted": True, "Values": {}},
        {"Values": []},
        {"Values": {"A": 1}},
    ],
)
def test_a_bad_settings_file_is_refused_by_its_name(tmp_path: Path, document: object) -> None:
    file = write(tmp_path / "s.json", document)
    with pytest.raises(StartError, match=str(file)):
        read_settings_file(file)


def test_a_missing_settings_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=str(tmp_path / "absent.json")):
        read_settings_file(tmp_path / "absent.json")


def test_an_environment_variable_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_TEST_KEPT", "environment")
    monkeypatch.delenv("HOST_TEST_NEW", raising=False)
    publish_settings({"HOST_TEST_KEPT": "file", "HOST_TEST_NEW": "file"})
    new = os.environ.pop("HOST_TEST_NEW")
    assert (os.environ["HOST_TEST_KEPT"], new) == ("environment", "file")


def test_references_are_resolved() -> None:
    environment = {"A": "x", "B": "y"}
    assert resolve_references("%A%-%B%-100%", "f", environment) == "x-y-100%"
    with pytest.raises(StartError, match="%C%"):
        resolve_references("%C%", "The schedule of f", environment)


def test_a_connection_string_or_a_namespace_is_found() -> None:
    text = resolve_connection("E", "f", {"E": CONNECTION})
    assert (text.namespace, text.connection_string) == ("127.0.0.1", CONNECTION)
    named = resolve_connection("E", "f", {"E__fullyQualifiedNamespace": "n.servicebus.windows.net"})
    assert (named.namespace, named.connection_string) == ("n.servicebus.windows.net", None)
    assert "SharedAccessKey" not in repr(text)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"E": ""},
        {"E": "no endpoint"},
        {"E": "Endpoint=sb://h"},
        {"E": "SharedAccessKeyName=n;SharedAccessKey=k"},
    ],
)
def test_a_missing_or_bad_connection_names_its_setting(environment: dict[str, str]) -> None:
    with pytest.raises(StartError, match=r"\bE\b"):
        resolve_connection("E", "f", environment)


def test_a_function_is_switched_off_by_either_spelling() -> None:
    assert is_disabled("f", {"AzureWebJobs.f.Disabled": "true"})
    assert is_disabled("f", {"AzureWebJobs_f_Disabled": "1"})
    assert not is_disabled("f", {"AzureWebJobs.f.Disabled": "false", "AzureWebJobs.g.Disabled": "true"})
