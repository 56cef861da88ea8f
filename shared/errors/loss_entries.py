"""The catalog's entries about lost, late and missing events, and about reading events again."""

from shared.errors.entry import CatalogEntry

_USER_TEXT = "Nothing to do for callers; the operators are told."

LOSS = (
    CatalogEntry(
        code="SYNC_SEQUENCE_GAP",
        category="DQ",
        severity="CRITICAL",
        http_status=500,
        title="Events are missing",
        user_text=_USER_TEXT,
        operator_text=(
            "Sequence numbers inside what was received of a partition are missing: these events were skipped, "
            "or the hub dropped them before they were read."
        ),
        action_guide=(
            "Read the missing numbers again while the hub still holds them: make replay-gaps. The gap then closes "
            "by itself."
        ),
        alert_level="CRITICAL",
        auto_alert=True,
        runbook="sequence-gap",
    ),
    CatalogEntry(
        code="SYNC_STALLED",
        category="SYS",
        severity="HIGH",
        http_status=503,
        title="A partition stands still",
        user_text=_USER_TEXT,
        operator_text="Our place in a partition has not moved for WATCH_STALL_SECONDS although the hub holds more.",
        action_guide="Look for the batch that fails again and again in the log; nothing is lost while it is held.",
        alert_level="ERROR",
        auto_alert=True,
        retryable=True,
        runbook="stalled",
    ),
    CatalogEntry(
        code="SYNC_RETENTION_RISK",
        category="SYS",
        severity="CRITICAL",
        http_status=503,
        title="Unread events will expire",
        user_text=_USER_TEXT,
        operator_text="The oldest unread event of a partition has used up half of the time the hub keeps it.",
        action_guide="Lengthen the hub's retention first, then remove what holds the partition.",
        alert_level="CRITICAL",
        auto_alert=True,
        runbook="stalled",
    ),
    CatalogEntry(
        code="SYNC_SILENT",
        category="EXT",
        severity="MEDIUM",
        http_status=503,
        title="A site is silent",
        user_text=_USER_TEXT,
        operator_text="We hold all the hubs have, and for longer than the site expects no event of it was among it.",
        action_guide="Ask the site's producer; if the silence is right, set the site's window to what it expects.",
        alert_level="WARN",
        auto_alert=True,
        runbook="silent-site",
    ),
    CatalogEntry(
        code="SYNC_GENERATION_CHANGED",
        category="DQ",
        severity="HIGH",
        http_status=500,
        title="A hub is another one than before",
        user_text=_USER_TEXT,
        operator_text=(
            "The hub of that name has another creation time: it was made anew, or the namespace was switched to "
            "another place. What comes from now on is counted for that generation."
        ),
        action_guide="Find out who did it; compare what the old hub still held with what was received of it.",
        alert_level="ERROR",
        auto_alert=True,
        runbook="event-hubs",
    ),
    CatalogEntry(
        code="SYNC_PAIRS_OVERDUE",
        category="EXT",
        severity="MEDIUM",
        http_status=503,
        title="Payments wait for their other side",
        user_text=_USER_TEXT,
        operator_text="Pairs of a site have had one side only for longer than the site's window.",
        action_guide="Look which side is missing and since when; ask the producer of that side.",
        alert_level="WARN",
        auto_alert=True,
        runbook="overdue-pairs",
    ),
    CatalogEntry(
        code="SYNC_GAP_NOT_FOUND",
        category="INP",
        severity="LOW",
        http_status=422,
        title="There is no such gap",
        user_text="Name a gap that is open or expired.",
        operator_text="A gap was to be accepted that does not exist, is closed, or is accepted already.",
        action_guide="List the gaps and name one that is open or expired.",
        runbook="sequence-gap",
    ),
    CatalogEntry(
        code="SYNC_REPLAY_REFUSED",
        category="INP",
        severity="LOW",
        http_status=422,
        title="These events cannot be read again",
        user_text="Name a stream and partition that was read before, of the hub as it is now.",
        operator_text=(
            "A range replay named a partition nothing was received of, or the hub is another generation than the "
            "one the numbers belong to."
        ),
        action_guide="Look at the sync status; gaps of an earlier generation can only be accepted with a reason.",
        runbook="sequence-gap",
    ),
    CatalogEntry(
        code="SYNC_DECISION_INCOMPLETE",
        category="INP",
        severity="LOW",
        http_status=422,
        title="The reason cannot be kept",
        user_text="Write the reason in one line of printable text.",
        operator_text="A gap was to be accepted or read again for a reason that is no single line of printable text.",
        action_guide="Give the command again with such a reason; it is kept with the gap.",
        runbook="sequence-gap",
    ),
)
