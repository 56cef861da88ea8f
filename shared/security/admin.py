"""`python -m shared.security.admin`: who may do what: people, services, roles, sites and tokens.

It acts as the holder of a Counterfoil token (--token-file), by the same rules as the API: nobody gives what they do
not hold, and every change needs a reason and is recorded. Only `bootstrap` needs no token: it makes the first
administrator with the secret of BOOTSTRAP_SECRET, once.

  bootstrap --secret-file secret.txt --name 'Kim' --id kim --reason 'first start'
  create-site KR-BUSAN --name 'Busan desk' --time-zone Asia/Seoul --reason 'a new desk'
  create-person --name 'Lee' --id lee --subject 6f1c… --site KR-SEOUL --reason 'joins the desk'
  grant lee viewer --site KR-SEOUL --reason 'looks up'        (--all-sites, --days 90)
  break-glass lee operator --site KR-SEOUL --hours 2 --reason 'the night shift is ill'
  issue-token reports --name 'nightly report' --days 30 --reason 'the report reads figures'
  list grants --principal lee
  list unreviewed

Exit status: 0 done; 2 nothing was done, standard error says why.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared.audit.model import Action
from shared.commands import NOT_DONE, add_token_file, new_parser, read_secret, run_command
from shared.errors.base import CounterfoilError, SettingsInvalid
from shared.errors.catalog import entry_of
from shared.runtime import Runtime
from shared.security.admit_holder import Errand, admit_holder
from shared.security.bootstrap_administrator import bootstrap_administrator
from shared.security.grants.give_break_glass import give_break_glass
from shared.security.grants.give_grant import give_grant
from shared.security.grants.list_grants import list_grants
from shared.security.grants.model import AHEAD_MAX
from shared.security.grants.model import Wish as GrantWish
from shared.security.grants.review_break_glass import review_break_glass
from shared.security.grants.revoke_grant import revoke_grant
from shared.security.model import Permission
from shared.security.own_tokens.issue_token import issue_token
from shared.security.own_tokens.list_expiring_tokens import list_expiring_tokens
from shared.security.own_tokens.list_tokens import list_tokens
from shared.security.own_tokens.model import Wish as TokenWish
from shared.security.own_tokens.revoke_token import revoke_token
from shared.security.own_tokens.rotate_token import rotate_token
from shared.security.principals.activate_principal import activate_principal
from shared.security.principals.create_principal import create_principal
from shared.security.principals.deactivate_principal import deactivate_principal
from shared.security.principals.list_principals import list_principals
from shared.security.principals.model import NewPrincipal
from shared.security.roles.list_roles import list_roles
from shared.sites.create_site import create_site
from shared.sites.list_sites import list_sites
from shared.sites.model import Wish as SiteWish
from shared.spine.model import Context, Done

PAGE = 200
# The lists that can be of one person or service only.
OF_ONE = ("grants", "unreviewed", "tokens")
DAYS_MAX = AHEAD_MAX.days
HOURS_MAX = 24
Chosen = argparse.Namespace


@dataclass(frozen=True)
class Task:
    """One thing that can be done: by which right, and as which action it is recorded when it is refused."""

    permission: Permission
    act: Callable[[Runtime, Context, Chosen], Done]
    action: Action
    target: str


@dataclass(frozen=True)
class Listing:
    """One thing that can be listed, and the columns shown of it."""

    permission: Permission
    read: Callable[..., Any]
    columns: tuple[str, ...]


def _create_principal(runtime: Runtime, context: Context, chosen: Chosen) -> Done:
    wished = NewPrincipal(
        kind="PERSON" if chosen.task == "create-person" else "SERVICE",
        name=chosen.name,
        principal_id=chosen.id,
        subject=chosen.subject,
        site_id=chosen.site,
    )
    return create_principal(runtime, context, wished, chosen.reason)


def _create_site(runtime: Runtime, context: Context, chosen: Chosen) -> Done:
    return create_site(runtime, context, chosen.site, SiteWish(chosen.name, chosen.time_zone), chosen.reason)


def _grant(runtime: Runtime, context: Context, chosen: Chosen) -> Done:
    until = None if chosen.days is None else runtime.clock.now() + timedelta(days=chosen.days)
    wish = GrantWish(
        principal_id=chosen.principal,
        role=chosen.role,
        site_id=chosen.site,
        all_sites=chosen.all_sites,
        valid_until=until,
    )
    return give_grant(runtime, context, wish, chosen.reason)


def _break_glass(runtime: Runtime, context: Context, chosen: Chosen) -> Done:
    wish = GrantWish(
        principal_id=chosen.principal, role=chosen.role, site_id=chosen.site, all_sites=chosen.all_sites
    )
    return give_break_glass(runtime, context, wish, timedelta(hours=chosen.hours), chosen.reason)


def _issue_token(runtime: Runtime, context: Context, chosen: Chosen) -> Done:
    wish = TokenWish(
        principal_id=chosen.principal,
        name=chosen.name,
        days=chosen.days,
        roles=tuple(chosen.roles) if chosen.roles else None,
        sites=tuple(chosen.sites) if chosen.sites else None,
    )
    return issue_token(runtime, context, wish, chosen.reason)


def _of_one(use_case: Callable[[Runtime, Context, str, str], Done]) -> Callable[..., Done]:
    """A change that needs the id of its target and a reason."""
    return lambda runtime, context, chosen: use_case(runtime, context, chosen.target, chosen.reason)


_PRINCIPAL, _TOKEN, _OWN = Permission.PRINCIPAL_MANAGE, Permission.TOKEN_MANAGE, Permission.TOKEN_OWN
TASKS: Mapping[str, Task] = {
    "create-site": Task(Permission.SITE_MANAGE, _create_site, Action.SITE_CREATE, "site"),
    "create-person": Task(_PRINCIPAL, _create_principal, Action.PRINCIPAL_CREATE, "principal"),
    "create-service": Task(_PRINCIPAL, _create_principal, Action.PRINCIPAL_CREATE, "principal"),
    "deactivate": Task(_PRINCIPAL, _of_one(deactivate_principal), Action.PRINCIPAL_DEACTIVATE, "principal"),
    "activate": Task(_PRINCIPAL, _of_one(activate_principal), Action.PRINCIPAL_ACTIVATE, "principal"),
    "grant": Task(_PRINCIPAL, _grant, Action.GRANT_GIVE, "grant"),
    "break-glass": Task(_PRINCIPAL, _break_glass, Action.BREAK_GLASS_GIVE, "grant"),
    "revoke-grant": Task(_PRINCIPAL, _of_one(revoke_grant), Action.GRANT_REVOKE, "grant"),
    "review": Task(_PRINCIPAL, _of_one(review_break_glass), Action.BREAK_GLASS_REVIEW, "grant"),
    "issue-token": Task(_TOKEN, _issue_token, Action.TOKEN_ISSUE, "token"),
    "rotate": Task(_OWN, _of_one(rotate_token), Action.OWN_TOKEN_ROTATE, "token"),
    "revoke": Task(_TOKEN, _of_one(revoke_token), Action.TOKEN_REVOKE, "token"),
    "revoke-own": Task(_OWN, _of_one(revoke_token), Action.OWN_TOKEN_REVOKE, "token"),
}
_GRANT_COLUMNS = ("grant_id", "principal_id", "role", "site_id", "valid_until", "created_by")
_TOKEN_COLUMNS = ("token_id", "principal_id", "name", "expires_at", "rotate_by", "last_used_at")
LISTS: Mapping[str, Listing] = {
    "sites": Listing(
        Permission.LOOKUP_READ, list_sites, ("site_id", "name", "time_zone", "is_active", "version")
    ),
    "roles": Listing(_PRINCIPAL, list_roles, ("role", "is_active", "version", "permissions")),
    "principals": Listing(
        _PRINCIPAL, list_principals, ("principal_id", "kind", "name", "subject", "site_id", "is_active")
    ),
    "grants": Listing(_PRINCIPAL, list_grants, _GRANT_COLUMNS),
    "unreviewed": Listing(_PRINCIPAL, list_grants, _GRANT_COLUMNS),
    "tokens": Listing(_TOKEN, list_tokens, _TOKEN_COLUMNS),
    "expiring": Listing(_TOKEN, list_expiring_tokens, _TOKEN_COLUMNS),
}


def main(arguments: Sequence[str], environ: Mapping[str, str] | None = None) -> int:
    """The exit status."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if chosen.task == "list" and chosen.principal and chosen.what not in OF_ONE:
        parser.error(f"--principal goes with {', '.join(OF_ONE)}")
    dry_run = getattr(chosen, "dry_run", False)
    try:
        credential = read_secret(chosen.secret_file if chosen.task == "bootstrap" else chosen.token_file)
    except SettingsInvalid as error:
        sys.stderr.write(f"admin: {error}\n")
        return NOT_DONE
    return run_command("admin", environ, lambda rt: _run(rt, chosen, credential), dry_run=dry_run)


