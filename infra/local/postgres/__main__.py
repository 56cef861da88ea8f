"""Run PostgreSQL in the foreground: `python -m infra.local.postgres --data DIR [--port P]`."""

import argparse
import sys
from pathlib import Path

from infra.local.foreground import StopRequest, announce_ready
from infra.local.postgres.errors import LocalPostgresError
from infra.local.postgres.server import LocalPostgres, say_on_stderr

CHECK_SECONDS = 0.5
# Tests trade safety for speed: what they write is worth nothing after them.
THROW_AWAY_SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


def main(arguments: list[str]) -> int:
    chosen = _parse(arguments)
    request = StopRequest()
    if chosen.watch_parent:
        request.watch_standard_input()
    if chosen.watch_pid:
        request.watch_process(chosen.watch_pid)
    try:
        return _serve(chosen, request)
    except LocalPostgresError as failure:
        say_on_stderr(str(failure))
        return 1


def _serve(chosen: argparse.Namespace, request: StopRequest) -> int:
    server = LocalPostgres(chosen.data, port=chosen.port)
    conf = THROW_AWAY_SETTINGS if chosen.throw_away else {}
    server.start(**conf, **dict(chosen.set))
    try:
        announce_ready(server.port, server_pid=server.pid, password_file=str(server.password_file))
        while not request.wait(CHECK_SECONDS):
            if not server.is_running():
                raise LocalPostgresError(
                    f"PostgreSQL ended by itself: look into {server.log_file}, then start again."
                )
    finally:
        if chosen.throw_away:
            server.destroy()
        else:
            server.stop()
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.local.postgres", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path(".local/postgres"), help="folder for data and password"
    )
    parser.add_argument("--port", type=int, default=0, help="port on loopback; 0 chooses a free one")
    parser.add_argument("--set", type=_setting, action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--watch-parent", action="store_true", help="stop when standard input ends")
    parser.add_argument(
        "--watch-pid", type=int, default=0, metavar="PID", help="stop when this process is gone"
    )
    parser.add_argument(
        "--throw-away", action="store_true", help="for tests: no durability, data removed at the end"
    )
    return parser.parse_args(arguments)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
