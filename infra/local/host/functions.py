"""What the host needs to know of each function: its trigger, read from the indexed bindings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.local.host.connections import EventHubsConnection, resolve_connection
from infra.local.host.errors import StartError
from infra.local.host.ncrontab import Schedule
from infra.local.host.retry import RetryPolicy, retry_policy
from infra.local.host.routes import Route
from infra.local.host.settings import is_disabled, resolve_references
from infra.local.host.worker import IndexedFunction


@dataclass(frozen=True)
class HttpFunction:
    name: str
    parameter: str
    route: Route
    auth_level: str


@dataclass(frozen=True)
class TimerFunction:
    name: str
    parameter: str
    schedule: Schedule
    run_on_startup: bool
    use_monitor: bool
    retry: RetryPolicy


@dataclass(frozen=True)
class EventHubFunction:
    name: str
    parameter: str
    hub: str
    group: str
    connection: EventHubsConnection
    retry: RetryPolicy


@dataclass(frozen=True)
class Functions:
    http: tuple[HttpFunction, ...]
    timers: tuple[TimerFunction, ...]
    event_hubs: tuple[EventHubFunction, ...]


def read_functions(indexed: Iterable[IndexedFunction], environment: Mapping[str, str]) -> Functions:
    """Sort the enabled functions by trigger. Raises StartError for what this host cannot serve."""
    http: list[HttpFunction] = []
    timers: list[TimerFunction] = []
    event_hubs: list[EventHubFunction] = []
    for function in indexed:
        if is_disabled(function.name, environment):
            continue
        trigger = _trigger(function)
        if trigger["type"] == "httpTrigger":
            http.append(_http(function, trigger))
        elif trigger["type"] == "timerTrigger":
            timers.append(_timer(function, trigger, environment))
        else:
            event_hubs.append(_event_hub(function, trigger, environment))
    _refuse_shared_groups(event_hubs)
    _refuse_shared_routes(http)
    return Functions(tuple(http), tuple(timers), tuple(event_hubs))


def _trigger(function: IndexedFunction) -> dict[str, Any]:
    for binding in function.bindings:
        if binding["type"] not in {"httpTrigger", "timerTrigger", "eventHubTrigger", "http"}:
            raise StartError(
                f"The function {function.name} has a binding of type {binding['type']}; "
                "this host serves HTTP, timer and event hub triggers only."
            )
    return next(binding for binding in function.bindings if binding["type"].endswith("Trigger"))


def _http(function: IndexedFunction, trigger: dict[str, Any]) -> HttpFunction:
    methods = frozenset(str(method).upper() for method in trigger.get("methods") or ())
    route = Route.parse(function.name, str(trigger.get("route") or function.name), methods)
    return HttpFunction(
        function.name, trigger["name"], route, str(trigger.get("authLevel", "function")).lower()
    )


def _timer(
    function: IndexedFunction, trigger: dict[str, Any], environment: Mapping[str, str]
) -> TimerFunction:
    owner = f"The schedule of {function.name}"
    schedule = Schedule.parse(resolve_references(trigger["schedule"], owner, environment), owner)
    return TimerFunction(
        name=function.name,
        parameter=trigger["name"],
        schedule=schedule,
        run_on_startup=_flag(trigger.get("runOnStartup"), default=False),
        use_monitor=_flag(trigger.get("useMonitor"), default=True) and not schedule.below_a_minute,
        retry=retry_policy(function.retry_options),
    )


def _flag(value: object, *, default: bool) -> bool:
    return default if value is None else str(value).lower() == "true"


def _event_hub(
    function: IndexedFunction, trigger: dict[str, Any], environment: Mapping[str, str]
) -> EventHubFunction:
    owner = f"The event hub trigger of {function.name}"
    if str(trigger.get("cardinality", "ONE")).upper() != "MANY":
        raise StartError(
            f'{owner} takes single events; declare cardinality="many", this host delivers batches.'
        )
    if str(trigger.get("dataType", "UNDEFINED")).upper() != "BINARY":
        raise StartError(
            f'{owner} must declare data_type="binary", or bodies that are not UTF-8 would be lost.'
        )
    return EventHubFunction(
        name=function.name,
        parameter=trigger["name"],
        hub=resolve_references(trigger["eventHubName"], owner, environment),
        group=resolve_references(trigger.get("consumerGroup") or "$Default", owner, environment),
        connection=resolve_connection(str(trigger["connection"]), owner, environment),
        retry=retry_policy(function.retry_options),
    )


def _refuse_shared_groups(functions: Iterable[EventHubFunction]) -> None:
    readers: dict[tuple[str, str, str], str] = {}
    for function in functions:
        stream = (function.connection.namespace, function.hub.lower(), function.group.lower())
        other = readers.setdefault(stream, function.name)
        if other != function.name:
            raise StartError(
                f"The functions {other} and {function.name} read the event hub {function.hub} with the same "
                f"consumer group {function.group} and would take events from each other; give each its own group."
            )


def _refuse_shared_routes(functions: Iterable[HttpFunction]) -> None:
    seen: list[HttpFunction] = []
    for function in functions:
        for other in seen:
            if function.route.conflicts_with(other.route):
                raise StartError(
                    f"The route specified conflicts with the route defined by function '{other.name}' "
                    f"(function '{function.name}', route '{function.route.template}')."
                )
        seen.append(function)
