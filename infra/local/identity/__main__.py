"""Run the development issuer: `python -m infra.local.identity --port P --data DIR`, with APP_ENV=local."""

import argparse
import os
import sys
from pathlib import Path

from infra.local.foreground import StopRequest, announce_ready
from infra.local.identity.app import Issuer
from infra.local.identity.errors import LocalIdentityError
from infra.local.loopback import LoopbackServer, PortBusyError, listen_on_loopback


def main(arguments: list[str]) -> int:
    chosen = _parse(arguments)
    if os.environ.get("APP_ENV") != "local":
        print(
            "The development issuer gives anybody any role: it starts only with APP_ENV=local.",
            file=sys.stderr,
        )
        return 1
    request = StopRequest()
    if chosen.watch_parent:
        request.watch_standard_input()
    try:
        _serve(chosen, request)
    except (LocalIdentityError, PortBusyError) as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def _serve(chosen: argparse.Namespace, request: StopRequest) -> None:
    listener = listen_on_loopback(chosen.port)
    issuer = Issuer(chosen.data, f"http://127.0.0.1:{listener.getsockname()[1]}", hostile=chosen.hostile)
    server = LoopbackServer(issuer.app(), listener)
    server.start()
    announce_ready(server.port, issuer=server.url)
    request.wait()
    server.stop()


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.local.identity", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path(".local/identity"), help="folder for the signing keys"
    )
    parser.add_argument("--port", type=int, default=0, help="port on loopback; 0 chooses a free one")
    parser.add_argument("--hostile", action="store_true", help="for tests: switches that make it misbehave")
    parser.add_argument("--watch-parent", action="store_true", help="stop when standard input ends")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
