"""Say in the audit record that the settings are others than at the last look.

A start has no connection and an instance may start at any moment, so it is a duty that looks: the first one after a
start sees what the instance runs with. Values are kept as they are, secrets as digests under the hash key.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from shared.audit import store
from shared.audit.access.model import HASH_KEY, id_hash
from shared.audit.append_entry import append_entry
from shared.audit.model import Action, Chain, Facts, Outcome, PrincipalType
from shared.runtime import Runtime
from shared.settings import SECRETS

APP = "counterfoil"
REASON = "the settings are others than at the last look"


def settings_document(runtime: Runtime) -> str:
    """The settings by name. A secret is there as a digest that nobody without the hash key can try values against."""
    key = runtime.secrets.get(HASH_KEY).key
    shown = {
        name: id_hash(key, str(each)).hex() if name in SECRETS and each else str(each)
        for name, each in runtime.settings.by_name().items()
    }
    return json.dumps(shown, sort_keys=True)


def record_settings_change(connection: Connection, document: str, now: datetime) -> bool:
    """Whether they differ from the last ones; then one entry names what changed. Call it last: it appends."""
    before = store.fetch_settings(connection, APP)
    if before == document:
        return False
    store.put_settings(connection, APP, sha256(document.encode()).digest(), document, now)
    old: Mapping[str, str] = json.loads(before) if before else {}
    new: Mapping[str, str] = json.loads(document)
    changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    append_entry(connection, _facts(_told(old, changed), _told(new, changed), now))
    return True


def _told(values: Mapping[str, str], names: list[str]) -> dict[str, object]:
    """What an entry says of them; of a secret only that it changed."""
    return {
        "settings": [
            f"{name}={'***' if name in SECRETS else values[name]}" for name in names if name in values
        ]
    }


def _facts(before: Mapping[str, object], after: Mapping[str, object], now: datetime) -> Facts:
    return Facts(
        chain=Chain.CONTROL,
        occurred_at=now,
        actor=APP,
        principal_type=PrincipalType.SYSTEM,
        action=Action.SETTINGS_CHANGE,
        target_type="settings",
        target_id=APP,
        outcome=Outcome.DONE,
        reason=REASON,
        before=before,
        after=after,
    )
