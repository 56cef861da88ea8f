"""`make ceiling` becomes the product's own command line, with the settings of the stack that runs."""

import json
import subprocess
import sys
from typing import Any

import psycopg

from infra.local.stack.claims import exclusive
from infra.local.stack.credentials import Credentials
from infra.local.stack.layout import ROOT, Layout, Ports
from infra.local.stack.principals import seed_principals
from infra.local.stack.settings import app_settings, write_settings
from tests.support.callers import token_file

LIFT = ("--stream", "ledger", "--share", "1.0", "--for", "30m", "--reason", "two words", "--json")


def run(layout: Layout, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [
        sys.executable,
        "-m",
        "infra.local",
        "--folder",
        str(layout.folder),
        "ceiling",
        "--",
        *arguments,
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_works_on_the_stacks_database(
    layout: Layout, database_url: str, owner: psycopg.Connection[Any]
) -> None:
    values = app_settings(
        layout, Ports.from_first(21_000), "http://127.0.0.1:21001", Credentials.load(layout)
    )
    write_settings(layout, {**values, "DATABASE_URL": database_url})
    seed_principals(database_url, values["OIDC_ISSUER"], layout.admin_token)
    with exclusive(layout):
        done = run(layout, *LIFT)
        assert (done.returncode, done.stderr) == (0, "")
        (raised,) = json.loads(done.stdout)["raised"]
        assert (raised["reason"], raised["set_by"]) == ("two words", "local-administrator")
        other = token_file(owner, layout.folder, "kim")
        assert run(layout, "--token-file", str(other), *LIFT).returncode == 0
        listed = run(layout, "--list", "--json")
        assert len(json.loads(listed.stdout)["ceilings"]) == 2
        assert run(layout, "--share", "1").returncode == 2
    rows = owner.execute("SELECT set_by, reason FROM reject_ceilings ORDER BY ceiling_id").fetchall()
    assert rows == [("local-administrator", "two words"), ("kim", "two words")]
