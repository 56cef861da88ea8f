"""Wiring: settings in, Runtime out. The one place where adapters are chosen."""

import time
from pathlib import Path

from shared.adapters.blob import BlobStore, FileBlobs
from shared.adapters.blob_azure import AzureBlobs
from shared.adapters.clock import SystemClock
from shared.adapters.event_hubs import EventHubsInspector
from shared.adapters.ids import RandomIds
from shared.adapters.key_vault import KeyVaultSecrets
from shared.adapters.rate_limits import StoredRateLimits
from shared.adapters.secrets import CachedSecrets, FileSecrets, Secrets
from shared.adapters.telemetry import LogTelemetry, NoTelemetry, Telemetry
from shared.adapters.token_keys import JwksTokenKeys
from shared.database import Database
from shared.database.engine import build_engine
from shared.database.rehearsed import RehearsedDatabase
from shared.runtime import Runtime
from shared.settings import Settings

# A new version of a secret is used within this time; the vault is not asked at every request.
SECRETS_READ_AGAIN_SECONDS = 300.0
# Where an app that was started without the local stack looks.
LOCAL_FOLDER = Path(".local")


def build_runtime(settings: Settings, *, dry_run: bool = False) -> Runtime:
    """The runtime of a deployed instance. Opens no connection: that happens at the first use.

    With `dry_run` no change stands: every one is rolled back at its end.
    """
    return Runtime(
        settings=settings,
        clock=SystemClock(),
        ids=RandomIds(),
        database=(RehearsedDatabase if dry_run else Database)(lambda: build_engine(settings)),
        telemetry=_telemetry(settings),
        hubs=EventHubsInspector(settings),
        token_keys=JwksTokenKeys(settings),
        rate_limits=StoredRateLimits(settings, SystemClock()),
        secrets=_secrets(settings),
        blobs=_blobs(settings),
    )


def _secrets(settings: Settings) -> Secrets:
    if settings.key_vault_url:
        return CachedSecrets(
            KeyVaultSecrets(settings.key_vault_url), SECRETS_READ_AGAIN_SECONDS, time.monotonic
        )
    store = FileSecrets(Path(settings.secrets_folder or LOCAL_FOLDER / "secrets"))
    return CachedSecrets(store, SECRETS_READ_AGAIN_SECONDS, time.monotonic)


def _blobs(settings: Settings) -> BlobStore:
    if settings.blob_account_url:
        return AzureBlobs(settings.blob_account_url, settings.blob_container)
    return FileBlobs(Path(settings.blob_folder or LOCAL_FOLDER / "blobs"))


def _telemetry(settings: Settings) -> Telemetry:
    if settings.telemetry_exporter == "none":
        return NoTelemetry()
    path = Path(settings.telemetry_log_path) if settings.telemetry_log_path else None
    return LogTelemetry(SystemClock(), path)
