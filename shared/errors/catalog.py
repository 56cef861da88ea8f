"""The error catalog: one entry per code, and the only place that says how an error is shown and handled.

`user_text` is for the caller and holds no operator detail; `operator_text` says the cause, `action_guide` what to
do. Codes never change their meaning; a code that is no longer raised leaves with its class.
"""

from shared.errors.access_entries import ACCESS
from shared.errors.approval_entries import APPROVALS
from shared.errors.audit_entries import AUDIT
from shared.errors.edge_entries import EDGE
from shared.errors.entry import CatalogEntry
from shared.errors.loss_entries import LOSS
from shared.errors.producer_entries import PRODUCERS
from shared.errors.spine_entries import SPINE

__all__ = ["CATALOG", "CatalogEntry", "entry_of"]

REQUESTS = (
    CatalogEntry(
        code="REQUEST_INVALID",
        category="INP",
        severity="LOW",
        http_status=422,
        title="The request is not valid",
        user_text="Change the fields listed in errors and send the request again.",
        operator_text="The caller sent a parameter we cannot take.",
        action_guide="Nothing to do; errors names each field and what it takes.",
        runbook="requests",
    ),
    CatalogEntry(
        code="CURSOR_INVALID",
        category="INP",
        severity="LOW",
        http_status=422,
        title="The cursor is not valid",
        user_text="Start again without cursor, or send `next` of the previous page with the same parameters.",
        operator_text="The cursor was altered, belongs to another list, or was signed with another key.",
        action_guide="After a change of CURSOR_SIGNING_KEY old cursors end; callers start again at page one.",
        runbook="requests",
    ),
    CatalogEntry(
        code="C1-LOG-002",
        category="LOG",
        severity="HIGH",
        http_status=500,
        title="Something went wrong on our side",
        user_text="Try again later; if it goes on, tell the operators the correlation id.",
        operator_text="An exception reached the HTTP edge that no error class explains: a defect.",
        action_guide="Find the correlation id in the log; the trace is there. Report it as a defect.",
        alert_level="ERROR",
        auto_alert=True,
        runbook="unexpected-failure",
    ),
)

LOOKUP = (
    CatalogEntry(
        code="TX_NOT_FOUND",
        category="INP",
        severity="LOW",
        http_status=404,
        title="Transaction not found",
        user_text="No transaction with this id has arrived; check the id, or try again in a few seconds.",
        operator_text="No ledger entry has this tx_id.",
        action_guide="If the producer says it was sent, look for it among the dead letters and check the lag.",
        runbook="lookup",
    ),
    CatalogEntry(
        code="ORDER_NOT_FOUND",
        category="INP",
        severity="LOW",
        http_status=404,
        title="Payment order not found",
        user_text="No payment order with this id has arrived; check the id, or try again in a few seconds.",
        operator_text="No payment order has this order_id and no ledger entry points to it.",
        action_guide="If the producer says it was sent, look for it among the dead letters and check the lag.",
        runbook="lookup",
    ),
)

