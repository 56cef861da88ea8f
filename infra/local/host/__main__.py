"""Run a function app: `python -m infra.local.host --app . --settings local.settings.json --port 7071 --data DIR`."""

import argparse
import asyncio
import contextlib
import os
import sys
from pathlib import Path

from infra.local.foreground import StopRequest, announce_ready
from infra.local.host.errors import StartError
from infra.local.host.files import lock_directory
from infra.local.host.front import RESPONSE_LIMIT_SECONDS
from infra.local.host.host import STOP_LIMIT_SECONDS, HostOptions, start_host
from infra.local.host.keys import KEY_FILE


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.local.host", description="A local Azure Functions host."
    )
    parser.add_argument("--app", type=Path, default=Path(), help="the app's root, with function_app.py")
    parser.add_argument(
        "--settings", type=Path, help="settings file; local.settings.json of the app by default"
    )
    parser.add_argument("--port", type=int, default=7071, help="HTTP port on 127.0.0.1; 0 chooses a free one")
    parser.add_argument(
        "--data", type=Path, default=Path(".local/host"), help="checkpoints, timer status, keys"
    )
    parser.add_argument("--watch-parent", action="store_true", help="stop when standard input ends")
    parser.add_argument("--faults", action="store_true", help="open the fault switches at /admin/faults")
    parser.add_argument(
        "--response-seconds",
        type=float,
        default=RESPONSE_LIMIT_SECONDS,
        help="HTTP callers get 504 after this",
    )
    parser.add_argument(
        "--stop-seconds", type=float, default=STOP_LIMIT_SECONDS, help="what runs at a stop may take so long"
    )
    return parser.parse_args(arguments)


async def run(options: HostOptions, stop: StopRequest) -> bool:
    """Serve until asked to stop; True when everything that ran could end.

    What the app prints goes to the log, as on the platform: on standard output it would stand before the ready
    line, or fill a pipe that nobody reads after it.
    """
    with contextlib.redirect_stdout(sys.stderr):
        host, port = await start_host(options)
    announce_ready(port, keys=str(options.data / KEY_FILE))
    with contextlib.redirect_stdout(sys.stderr):
        await asyncio.to_thread(stop.wait)
        return await host.stop()


def main() -> None:
    given = parse_arguments(sys.argv[1:])
    app: Path = given.app.resolve()
    settings = (given.settings or app / "local.settings.json").resolve()
    options = HostOptions(
        app,
        settings,
        given.port,
        given.data.resolve(),
        given.faults,
        given.response_seconds,
        given.stop_seconds,
    )
    stop = StopRequest()
    if given.watch_parent:
        stop.watch_standard_input()
    try:
        lock = lock_directory(options.data)
        complete = asyncio.run(run(options, stop))
    except StartError as error:
        sys.exit(f"host: {error}")
    lock.close()
    if not complete:
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    main()
