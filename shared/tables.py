"""Every room's tables, so that the MetaData is whole for migrations."""

from shared.alerts import tables as alerts
from shared.audit import tables as audit
from shared.pairing import tables as pairing
from shared.schema import METADATA
from shared.sites import tables as sites
from shared.sync import tables as sync

ROOMS = (sites, sync, pairing, alerts, audit)

__all__ = ["METADATA", "ROOMS"]
