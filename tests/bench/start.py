"""Start: import and indexing of this function app in a fresh process, beside an app with one empty function."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from functions.schedule import SCHEDULE
from tests.bench.measure import Figure, Measured, Plan, process_cpu_seconds, run_rounds
from tests.support.runtime import BASE_SETTINGS

FIGURE = Figure("start", "import and indexing of function_app, s", "those of an empty app", 6, 3, False)
ROOT = Path(__file__).resolve().parents[2]
SCHEDULES = {duty.schedule: "0 0 0 1 1 *" for duty in SCHEDULE}
SETTINGS = {
    **SCHEDULES,
    "EVENT_CONSUMER_GROUP": "counterfoil",
    "WATCH_SYNC_SCHEDULE": "0 * * * * *",
    **BASE_SETTINGS,
}
EMPTY_APP = """
import azure.functions as func

app = func.FunctionApp()


@app.function_name("nothing")
@app.route("nothing")
def nothing(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("")
"""
# Timed from the moment the runtime is there: both apps need it, and only what lies behind it is theirs.
PROBE = """
import asyncio, json, sys, time
from pathlib import Path
from infra.local.host.worker import Worker, import_runtime
import_runtime()
async def load():
    started = time.perf_counter()
    worker = await Worker.load(Path(sys.argv[1]))
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "functions": len(worker.functions)}))
    worker.close()
asyncio.run(load())
"""


def load_seconds(app: Path) -> float:
    """How long a fresh process needs to import and index the app. Raises when it finds no function."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(app)],
        cwd=ROOT,
        env={**os.environ, **SETTINGS, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    if not found["functions"]:
        raise RuntimeError(f"{app} has no function")
    return float(found["seconds"])


def measure_start(plan: Plan, on_round: Callable[[], None]) -> Measured:
    """The time of this app over that of the empty one, alternating."""
    measured = Measured(FIGURE, "s")
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder)
        (empty / "function_app.py").write_text(EMPTY_APP)
        (empty / "host.json").write_text('{"version": "2.0"}')
        return run_rounds(
            measured,
            plan,
            lambda _attempt: (load_seconds(ROOT), load_seconds(empty)),
            lambda: process_cpu_seconds({os.getpid()}),
            on_round,
        )
