"""The command line: what it takes, what it refuses, and its exit status."""

import json
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest

from infra.local.__main__ import main
from infra.local.identity.keys import KeyRing
from infra.local.stack.credentials import Credentials
from infra.local.stack.layout import Layout, Ports
from infra.local.stack.settings import app_settings, write_settings

COMMANDS = ("run", "reset", "send", "psql", "ceiling", "replay-gaps", "admin", "token", "metrics")


def status_of(layout: Layout, *arguments: str) -> int:
    """The exit status, also of what the parser refuses."""
    try:
        return main(["--folder", str(layout.folder), *arguments])
    except SystemExit as ended:
        return int(ended.code or 0)


@pytest.mark.parametrize("arguments", [["--help"], *([command, "--help"] for command in COMMANDS)])
def test_every_command_explains_itself(
    layout: Layout, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(layout, *arguments) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("usage:")
    assert printed.err == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["run", "--port", "many"],
        ["run", "--events", "-1"],
        ["run", "--events", "1.5"],
        ["send"],
        ["psql", "--role", "root"],
        ["token", "--role", "king"],
        ["token", "--hours", "0"],
        ["token", "--hours", "721"],
        ["metrics", "--minutes", "0"],
        ["metrics", "--minutes", "99999999999"],
        ["metrics", "--minutes", "soon"],
    ],
)
def test_what_it_does_not_understand_is_refused_before_anything_is_done(
    layout: Layout, arguments: list[str]
) -> None:
    assert status_of(layout, *arguments) == 2
    assert list(layout.folder.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--port", "65529"],
        ["run", "--port", "-1"],
        ["send", "none.ndjson"],
        ["psql"],
        ["ceiling", "--", "--list"],
        ["admin", "--", "list", "principals"],
        ["replay-gaps", "--", "--dry-run"],
        ["token"],
        ["metrics"],
    ],
)
def test_what_cannot_be_done_is_one_line_on_standard_error(
    layout: Layout, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(layout, *arguments) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(f"{arguments[0]}: ")
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert list(layout.folder.iterdir()) == []


def test_a_folder_that_is_a_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.touch()
    assert status_of(Layout(file), "reset") == 1
    assert str(file) in capsys.readouterr().err


def test_reset_lists_what_it_removed(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    layout.token.touch()
    assert status_of(layout, "reset") == 0
    assert str(layout.token) in capsys.readouterr().out.replace("\n", "")
    assert status_of(layout, "reset") == 0


def test_a_token_has_the_role_the_hours_and_the_audience_of_the_app(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    issuer = "http://127.0.0.1:21001"
    ring = KeyRing.open(layout.identity, issuer)
    values = app_settings(layout, Ports.from_first(21_000), issuer, Credentials.load(layout))
    write_settings(layout, {**values, "OIDC_AUDIENCE": "api://another"})
    assert status_of(layout, "token", "--role", "auditor", "--hours", "720") == 0
    token = capsys.readouterr().out.strip()
    [key] = [key for key in ring.key_set()["keys"] if key["alg"] == "RS256"]
    claims = jwt.decode(
        token, jwt.PyJWK(json.loads(json.dumps(key))), audience="api://another", issuer=issuer
    )
    assert claims["roles"] == ["auditor"]
    assert claims["exp"] - claims["iat"] == 720 * 3600
    assert claims["iat"] <= datetime.now(UTC).timestamp()


def test_a_token_of_a_person_claims_no_role(layout: Layout, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a claim of roles all grants of the person hold."""
    issuer = "http://127.0.0.1:21001"
    KeyRing.open(layout.identity, issuer)
    write_settings(layout, app_settings(layout, Ports.from_first(21_000), issuer, Credentials.load(layout)))
    assert status_of(layout, "token", "--subject", "lee") == 0
    claims = jwt.decode(capsys.readouterr().out.strip(), options={"verify_signature": False})
    assert (claims["sub"], claims["oid"], "roles" in claims) == ("lee", "lee", False)
