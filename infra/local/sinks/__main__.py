"""Run all sinks in one process: `python -m infra.local.sinks --data DIR`."""

import argparse
import socket
import sys
from pathlib import Path

from infra.local.foreground import StopRequest, announce_ready
from infra.local.loopback import LoopbackServer, PortBusyError, listen_on_loopback
from infra.local.sinks.hook import hook_app
from infra.local.sinks.insights import connection_string, insights_app
from infra.local.sinks.mail import MailSink
from infra.local.sinks.page import page_app
from infra.local.sinks.store import ReceivedStore


def main(arguments: list[str]) -> int:
    chosen = _parse(arguments)
    request = StopRequest()
    if chosen.watch_parent:
        request.watch_standard_input()
    try:
        ports = (chosen.port, chosen.mail_port, chosen.hook_port, chosen.insights_port)
        listeners = [listen_on_loopback(port) for port in ports]
    except PortBusyError as failure:
        print(failure, file=sys.stderr)
        return 1
    _serve(ReceivedStore(chosen.data), listeners, request)
    return 0


def _serve(store: ReceivedStore, listeners: list[socket.socket], request: StopRequest) -> None:
    for_page, for_mail, for_hook, for_insights = listeners
    page = LoopbackServer(page_app(store), for_page)
    mail = MailSink(store, for_mail)
    hook = LoopbackServer(hook_app(store), for_hook)
    insights = LoopbackServer(insights_app(store), for_insights)
    sinks = (page, mail, hook, insights)
    for sink in sinks:
        sink.start()
    announce_ready(
        page.port,
        mail_port=int(for_mail.getsockname()[1]),
        hook_port=hook.port,
        insights_port=insights.port,
        insights_connection_string=connection_string(insights.url),
    )
    request.wait()
    for sink in sinks:
        sink.stop()


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.local.sinks", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path(".local/sinks"), help="folder for what was received"
    )
    parser.add_argument(
        "--port", type=int, default=0, help="port of the page; 0 chooses a free one, as below"
    )
    parser.add_argument("--mail-port", type=int, default=0, help="port of the SMTP server")
    parser.add_argument("--hook-port", type=int, default=0, help="port of the web hook")
    parser.add_argument("--insights-port", type=int, default=0, help="port of the ingestion endpoints")
    parser.add_argument("--watch-parent", action="store_true", help="stop when standard input ends")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