def _run(runtime: Runtime, chosen: Chosen, credential: str) -> int:
    try:
        _do(runtime, chosen, credential)
    except CounterfoilError as error:
        entry = entry_of(error.code)
        detail = f" ({error})" if str(error) else ""
        sys.stderr.write(f"admin: {entry.code}: {entry.title}{detail}. {entry.user_text}\n")
        return NOT_DONE
    return 0


def _do(runtime: Runtime, chosen: Chosen, credential: str) -> None:
    if chosen.task == "bootstrap":
        _tell_done(_bootstrap(runtime, chosen, credential), chosen)
    elif chosen.task == "list":
        _tell_list(_list(runtime, chosen, credential), chosen)
    else:
        task = TASKS[chosen.task]
        errand = Errand(f"admin {chosen.task}", task.permission, task.action, task.target)
        context = admit_holder(runtime, credential, errand)
        _tell_done(task.act(runtime, context, chosen), chosen)


def _bootstrap(runtime: Runtime, chosen: Chosen, secret: str) -> Done:
    wished = NewPrincipal(kind="PERSON", name=chosen.name, principal_id=chosen.id, subject=chosen.subject)
    return bootstrap_administrator(runtime, runtime.ids.new(), secret, wished, chosen.reason)


def _list(runtime: Runtime, chosen: Chosen, credential: str) -> list[dict[str, Any]]:
    """Every page of the list."""
    listing = LISTS[chosen.what]
    context = admit_holder(runtime, credential, Errand(f"admin list {chosen.what}", listing.permission))
    if chosen.what == "roles":
        return [asdict(each) for each in listing.read(runtime, context).items]
    more: dict[str, Any] = {"unreviewed": True} if chosen.what == "unreviewed" else {}
    if chosen.what in OF_ONE:
        more["principal_id"] = chosen.principal
    page = listing.read(runtime, context, limit=PAGE, **more)
    found = list(page.items)
    while page.next:
        page = listing.read(runtime, context, limit=PAGE, cursor=page.next, **more)
        found += page.items
    return [asdict(each) for each in found]


