"""The audit record over HTTP: entries, access records, verification, export, archives."""

from datetime import datetime

import azure.functions as func

from functions.edge.endpoint import Answer, Endpoint, Request
from functions.edge.fields import ID_CHARACTERS_MAX, Fields
from functions.edge.http import build_blueprint
from functions.edge.paging import PAGE_PARAMETERS, page_of
from shared.audit.model import Action, Chain, Outcome
from shared.audit.reading.answer import (
    AccessesAnswer,
    ArchivesAnswer,
    EntriesAnswer,
    SegmentProposalAnswer,
    VerificationAnswer,
)
from shared.audit.reading.export_entries import export_entries
from shared.audit.reading.list_accesses import list_accesses
from shared.audit.reading.list_archives import list_archives
from shared.audit.reading.list_entries import list_entries
from shared.audit.reading.model import AccessFilter, EntryFilter
from shared.audit.reading.verify_record import verify_record
from shared.audit.segments.propose_segment import propose_segment
from shared.runtime import Runtime
from shared.security.model import Permission

POSITION_MAX = 999_999_999
_CHAINS = [each.value for each in Chain]
_ENTRY_FILTER = (
    "chain",
    "actor",
    "action",
    "target_type",
    "target_id",
    "site",
    "outcome",
    "request_id",
    "from",
    "to",
)
_ACCESS_FILTER = ("id", "actor", "resource", "site", "request_id", "from", "to")


