"""Every kind of approval that can be carried out. What is not listed cannot be asked for either."""

from shared.approvals.kinds.chain_segment import CHAIN_SEGMENT
from shared.approvals.kinds.correction import CORRECTION
from shared.approvals.kinds.kind import Kind
from shared.approvals.kinds.policy import POLICY
from shared.approvals.model import ApprovalKind
from shared.errors.request import FieldProblem, RequestInvalid

EFFECTS: tuple[Kind, ...] = (CORRECTION, CHAIN_SEGMENT, POLICY)

_BY_KIND = {each.kind: each for each in EFFECTS}


def kind_of(name: str) -> Kind:
    """The kind of that name. Raises RequestInvalid for one that nothing carries out."""
    found = _BY_KIND.get(ApprovalKind(name)) if name in list(ApprovalKind) else None
    if found is None:
        known = ", ".join(each.kind.value for each in EFFECTS)
        raise RequestInvalid(FieldProblem("kind", f"cannot be carried out here; this can: {known}"))
    return found
