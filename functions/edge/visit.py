"""One request on its way through the edge: what is known of it so far."""

import time
from dataclasses import dataclass, field

import azure.functions as func

from functions.edge.correlation import Correlation, correlation_of
from functions.edge.endpoint import Endpoint
from functions.edge.rates import Rates
from functions.edge.sender import Address, address_group, client_address
from shared.runtime import Runtime
from shared.spine.model import Context


@dataclass
class Visit:
    """A request, its correlation, and, once it is admitted, the caller with the right it calls by."""

    runtime: Runtime
    endpoint: Endpoint
    http: func.HttpRequest
    correlation: Correlation
    rates: Rates
    address: Address | None
    started: float = field(default_factory=time.perf_counter)
    context: Context | None = None

    @property
    def sender(self) -> str:
        """What is counted as one address."""
        return address_group(self.address)

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started


def visit_of(runtime: Runtime, endpoint: Endpoint, http: func.HttpRequest) -> Visit:
    """A request at the door."""
    return Visit(
        runtime=runtime,
        endpoint=endpoint,
        http=http,
        correlation=correlation_of(http.headers, runtime.ids),
        rates=Rates(runtime, endpoint),
        address=client_address(http.headers, runtime.settings.proxies()),
    )
