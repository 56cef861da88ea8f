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
    CatalogEntry(
        code="CONTRACT_LINE_INVALID",
        category="INP",
        severity="MEDIUM",
        http_status=422,
        title="A line is no row of its file",
        user_text="Write the dump with a CSV library, with the same columns in every line.",
        operator_text="A line of a dump is no CSV in UTF-8, or has other cells than the header names.",
        action_guide=(
            "The detail names the line and what is wrong; write the dump anew, or load the corrected line as a "
            "file of its own."
        ),
        runbook="dead-letters",
    ),
    CatalogEntry(
        code="SYNC_DUMP_UNREADABLE",
        category="INP",
        severity="LOW",
        http_status=422,
        title="The dump cannot be read",
        user_text="Name a file, or an address that answers, with a header where it is CSV.",
        operator_text=(
            "The dump cannot be opened, is not packed as its name says, has no header, or is shorter than what was "
            "loaded of it."
        ),
        action_guide="The message says which; give the command again with the right file or format.",
        runbook="backfill",
    ),
    CatalogEntry(
        code="SYNC_DUMP_ELSEWHERE",
        category="DQ",
        severity="LOW",
        http_status=500,
        title="Another process loads the dump",
        user_text="Nothing to do: the dump is being loaded.",
        operator_text="Two processes loaded the same dump; the one that came late stored nothing of its batch.",
        action_guide="Let the other one finish, or stop it and give the command again.",
        retryable=True,
        runbook="backfill",
    ),
)
