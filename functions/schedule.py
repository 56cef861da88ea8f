"""The crontab: every scheduled duty, its setting (six-field NCRONTAB, UTC) and its use case."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.approvals.expire_approvals import expire_approvals
from shared.audit.access.seal_access_records import seal_access_records
from shared.audit.archive_chains import archive_chains
from shared.audit.keep_request_rows import keep_request_rows
from shared.audit.publish_anchors import publish_anchors
from shared.runtime import Runtime
from shared.security.own_tokens.warn_expiring_tokens import warn_expiring_tokens
from shared.sync.watch_sync import watch_sync


@dataclass(frozen=True)
class Duty:
    """One timer function: `schedule` names the setting that holds its times."""

    name: str
    schedule: str
    use_case: Callable[[Runtime], object]


SCHEDULE: tuple[Duty, ...] = (
    Duty("timer_watch_sync", "WATCH_SYNC_SCHEDULE", watch_sync),
    Duty("timer_warn_expiring_tokens", "WARN_EXPIRING_TOKENS_SCHEDULE", warn_expiring_tokens),
    Duty("timer_expire_approvals", "EXPIRE_APPROVALS_SCHEDULE", expire_approvals),
    Duty("timer_seal_access_records", "SEAL_ACCESS_RECORDS_SCHEDULE", seal_access_records),
    Duty("timer_keep_request_rows", "KEEP_REQUEST_ROWS_SCHEDULE", keep_request_rows),
    Duty("timer_publish_anchors", "PUBLISH_ANCHORS_SCHEDULE", publish_anchors),
    Duty("timer_archive_chains", "ARCHIVE_CHAINS_SCHEDULE", archive_chains),
)
