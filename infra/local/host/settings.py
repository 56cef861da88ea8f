"""Application settings: the settings file, the environment and %NAME% references."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from infra.local.host.errors import StartError

_REFERENCE = re.compile(r"%([^%\s]+)%")
_FILE_KEYS = {"IsEncrypted", "Values", "Host", "ConnectionStrings"}


def read_settings_file(path: Path) -> dict[str, str]:
    """The "Values" of a local settings file.

    Raises StartError when the file is missing, is not JSON, is encrypted or holds values that are not text.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StartError(
            f"There is no settings file {path}; copy local.settings.sample.json to it."
        ) from None
    except (OSError, ValueError) as error:
        raise StartError(f"The settings file {path} cannot be read: {error}.") from error
    if not isinstance(document, dict) or not set(document) <= _FILE_KEYS:
        raise StartError(f'The settings file {path} must be an object with "IsEncrypted" and "Values".')
    if document.get("IsEncrypted"):
        raise StartError(f'The settings file {path} is encrypted; decrypt it and set "IsEncrypted" to false.')
    return _text_values(path, document.get("Values", {}))


def _text_values(path: Path, values: object) -> dict[str, str]:
    if not isinstance(values, dict):
        raise StartError(f'"Values" in {path} must be an object of names and texts.')
    for name, value in values.items():
        if not isinstance(value, str):
            raise StartError(f"The setting {name} in {path} must be a text; write it in quotes.")
    return values


def publish_settings(values: Mapping[str, str]) -> None:
    """Put the file's settings into the environment; a variable that exists already wins, as on the platform."""
    for name, value in values.items():
        os.environ.setdefault(name, value)


def resolve_references(text: str, owner: str, environment: Mapping[str, str]) -> str:
    """Replace each %NAME% by the setting of that name.

    `owner` names the function and property for the StartError raised when the setting is missing or empty.
    """

    def setting(match: re.Match[str]) -> str:
        value = environment.get(match[1], "")
        if not value:
            raise StartError(f"{owner} refers to %{match[1]}%, but there is no setting {match[1]}; add it.")
        return value

    return _REFERENCE.sub(setting, text)


def is_disabled(function: str, environment: Mapping[str, str]) -> bool:
    """True when the app settings switch the function off, in either of the two spellings the platform reads."""
    names = (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled")
    return any(environment.get(name, "").lower() in {"true", "1"} for name in names)