def _entries(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    wanted = _entry_filter(fields)
    limit, cursor = page_of(fields)
    fields.close()
    return Answer(list_entries(runtime, request.context, wanted, limit=limit, cursor=cursor))


def _accesses(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    since, until = _period(fields)
    wanted = AccessFilter(
        actor=fields.text("actor", ID_CHARACTERS_MAX),
        resource=fields.text("resource", ID_CHARACTERS_MAX),
        site=fields.text("site", ID_CHARACTERS_MAX),
        request_id=fields.text("request_id", ID_CHARACTERS_MAX),
        since=since,
        until=until,
    )
    looked_up = fields.text("id", ID_CHARACTERS_MAX)
    limit, cursor = page_of(fields)
    fields.close()
    found = list_accesses(runtime, request.context, wanted, looked_up, limit=limit, cursor=cursor)
    return Answer(found)


def _verify(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    chain = _chain(fields)
    first = fields.whole_number("from", 1, POSITION_MAX, 1)
    last = fields.whole_number("to", 1, POSITION_MAX, 0) or None
    if last is not None and last < first:
        fields.refuse("to", "is smaller than from; exchange them")
    fields.close()
    return Answer(verify_record(runtime, request.context, chain, first, last))


def _export(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    wanted = _entry_filter(fields)
    fields.close()
    made = export_entries(runtime, request.context, wanted)
    headers = {
        "Content-Disposition": f'attachment; filename="audit-{wanted.chain}.csv"',
        "X-Content-SHA256": made.sha256,
    }
    return Answer(made.body, media_type="text/csv", headers=headers)


def _archives(runtime: Runtime, request: Request) -> Answer:
    return Answer(list_archives(runtime, request.context))


def _propose(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    chain = _chain(fields)
    first = fields.whole_number("from", 1, POSITION_MAX, 1)
    fields.close()
    return Answer(propose_segment(runtime, request.context, chain, first))


def _entry_filter(fields: Fields) -> EntryFilter:
    since, until = _period(fields)
    return EntryFilter(
        chain=_chain(fields),
        actor=fields.text("actor", ID_CHARACTERS_MAX),
        action=fields.choice("action", [each.value for each in Action]),
        target_type=fields.text("target_type", ID_CHARACTERS_MAX),
        target_id=fields.text("target_id", ID_CHARACTERS_MAX),
        site=fields.text("site", ID_CHARACTERS_MAX),
        outcome=fields.choice("outcome", [each.value for each in Outcome]),
        request_id=fields.text("request_id", ID_CHARACTERS_MAX),
        since=since,
        until=until,
    )


def _chain(fields: Fields) -> Chain:
    """The chain that is asked for; `control` when none is, or when it is refused anyway."""
    asked = fields.choice("chain", _CHAINS)
    return Chain(asked) if asked in _CHAINS else Chain.CONTROL


def _period(fields: Fields) -> tuple[datetime | None, datetime | None]:
    since, until = fields.instant("from"), fields.instant("to")
    if since and until and since > until:
        fields.refuse("from", "is later than to; exchange them")
    return since, until


ENDPOINTS = (
    Endpoint(
        name="http_audit_entries",
        route="audit/entries",
        methods=("GET",),
        permission=Permission.AUDIT_READ,
        rate_class="read",
        query=(*_ENTRY_FILTER, *PAGE_PARAMETERS),
        answers=frozenset({200}),
        handle=_entries,
        summary="Entries of the audit record, newest first.",
        response=EntriesAnswer,
        errors=("SECRET_UNAVAILABLE",),
    ),
    Endpoint(
        name="http_audit_access",
        route="audit/access",
        methods=("GET",),
        permission=Permission.AUDIT_READ,
        rate_class="read",
        query=(*_ACCESS_FILTER, *PAGE_PARAMETERS),
        answers=frozenset({200}),
        handle=_accesses,
        summary="Who looked at what, newest first; with id, who looked up this id.",
        response=AccessesAnswer,
        errors=("SECRET_UNAVAILABLE",),
    ),
    Endpoint(
        name="http_audit_verify",
        route="audit/verify",
        methods=("GET",),
        permission=Permission.AUDIT_VERIFY,
        rate_class="heavy",
        query=("chain", "from", "to"),
        answers=frozenset({200}),
        handle=_verify,
        summary="How far a chain holds, and the first position that does not; next is where another request goes on.",
        response=VerificationAnswer,
        errors=("SECRET_UNAVAILABLE", "BLOB_UNAVAILABLE", "BLOB_MISSING", "SYS_SIGNING_KEY_INVALID"),
    ),
    Endpoint(
        name="http_audit_segment_proposal",
        route="audit/segment-proposal",
        methods=("GET",),
        permission=Permission.AUDIT_VERIFY,
        rate_class="heavy",
        query=("chain", "from"),
        answers=frozenset({200}),
        handle=_propose,
        summary="The signed boundary that closes a chain's first open break, to be approved by a second person.",
        response=SegmentProposalAnswer,
        errors=(
            "AUDIT_SEGMENT_INVALID",
            "SECRET_UNAVAILABLE",
            "BLOB_UNAVAILABLE",
            "BLOB_MISSING",
            "SYS_SIGNING_KEY_INVALID",
        ),
    ),
    Endpoint(
        name="http_audit_export",
        route="audit/export",
        methods=("GET",),
        permission=Permission.AUDIT_EXPORT,
        rate_class="heavy",
        query=_ENTRY_FILTER,
        answers=frozenset({200}),
        handle=_export,
        summary="Entries as CSV, oldest first; the last line is the SHA-256 of all lines before it.",
        media_type="text/csv",
        errors=("AUDIT_ENTRY_INVALID", "AUDIT_ENTRY_REFUSED"),
        audit=Action.ENTRIES_EXPORT,
        target="audit_entries",
    ),
    Endpoint(
        name="http_audit_archives",
        route="audit/archives",
        methods=("GET",),
        permission=Permission.AUDIT_VERIFY,
        rate_class="read",
        query=(),
        answers=frozenset({200}),
        handle=_archives,
        summary="The archives that stand, and the public keys that check them.",
        response=ArchivesAnswer,
        errors=("SECRET_UNAVAILABLE", "BLOB_UNAVAILABLE", "BLOB_MISSING", "AUDIT_ARCHIVE_REFUSED"),
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of the audit record."""
    return build_blueprint(runtime, ENDPOINTS)
