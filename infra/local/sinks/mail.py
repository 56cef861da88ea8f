"""An SMTP server that delivers nothing: every message is kept to look at."""

import asyncio
import socket
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from infra.local.sinks.store import ReceivedStore

MESSAGE_BYTES_MAX = 2 * 1024 * 1024
STOP_SECONDS = 5


class MailSink:
    """Serves SMTP on a listening socket in a thread of its own."""

    def __init__(self, store: ReceivedStore, listener: socket.socket) -> None:
        self._store = store
        self._listener = listener
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="mail-sink", daemon=True)
        self._ready = threading.Event()

    def start(self) -> None:
        self._thread.start()
        self._ready.wait(STOP_SECONDS)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        self._listener.close()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - the name aiosmtpd calls
        content = envelope.content or b""
        raw = content.encode() if isinstance(content, str) else content
        self._store.append("mail", describe_message(envelope.mail_from, envelope.rcpt_tos, raw))
        return "250 Message kept, not delivered"

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        serving = self._loop.create_server(self._session, sock=self._listener)
        server = self._loop.run_until_complete(serving)
        self._loop.call_soon(self._ready.set)
        self._loop.run_forever()
        server.close()
        self._loop.close()

    def _session(self) -> SMTP:
        return SMTP(
            self,
            hostname="counterfoil.local",
            data_size_limit=MESSAGE_BYTES_MAX,
            enable_SMTPUTF8=True,
            loop=self._loop,
        )


def describe_message(sender: str | None, recipients: list[str], raw: bytes) -> dict[str, Any]:
    """The parts of a message somebody wants to see; undecodable text is shown as well as it can be."""
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return {
        "from": sender,
        "to": list(recipients),
        "subject": str(message.get("subject", "")),
        "headers": {name: str(value) for name, value in message.items()},
        "text": _text(message),
        "attachments": [part.get_filename() or "" for part in message.iter_attachments()],
    }


def _text(message: EmailMessage) -> str:
    body = message.get_body(preferencelist=("plain", "html"))
    if body is None:
        return ""
    payload = body.get_payload(decode=True)
    assert isinstance(payload, bytes)
    try:
        return payload.decode(body.get_content_charset("utf-8"), errors="replace")
    except LookupError:
        return payload.decode(errors="replace")
