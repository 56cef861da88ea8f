"""The app under test: it writes down what the host gave it, and fails when an event tells it to."""

import json
import logging
import os
import threading
import time
import typing
from collections import Counter
from pathlib import Path

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
log = logging.getLogger("app")
print("the app is imported")

_lock = threading.Lock()
_failures: Counter[str] = Counter()


def record(kind: str, **fields: object) -> None:
    """One line per call, whole even when the process is killed right after."""
    with _lock, Path(os.environ["RECORD_FILE"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"kind": kind, **fields}) + "\n")


def take(function: str, events: typing.List[func.EventHubEvent], context: func.Context) -> None:  # noqa: UP006
    """What a body may ask for: {"fail": 2} to fail twice, -1 without end; {"sleep": 3}; {"wait_for": a file}."""
    place = dict(events[0].metadata or {})["PartitionContext"]
    partition, numbers = place["PartitionId"], [event.sequence_number for event in events]
    retry = context.retry_context
    record(
        function,
        partition=partition,
        numbers=numbers,
        at=time.time(),
        checkpointing=place["IsCheckpointingAfterInvocation"],
        retry=[retry.retry_count, retry.max_retry_count],
    )
    for event in events:
        told = json.loads(event.get_body()) if event.get_body().startswith(b"{") else {}
        time.sleep(told.get("sleep", 0))
        while "wait_for" in told and not Path(told["wait_for"]).exists():
            time.sleep(0.02)
        fail = told.get("fail", 0)
        key = f"{function}/{partition}/{event.sequence_number}"
        if fail < 0 or _failures[key] < fail:
            _failures[key] += 1
            raise ValueError(f"told to fail at {event.sequence_number}")
    record(f"{function} done", partition=partition, numbers=numbers, at=time.time())


@app.function_name("stream_plain")
@app.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="%PLAIN_HUB%",
    connection="EventHubs",
    consumer_group="%GROUP%",
    cardinality="many",
    data_type="binary",
)
def stream_plain(events: typing.List[func.EventHubEvent], context: func.Context) -> None:  # noqa: UP006
    take("stream_plain", events, context)


@app.function_name("stream_fixed")
@app.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="fixed",
    connection="EventHubs",
    consumer_group="%GROUP%",
    cardinality="many",
    data_type="binary",
)
@app.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:00")
def stream_fixed(events: typing.List[func.EventHubEvent], context: func.Context) -> None:  # noqa: UP006
    take("stream_fixed", events, context)


@app.function_name("stream_endless")
@app.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="endless",
    connection="EventHubs",
    consumer_group="%GROUP%",
    cardinality="many",
    data_type="binary",
)
@app.retry(
    strategy="exponential_backoff",
    max_retry_count="-1",
    minimum_interval="00:00:00",
    maximum_interval="00:00:01",
)
def stream_endless(events: typing.List[func.EventHubEvent], context: func.Context) -> None:  # noqa: UP006
    take("stream_endless", events, context)


@app.function_name("stream_metadata")
@app.event_hub_message_trigger(
    arg_name="events",
    event_hub_name="metadata",
    connection="EventHubs",
    consumer_group="%GROUP%",
    cardinality="many",
    data_type="binary",
)
def stream_metadata(events: typing.List[func.EventHubEvent]) -> None:  # noqa: UP006
    first = events[0]
    record(
        "stream_metadata",
        metadata=dict(first.metadata or {}),
        bodies=[event.get_body().hex() for event in events],
        keys=[event.partition_key for event in events],
        offsets=[event.offset for event in events],
        enqueued=[str(event.enqueued_time) for event in events],
    )


@app.function_name("timer_yearly")
@app.timer_trigger(schedule="%YEARLY%", arg_name="timer")
def timer_yearly(timer: func.TimerRequest) -> None:
    request: typing.Any = timer
    record("timer_yearly", past_due=timer.past_due, status=request.schedule_status, schedule=request.schedule)


@app.function_name("timer_slow")
@app.timer_trigger(schedule="* * * * * *", arg_name="timer", run_on_startup=True)
def timer_slow(timer: func.TimerRequest) -> None:
    request: typing.Any = timer
    started = time.time()
    time.sleep(1.2)
    record("timer_slow", started=started, ended=time.time(), status=request.schedule_status)
    raise RuntimeError("an exception does not stop the schedule")


def seen(function: str, request: func.HttpRequest) -> func.HttpResponse:
    document = {
        "function": function,
        "method": request.method,
        "url": request.url,
        "route": dict(request.route_params),
        "query": dict(request.params),
        "headers": dict(request.headers),
        "body": request.get_body().decode("latin-1"),
    }
    return func.HttpResponse(
        json.dumps(document), mimetype="application/json", headers={"X-Function": function}
    )


@app.function_name("a_item")
@app.route(route="items/{id:int}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def a_item(req: func.HttpRequest) -> func.HttpResponse:
    return seen("a_item", req)


@app.function_name("b_item_by_name")
@app.route(route="items/{name}", methods=["GET", "HEAD"], auth_level=func.AuthLevel.ANONYMOUS)
def b_item_by_name(req: func.HttpRequest) -> func.HttpResponse:
    return seen("b_item_by_name", req)


@app.function_name("c_put_item")
@app.route(route="items/{name}", methods=["PUT"], auth_level=func.AuthLevel.ANONYMOUS)
def c_put_item(req: func.HttpRequest) -> func.HttpResponse:
    return seen("c_put_item", req)


@app.function_name("files")
@app.route(route="files/{*rest}", auth_level=func.AuthLevel.ANONYMOUS)
async def files(req: func.HttpRequest) -> func.HttpResponse:
    return seen("files", req)


@app.function_name("guarded")
@app.route(route="guarded", auth_level=func.AuthLevel.FUNCTION)
def guarded(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(status_code=204)


@app.function_name("masters")
@app.route(route="masters", auth_level=func.AuthLevel.ADMIN)
def masters(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(status_code=204)


@app.function_name("bytes_back")
@app.route(route="bytes", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def bytes_back(req: func.HttpRequest) -> func.HttpResponse:
    headers = {"Set-Cookie": "a=1; Path=/; HttpOnly; SameSite=Lax", "X-Answer": "yes"}
    return func.HttpResponse(
        req.get_body()[::-1], status_code=418, mimetype="application/x-own", headers=headers
    )


@app.function_name("fails")
@app.route(route="fails", auth_level=func.AuthLevel.ANONYMOUS)
def fails(req: func.HttpRequest) -> func.HttpResponse:
    log.warning("about to fail\nin two lines")
    raise RuntimeError("as told")


@app.function_name("sleeps")
@app.route(route="sleeps", auth_level=func.AuthLevel.ANONYMOUS)
def sleeps(req: func.HttpRequest) -> func.HttpResponse:
    record("sleeps", at=time.time())
    time.sleep(float(req.params["seconds"]))
    print("slept well")
    record("sleeps done", at=time.time())
    return func.HttpResponse("awake")


@app.function_name("switched_off")
@app.route(route="off", auth_level=func.AuthLevel.ANONYMOUS)
def switched_off(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("on")
