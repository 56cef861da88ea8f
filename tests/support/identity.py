"""The development issuer in its own process, for tests that need real tokens."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.local.identity import mint_token
from tests.support.processes import ModuleProcess


@dataclass(frozen=True, slots=True)
class RunningIssuer:
    """Its address and its keys; tokens are made here, as `make token` makes them."""

    url: str
    data: Path

    def mint(self, role: str = "viewer", **choices: Any) -> str:
        """A token; `choices` are the parameters of mint_token."""
        return mint_token(self.data, role=role, **choices)

    def set_faults(self, **faults: float) -> None:
        """Slow, absent or huge key set: jwks_delay_seconds, jwks_status, jwks_padding_bytes."""
        httpx.put(f"{self.url}/faults", json=faults).raise_for_status()

    def counts(self) -> dict[str, float]:
        """How often the key set and the discovery document were asked for, beside the switches."""
        state: dict[str, float] = httpx.get(f"{self.url}/faults").raise_for_status().json()
        return state

    def rotate(self, *, keep_old: bool = True) -> None:
        httpx.post(f"{self.url}/rotate", params={"keep_old": str(keep_old).lower()}).raise_for_status()


@contextmanager
def running_issuer(data: Path, *, port: int = 0) -> Iterator[RunningIssuer]:
    """An issuer whose test switches are on, stopped at the end."""
    arguments = ["--data", str(data), "--port", str(port), "--hostile"]
    with ModuleProcess("infra.local.identity", arguments, environment={"APP_ENV": "local"}) as process:
        yield RunningIssuer(process.ready["issuer"], data)
