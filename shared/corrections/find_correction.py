"""One correction."""

from shared.corrections.answer import CorrectionAnswer, correction_answer
from shared.corrections.errors import CorrectionNotFound
from shared.corrections.store import fetch_correction
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


def find_correction(runtime: Runtime, context: Context, correction_id: str) -> CorrectionAnswer:
    """The correction as it stands. Raises CorrectionNotFound, also for one of another site."""
    with recorded_read(runtime, context, [correction_id]) as reading:
        found = fetch_correction(reading.connection, correction_id, context.scope)
        if found is None:
            raise CorrectionNotFound(correction_id)
        reading.site_id = found.site_id
    return correction_answer(found)