# Verdicts on one event: it becomes a dead letter with this code, and its neighbours go on.
EVENTS = (
    CatalogEntry(
        code="CONTRACT_ENCODING_INVALID",
        category="INP",
        severity="MEDIUM",
        http_status=422,
        title="The body is not UTF-8",
        user_text="Send the event again with a body in UTF-8 and without lone surrogates.",
        operator_text="The body's bytes are not UTF-8, or an escape in it stands for half a character.",
        action_guide=(
            "The producer encodes bodies as UTF-8 and sends the event again; the detail names the first "
            "wrong byte."
        ),
        runbook="dead-letters",
    ),
    CatalogEntry(
        code="CONTRACT_JSON_INVALID",
        category="INP",
        severity="MEDIUM",
        http_status=422,
        title="The body is not JSON",
        user_text="Send the event again as one complete JSON object.",
        operator_text=(
            "The body is empty, cut off, followed by other bytes, or uses NaN or Infinity, which JSON does "
            "not know."
        ),
        action_guide=(
            "The producer serialises with a JSON library and sends the event again; the detail names the "
            "place."
        ),
        runbook="dead-letters",
    ),
    CatalogEntry(
        code="CONTRACT_NOT_AN_OBJECT",
        category="INP",
        severity="MEDIUM",
        http_status=422,
        title="The body is no JSON object",
        user_text="Send one JSON object per event; an array of events must be sent as single events.",
        operator_text="The body, or what its envelope carries, is JSON but no object.",
        action_guide=(
            "The producer sends one object per event, with data as an object and not as text, and repeats "
            "the event."
        ),
        runbook="dead-letters",
    ),
    CatalogEntry(
        code="CONTRACT_BODY_TOO_LARGE",
        category="INP",
        severity="MEDIUM",
        http_status=422,
        title="The body is too large",
        user_text="Send the event again with a body of at most 256 KiB.",
        operator_text="The body is longer than 256 KiB.",
        action_guide="The producer leaves out what the contract does not name and sends the event again.",
        runbook="dead-letters",
    ),
    CatalogEntry(
        code="CONTRACT_NESTING_TOO_DEEP",
        category="INP",
        severity="MEDIUM",
        http_status=422,
        title="The body nests too deep",
        user_text="Send the event again with objects and arrays at most 32 deep.",
        operator_text="Objects and arrays of the body nest deeper than 32.",
        action_guide="The producer sends the contract's flat object; extra fields must not nest deeper than 32.",
        runbook="dead-letters",
    ),
    CatalogEntry(
        code="CONTRACT_DUPLICATE_KEY",
        category="INP",
        severity="MEDIUM",
        http_status=422,
        title="A key stands twice",
        user_text="Send the event again with every key once.",
        operator_text="An object of the body names one key twice, so what the producer meant is unknown.",
        action_guide=(
            "The producer removes one of the two; the detail names the key. We never guess which one was "
            "meant."
        ),
        runbook="dead-letters",
    ),
    CatalogEntry(
        code="CONTRACT_FIELD_MISSING",
        category="INP",
        severity="MEDIUM",
        http_status=422,
        title="A required field is missing",
        user_text="Send the event again with the named field.",
        operator_text=(
            "A required field is absent, null or blank, under its own name and under every other name it is "
            "read by."
        ),
        action_guide="The producer fills the field that the dead letter names and sends the event again.",
        runbook="dead-letters",
    ),
    CatalogEntry(
        code="CONTRACT_FIELD_INVALID",
        category="INP",
        severity="MEDIUM",
        http_status=422,
        title="A field has the wrong form",
        user_text="Send the event again with the named field as the contract describes it.",
        operator_text=(
            "A field has another type, form or range than the contract says. Nothing is rounded or guessed; "
            "only of times the digits beyond the microsecond are left out."
        ),
        action_guide=(
            "The producer corrects the field that the dead letter names; its detail says what was sent and "
            "what is taken."
        ),
        runbook="dead-letters",
    ),
    CatalogEntry(
        code="CONTRACT_ALIAS_CONFLICT",
        category="INP",
        severity="MEDIUM",
        http_status=422,
        title="Two names of one fact disagree",
        user_text="Send the event again with the fact under one name, or with the same value under both.",
        operator_text=(
            "The event states one fact under two names and the values differ, so which one holds is unknown."
        ),
        action_guide="The producer sends the field under one name; the detail shows both names and values.",
        runbook="dead-letters",
    ),
    CatalogEntry(
        code="SITE_UNKNOWN",
        category="INP",
        severity="MEDIUM",
        http_status=422,
        title="The site is not known",
        user_text="Send the event again with a registered, active site; ask your administrator which ones are.",
        operator_text="The event's site_id is not registered in sites, or the site is not active.",
        action_guide=(
            "Register or activate the site if it is right and have the event sent again; else the producer "
            "corrects site_id."
        ),
        runbook="dead-letters",
    ),
    CatalogEntry(
        code="SYNC_ROW_REFUSED",
        category="DQ",
        severity="HIGH",
        http_status=422,
        title="The database refuses the record",
        user_text="The record could not be stored; tell the operators its id and the correlation id.",
        operator_text=(
            "PostgreSQL refused the event's row though the contract takes its values: the contract is wider "
            "than the schema, or a constraint was added by hand."
        ),
        action_guide=(
            "Report it as a defect with the dead letter's field and detail. Once the rule is mended the record "
            "comes right with its next snapshot; if none will come, have it published again as it is."
        ),
        runbook="row-refused",
    ),
)

