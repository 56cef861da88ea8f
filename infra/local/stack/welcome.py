"""What `make run` prints at the end: where to look, and three commands to try."""

import shlex
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from infra.local.stack.layout import Layout
from infra.local.stack.stack import Stack
from shared.runtime import Runtime

# A payment worth looking at: both sides and an order that went well.
_EXAMPLE = """
SELECT payment_tx_id, order_id, sender_wallet_id FROM pairs
WHERE state = 'COMPLETE' AND anomalies = '{}' AND order_status_group = 'SUCCESS' ORDER BY order_id LIMIT 1
"""


def show_places(console: Console, stack: Stack, layout: Layout) -> None:
    """Where everything is."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(min_width=14)
    table.add_column()
    table.add_row("API", f"{stack.url}/api")
    table.add_row("its description", f"{stack.url}/api/docs")
    table.add_row("health", f"{stack.url}/api/health/ready")
    table.add_row("documentation", "docs/ (start with docs/operators-first-hour.md)")
    table.add_row("mail and hooks", stack.sinks_url)
    table.add_row("token", f"{short(layout.token)}  (more: make token ROLE=operator)")
    table.add_row("administrators", "make admin ARGS='list principals'  (help: make admin ARGS=--help)")
    table.add_row("auditors", f"public key of anchors and archives in {short(layout.audit_public_key)}")
    table.add_row("producers", f"connection string in {short(layout.connection)}")
    table.add_row("logs", f"{short(layout.logs)}/")
    console.print(table)


def show_commands(console: Console, stack: Stack, layout: Layout, runtime: Runtime) -> None:
    """Three look-ups that work as printed, as long as something has arrived."""
    with runtime.database.statement() as connection:
        row = connection.execute(text(_EXAMPLE)).first()
    if row is None:
        console.print("Nothing is stored yet. Publish something: make send FILE=events.ndjson")
        return
    console.print("Try these (a transaction, its payment order, the sender's wallet):")
    for path in (f"tx/{row[0]}", f"payment-orders/{row[1]}", f"wallets/{row[2]}/tx"):
        print(f"  {command(stack.url, path, layout.token)}")


def command(url: str, path: str, token: Path) -> str:
    """A curl line that can be pasted."""
    header = f'"Authorization: Bearer $(cat {shlex.quote(short(token))})"'
    return f"curl -s -H {header} {url}/api/{path} | python3 -m json.tool --no-ensure-ascii"


def short(path: Path) -> str:
    """Relative to where the person stands, where that is shorter."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
