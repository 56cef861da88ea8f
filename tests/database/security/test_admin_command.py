"""`python -m shared.security.admin`: the same rules as the API, in plain text or JSON."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shared.security.admin import LISTS, TASKS, main
from tests.support.callers import seed_administrator, seed_grant, seed_principal, seed_token
from tests.support.runtime import BASE_SETTINGS

Owner = psycopg.Connection[Any]
ROOT = Path(__file__).resolve().parents[3]
SECRET = "the-secret-of-the-first-start-of-32"
Command = Callable[..., int]


@pytest.fixture
def admin(owner: Owner, database_url: str, tmp_path: Path) -> Command:
    """Run the command in this process as an administrator of all sites, or as the holder of another token."""
    seed_administrator(owner, "root")
    token = seed_token(owner, "root", created_at=datetime.now(UTC))

    def run(*arguments: str, credential: str = token, **changes: str) -> int:
        file = tmp_path / "token"
        file.write_text(credential + "\n")
        settings = {**BASE_SETTINGS, "DATABASE_URL": database_url, **changes}
        try:
            return main(["--token-file", str(file), *arguments], settings)
        except SystemExit as ended:
            return int(ended.code or 0)

    return run


def shown(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    document = json.loads(capsys.readouterr().out)
    assert isinstance(document, dict)
    return document


def test_from_a_site_to_a_token_and_back(
    admin: Command, owner: Owner, capsys: pytest.CaptureFixture[str]
) -> None:
    seed_administrator(owner, "second")

    def done(*arguments: str, **more: str) -> dict[str, Any]:
        assert admin("--json", *arguments, "--reason", "a test", **more) == 0
        body = shown(capsys)["done"]
        assert isinstance(body, dict)
        return body

    done("create-site", "KR-BUSAN", "--name", "Busan", "--time-zone", "Asia/Seoul")
    done("create-person", "--name", "Lee", "--id", "lee", "--site", "KR-BUSAN", "--subject", "o-7")
    done("create-service", "--name", "Reports", "--id", "reports")
    grant = done("grant", "lee", "viewer", "--site", "KR-BUSAN", "--days", "3")
    assert grant["valid_until"] is not None
    glass = done("break-glass", "lee", "operator", "--site", "KR-BUSAN", "--hours", "2")
    assert admin("review", glass["grant_id"], "--reason", "a test") == 2
    assert "AUTH_FORBIDDEN" in capsys.readouterr().err
    other = seed_token(owner, "second", created_at=datetime.now(UTC))
    done("review", str(glass["grant_id"]), credential=other)
    done("grant", "reports", "viewer", "--all-sites")
    token = done("issue-token", "reports", "--name", "nightly", "--days", "3", "--sites", "KR-BUSAN")
    assert re.fullmatch(r"cf_[0-9a-f]{16}_[A-Za-z0-9_-]{43}", token["secret"])
    assert admin("--json", "list", "sites", credential=token["secret"]) == 0
    assert [each["site_id"] for each in shown(capsys)["sites"]] == ["KR-BUSAN"]
    assert admin("--json", "rotate", token["token_id"], "--reason", "a test", credential=token["secret"]) == 0
    assert shown(capsys)["done"]["secret"] != token["secret"]
    done("revoke", token["token_id"])
    done("revoke-grant", str(grant["grant_id"]))
    assert done("deactivate", "lee")["is_active"] is False
    assert done("activate", "lee")["is_active"] is True
    outcomes = owner.execute("SELECT DISTINCT outcome, reason FROM audit_entries ORDER BY outcome").fetchall()
    assert outcomes == [("DENIED", "a test"), ("DONE", "a test")]


@pytest.mark.parametrize("what", LISTS)
def test_every_list_has_its_columns(
    admin: Command, owner: Owner, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    seed_principal(owner, "kim", site_id="KR-SEOUL")
    seed_grant(owner, "kim", "viewer", "KR-SEOUL")
    assert admin("list", what) == 0
    heads, *lines = capsys.readouterr().out.splitlines()
    assert heads.split() == list(LISTS[what].columns)
    assert len(lines) == {"sites": 3, "roles": 7, "principals": 2, "grants": 2, "tokens": 1}.get(what, 0)


def test_a_dry_run_changes_nothing_and_shows_no_secret(
    admin: Command, owner: Owner, capsys: pytest.CaptureFixture[str]
) -> None:
    seed_principal(owner, "reports", kind="SERVICE")
    assert admin("--json", "issue-token", "reports", "--name", "x", "--reason", "a test", "--dry-run") == 0
    told = shown(capsys)
    assert (told["dry_run"], told["done"]["secret"], told["done"]["principal_id"]) == (True, None, "reports")
    for table, count in (("tokens", 1), ("audit_entries", 0)):
        assert owner.execute(f"SELECT count(*) FROM {table}").fetchone() == (count,)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("create-site", "KR-SEOUL", "--name", "x", "--time-zone", "UTC"), "SITE_EXISTS"),
        (("create-site", "KR-BUSAN", "--name", "x", "--time-zone", "Mars"), "REQUEST_INVALID"),
        (("grant", "nobody", "viewer", "--all-sites"), "PRINCIPAL_NOT_FOUND"),
        (("deactivate", "root"), "LAST_ADMINISTRATOR"),
        (("revoke", "0" * 16), "TOKEN_NOT_FOUND"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_code(
    admin: Command, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: str
) -> None:
    assert admin(*arguments, "--reason", "a test") == 2
    told = capsys.readouterr()
    assert (told.out, told.err.startswith(f"admin: {code}: ")) == ("", True)


def test_who_may_not_is_refused_and_recorded(
    admin: Command, owner: Owner, capsys: pytest.CaptureFixture[str]
) -> None:
    seed_principal(owner, "kim")
    seed_grant(owner, "kim", "viewer")
    token = seed_token(owner, "kim", created_at=datetime.now(UTC))
    assert admin("deactivate", "root", "--reason", "a test", credential=token) == 2
    assert "AUTH_FORBIDDEN" in capsys.readouterr().err
    assert owner.execute("SELECT actor, action, outcome FROM audit_entries").fetchall() == [
        ("kim", "administrator:principal:deactivate", "DENIED")
    ]
    assert admin("list", "principals", credential=token) == 2
    assert admin("list", "sites", credential=token) == 0
    assert admin("list", "sites", credential="cf_nonsense") == 2


def test_the_first_administrator(
    database_url: str, owner: Owner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    settings = {**BASE_SETTINGS, "DATABASE_URL": database_url, "BOOTSTRAP_SECRET": SECRET}
    start = ["bootstrap", "--secret-file", str(file), "--name", "Kim", "--id", "kim", "--reason", "a test"]
    assert main(["--json", *start, "--dry-run"], settings) == 0
    assert shown(capsys)["done"]["secret"] is None
    assert main(["--json", *start], settings) == 0
    token = tmp_path / "token"
    token.write_text(shown(capsys)["done"]["secret"])
    assert main(["--token-file", str(token), "list", "grants"], settings) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[1:3] == ["kim", "administrator"]
    assert main(start, settings) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("list",),
        ("list", "moons"),
        ("grant", "lee", "viewer", "--reason", "x"),
        ("grant", "lee", "viewer", "--site", "A", "--all-sites", "--reason", "x"),
        ("deactivate", "lee"),
    ],
)
def test_half_a_command_is_refused(admin: Command, arguments: tuple[str, ...]) -> None:
    assert admin(*arguments) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            ("break-glass", "lee", "viewer", "--all-sites", "--hours", hours)
            for hours in ("nan", "0", "1e300")
        ),
        *(
            ("grant", "lee", "viewer", "--all-sites", "--days", days)
            for days in ("0", "-1", "1.5", "99999999999")
        ),
        ("list", "principals", "--principal", "lee"),
    ],
)
def test_what_no_command_takes_is_refused_before_anybody_is_asked(arguments: tuple[str, ...]) -> None:
    reason = () if "list" in arguments else ("--reason", "x")
    with pytest.raises(SystemExit):
        main([*arguments, *reason], {})


def test_without_its_token_file_nothing_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--token-file", str(tmp_path / "none"), "list", "sites"], BASE_SETTINGS) == 2
    assert "none" in capsys.readouterr().err


def test_the_help_of_every_task(admin: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert admin("--help") == 0
    whole = capsys.readouterr().out
    assert all(name in whole for name in TASKS)
    for name in TASKS:
        assert admin(name, "--help") == 0


def test_it_runs_as_a_module(database_url: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "shared.security.admin",
            "--token-file",
            str(tmp_path / "none"),
            "list",
            "sites",
        ],
        cwd=ROOT,
        env={**os.environ, **BASE_SETTINGS, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