# Failures of ours while taking events: the batch is held and comes again.
SYNC = (
    CatalogEntry(
        code="SYNC_DEAD_LETTER_CONFLICT",
        category="DQ",
        severity="CRITICAL",
        http_status=500,
        title="Stored data contradict each other",
        user_text="The service cannot go on here by itself; tell the operators the correlation id.",
        operator_text=(
            "A quarantined place (hub, generation, partition, number) came again with other bytes: the hub "
            "was replaced."
        ),
        action_guide=(
            "Compare the hub's creation time with hub_generations; the partition waits and nothing is lost "
            "meanwhile."
        ),
        alert_level="CRITICAL",
        auto_alert=True,
        runbook="event-hubs",
    ),
    CatalogEntry(
        code="SYNC_REJECT_FLOOD",
        category="DQ",
        severity="CRITICAL",
        http_status=503,
        title="Most of a batch is bad",
        user_text="Try again later; events already sent are kept.",
        operator_text=(
            "More of a batch was bad than the ceiling allows, so it was not applied and its partition is held; "
            "the events wait in the hub."
        ),
        action_guide=(
            "Read the alert's counts and examples and find what changed, with the producer or here; raise the "
            "ceiling for a time only when the events are bad for good."
        ),
        alert_level="CRITICAL",
        auto_alert=True,
        retryable=True,
        runbook="reject-flood",
    ),
    CatalogEntry(
        code="SYNC_CEILING_INVALID",
        category="INP",
        severity="LOW",
        http_status=422,
        title="The ceiling cannot be set",
        user_text="Correct what is named and give the command again.",
        operator_text="A reject ceiling was to be raised or taken back for something that is not there.",
        action_guide="List what is valid and which partitions are held, and name one of these.",
        runbook="reject-flood",
    ),
)

SYSTEM = (
    CatalogEntry(
        code="SYS_SETTINGS_INVALID",
        category="SYS",
        severity="CRITICAL",
        http_status=500,
        title="The service is not configured",
        user_text="The service cannot answer now; tell the operators the correlation id.",
        operator_text="One or more application settings are missing, malformed, unknown or contradictory.",
        action_guide="The message names each setting; correct it and restart.",
        alert_level="CRITICAL",
        auto_alert=True,
        runbook="settings",
    ),
    CatalogEntry(
        code="C1-SYS-001",
        category="SYS",
        severity="CRITICAL",
        http_status=503,
        title="The service cannot answer now",
        user_text="Try again in a minute.",
        operator_text="The database cannot be reached, a statement ran out of time, or no connection came free.",
        action_guide="Check the database's health, its connections and DATABASE_URL; nothing is lost meanwhile.",
        alert_level="CRITICAL",
        auto_alert=True,
        retryable=True,
        runbook="database",
    ),
    CatalogEntry(
        code="SYNC_HUB_UNREACHABLE",
        category="EXT",
        severity="HIGH",
        http_status=503,
        title="The event hub does not answer",
        user_text="Try again in a minute.",
        operator_text="The broker did not answer a question about a hub, so lag and extent are unknown.",
        action_guide="Check the Event Hubs namespace, the connection setting and the network.",
        alert_level="ERROR",
        auto_alert=True,
        retryable=True,
        runbook="event-hubs",
    ),
)

CATALOG: tuple[CatalogEntry, ...] = (
    *REQUESTS,
    *EDGE,
    *ACCESS,
    *APPROVALS,
    *LOOKUP,
    *EVENTS,
    *PRODUCERS,
    *SYNC,
    *LOSS,
    *AUDIT,
    *SPINE,
    *SYSTEM,
)

_BY_CODE = {entry.code: entry for entry in CATALOG}


def entry_of(code: str) -> CatalogEntry:
    """The entry of a code; raises KeyError for a code the catalog does not know, which is a defect."""
    return _BY_CODE[code]
