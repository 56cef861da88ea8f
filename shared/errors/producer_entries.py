"""The catalog's entries about producers' dialects and dumps: profiles, and loading a file."""

from shared.errors.entry import CatalogEntry

PRODUCERS = (
    CatalogEntry(
        code="CONTRACT_OPERATION_UNSUPPORTED",
        category="INP",
        severity="MEDIUM",
        http_status=422,
        title="The operation is not taken",
        user_text="Send what a record is now, as an insert or update; records are never deleted.",
        operator_text="A change message says delete, truncate, or another operation that the profile does not take.",
        action_guide=(
            "The producer turns a cancellation into a change of status; where the source deletes rows, exclude "
            "deletes in its connector."
        ),
        runbook="dead-letters",
    ),
    CatalogEntry(
        code="SYS_PROFILE_INVALID",
        category="SYS",
        severity="CRITICAL",
        http_status=500,
        title="A contract profile cannot be used",
        user_text="The service cannot answer now; tell the operators the correlation id.",
        operator_text=(
            "There is no profile of that name, or its file has an unknown key, a wrong value or a contradiction."
        ),
        action_guide=(
            "The message names file, key and what to do. Try the corrected file with "
            "python -m shared.sync.profiles.check before it is deployed."
        ),
        runbook="settings",
    ),
)
