"""Every room's tables, so that the MetaData is whole for migrations."""

from shared.alerts import tables as alerts
from shared.approvals import tables as approvals
from shared.audit import tables as audit
from shared.corrections import tables as corrections
from shared.pairing import tables as pairing
from shared.schema import METADATA
from shared.security import tables as security
from shared.sites import tables as sites
from shared.spine import tables as spine
from shared.sync import tables as sync

ROOMS = (sites, sync, pairing, alerts, audit, security, spine, approvals, corrections)

__all__ = ["METADATA", "ROOMS"]