def _tell_done(done: Done, chosen: Chosen) -> None:
    """What was done; a rehearsed secret opens nothing, so it is not shown."""
    body = {**done.body, **({"secret": None} if chosen.dry_run and "secret" in done.body else {})}
    if chosen.json:
        sys.stdout.write(json.dumps({"dry_run": chosen.dry_run, "done": body}, ensure_ascii=False) + "\n")
        return
    lines = [f"{name}: {_cell(value)}" for name, value in body.items() if value is not None]
    sys.stdout.write("\n".join([*(["Nothing was changed; this would be:"] * chosen.dry_run), *lines]) + "\n")


def _tell_list(rows: list[dict[str, Any]], chosen: Chosen) -> None:
    if chosen.json:
        sys.stdout.write(json.dumps({chosen.what: rows}, ensure_ascii=False) + "\n")
        return
    columns = LISTS[chosen.what].columns
    lines = [columns, *([_cell(row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return "-" if value is None else str(value)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("shared.security.admin", __doc__)
    add_token_file(parser)
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    tasks = parser.add_subparsers(dest="task", required=True)
    first = _task(tasks, "bootstrap", "make the first administrator, once")
    first.add_argument("--secret-file", type=Path, required=True, help="holds what BOOTSTRAP_SECRET is")
    site = _task(tasks, "create-site", "create a site")
    site.add_argument("site")
    site.add_argument("--name", required=True)
    site.add_argument("--time-zone", required=True)
    for name, words in (("create-person", "register a person"), ("create-service", "register a service")):
        _identity(_task(tasks, name, words)).add_argument("--site", help="the site that manages it")
    _identity(first)
    _add_giving(tasks)
    for name, target, words in (
        ("deactivate", "principal", "it can do nothing from now on"),
        ("activate", "principal", "what it was granted holds again"),
        ("revoke-grant", "grant", "take a grant back"),
        ("review", "grant", "review a break-glass grant; the reason is the finding"),
        ("rotate", "token", "a new secret for one's own token"),
        ("revoke", "token", "stop a token of somebody you manage"),
        ("revoke-own", "token", "stop one's own token"),
    ):
        _task(tasks, name, words).add_argument("target", metavar=target)
    listing = tasks.add_parser("list", help="list what there is")
    listing.add_argument("what", choices=tuple(LISTS))
    listing.add_argument("--principal", help="of this person or service only")
    return parser


def _add_giving(tasks: Any) -> None:
    grant = _role(_task(tasks, "grant", "give a role"))
    grant.add_argument("--days", type=_up_to(int, DAYS_MAX), help="until then; without an end unless given")
    _role(_task(tasks, "break-glass", "give a role for some hours; reviewed by somebody else")).add_argument(
        "--hours", type=_up_to(float, HOURS_MAX), required=True
    )
    token = _task(tasks, "issue-token", "issue a token; its secret is shown once")
    token.add_argument("principal")
    token.add_argument("--name", required=True, help="what it is for")
    token.add_argument("--days", type=int, help="how long it lives; as long as allowed unless given")
    token.add_argument("--roles", nargs="+", help="cut down to these roles")
    token.add_argument("--sites", nargs="+", help="cut down to these sites")


def _task(tasks: Any, name: str, words: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = tasks.add_parser(name, help=words)
    parser.add_argument("--reason", required=True, help="why; kept on record")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    return parser


def _identity(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--name", required=True)
    parser.add_argument("--id", help="a short id; made when left out")
    parser.add_argument("--subject", help="the id the token issuer knows it by")
    return parser


def _up_to(kind: Callable[[str], float], most: int) -> Callable[[str], float]:
    """Reads a number above 0, at most that."""

    def number(text: str) -> float:
        value = kind(text)
        if not 0 < value <= most:
            raise argparse.ArgumentTypeError(f"must be above 0, at most {most}")
        return value

    return number


def _role(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("principal")
    parser.add_argument("role")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--site")
    where.add_argument("--all-sites", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
