"""From an attach to a link: address, claims, partition, start position, epoch."""

from functools import partial
from typing import TYPE_CHECKING, Any

from infra.local.eventhubs import cbs, management
from infra.local.eventhubs.addresses import CBS, Address
from infra.local.eventhubs.broker import Broker
from infra.local.eventhubs.cbs import Claims
from infra.local.eventhubs.decoding import Described
from infra.local.eventhubs.errors import AmqpError, Condition
from infra.local.eventhubs.hubs import DEFAULT_GROUP, Hub
from infra.local.eventhubs.incoming import Answer, IncomingLink, PublishLink, RequestLink
from infra.local.eventhubs.outgoing import METRICS_CAPABILITY, ConsumeLink, OutgoingLink, ReplyLink
from infra.local.eventhubs.performatives import Attach
from infra.local.eventhubs.receivers import EPOCH_PROPERTY, ReaderIdentity
from infra.local.eventhubs.selectors import start_sequence

if TYPE_CHECKING:
    from infra.local.eventhubs.session import Session

SELECTOR_FILTER = "apache.org:selector-filter:string"


def open_link(
    session: "Session", broker: Broker, claims: Claims, attach: Attach
) -> IncomingLink | OutgoingLink:
    """The link a client asks for. Raises AmqpError if it may not have it."""
    address = Address.parse(attach.address)
    if address.answers_requests:
        if attach.client_receives:
            return ReplyLink(session, attach.handle, address.node)
        return RequestLink(session, attach.handle, address.node, _responder(broker, claims, address.node))
    claims.check(address.node)
    hub = broker.namespace.hub(address.node)
    if attach.client_receives:
        return _consumer(session, broker, hub, address, attach)
    partition = hub.partition(address.partition) if address.partition else None
    return PublishLink(session, attach.handle, broker, hub, partition)


def _consumer(session: "Session", broker: Broker, hub: Hub, address: Address, attach: Attach) -> ConsumeLink:
    group = (address.group or DEFAULT_GROUP).lower()
    hub.check_group(group)
    if not address.partition:
        raise AmqpError(Condition.NOT_ALLOWED, "A receiver must name a partition.")
    partition = hub.partition(address.partition)
    start = start_sequence(partition.log, _selector(attach))
    epoch = attach.properties.get(EPOCH_PROPERTY)
    identity = ReaderIdentity(group, epoch if isinstance(epoch, int) else None)
    partition.readers.admit(identity)
    with_metrics = METRICS_CAPABILITY in attach.desired_capabilities
    return ConsumeLink(session, attach.handle, broker, hub, partition, identity, start, with_metrics)


def _selector(attach: Attach) -> str | None:
    """The selector filter (section 3.5.8); its value may stand alone or under its own descriptor."""
    found = attach.filters.get(SELECTOR_FILTER)
    value = found.value if isinstance(found, Described) else found
    return value.decode() if isinstance(value, bytes) else value


def _responder(broker: Broker, claims: Claims, node: str) -> partial[Answer]:
    if node == CBS:
        return partial(cbs.answer, claims)
    return partial(_manage, broker, claims)


def _manage(broker: Broker, claims: Claims, properties: dict[str, Any], _value: object) -> Answer:
    if broker.faults.management_refused:
        return 503, "Management is refused by a fault switch.", None
    return management.answer(broker.namespace, claims, properties)
