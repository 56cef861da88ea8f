"""Runtime: time, ids, settings, the database and the outside world, handed to every use case."""

from dataclasses import dataclass

from shared.adapters.blob import BlobStore
from shared.adapters.clock import Clock
from shared.adapters.event_hubs import HubInspector
from shared.adapters.ids import Ids
from shared.adapters.rate_limits import RateLimits
from shared.adapters.secrets import Secrets
from shared.adapters.telemetry import Telemetry
from shared.adapters.token_keys import TokenKeys
from shared.database import Database
from shared.settings import Settings


@dataclass(frozen=True)
class Runtime:
    """What a use case may touch besides its arguments. Tests build another; nobody patches."""

    settings: Settings
    clock: Clock
    ids: Ids
    database: Database
    telemetry: Telemetry
    hubs: HubInspector
    token_keys: TokenKeys
    rate_limits: RateLimits
    secrets: Secrets
    blobs: BlobStore
