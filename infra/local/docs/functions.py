"""The functions of the app as the platform will see them: declared on a real FunctionApp with the sample's settings."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import azure.functions as func

from functions import register_all
from shared.settings import load_settings
from shared.wiring import build_runtime

ROOT = Path(__file__).resolve().parents[3]


class Declared(NamedTuple):
    """One function: its name, what starts it, and the words of its trigger."""

    name: str
    trigger: str
    words: str


def declared_functions() -> list[Declared]:
    """Every function in the order of its declaration. Nothing connects: the app is only declared."""
    values: Mapping[str, str] = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    prefix = json.loads((ROOT / "host.json").read_text())["extensions"]["http"]["routePrefix"]
    app = register_all(func.FunctionApp(), build_runtime(load_settings(values)))
    return [_declared(each, prefix) for each in app.get_functions()]


def _declared(function: func.Function, prefix: str) -> Declared:
    trigger = function.get_trigger()
    if trigger is None:
        raise LookupError(f"{function.get_function_name()} has no trigger")
    described: dict[str, Any] = trigger.get_dict_repr()
    kind = str(described["type"])
    name = str(function.get_function_name())
    return Declared(name, kind.removesuffix("Trigger"), _words(kind, described, prefix))


def _words(kind: str, trigger: Mapping[str, Any], prefix: str) -> str:
    if kind == "eventHubTrigger":
        return f"hub {_setting(trigger['eventHubName'])}, group {_setting(trigger['consumerGroup'])}"
    if kind == "timerTrigger":
        return f"times of {_setting(trigger['schedule'])}"
    methods = ", ".join(str(getattr(method, "value", method)) for method in trigger["methods"])
    return f"`{methods} /{prefix}/{trigger['route']}`"


def _setting(reference: str) -> str:
    return f"`{reference.strip('%')}`"
