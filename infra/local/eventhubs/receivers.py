"""Who may read a partition: the rules for receivers with and without an epoch in a consumer group."""

from typing import NamedTuple, Protocol

from infra.local.eventhubs.errors import AmqpError, Condition

PLAIN_RECEIVERS_MAX = 5
EPOCH_PROPERTY = "com.microsoft:epoch"


class ReaderIdentity(NamedTuple):
    """A receiver's consumer group (lower case) and epoch; no epoch means a plain receiver."""

    group: str
    epoch: int | None


class Reader(Protocol):
    """A receiver of a partition, as the partition sees it."""

    identity: ReaderIdentity

    def pump(self) -> None:
        """Sends what the receiver has credit for."""

    def disconnect(self, error: AmqpError) -> None:
        """Detaches the receiver."""


class Readers:
    """The receivers of one partition, over all consumer groups."""

    def __init__(self) -> None:
        self._readers: list[Reader] = []

    def __len__(self) -> int:
        return len(self._readers)

    def admit(self, identity: ReaderIdentity) -> None:
        """Makes room for a receiver: an equal or higher epoch takes the partition over in its group.

        Raises AmqpError: link-stolen below an existing epoch, resource-limit-exceeded beyond five plain
        receivers in the group.
        """
        peers = [reader for reader in self._readers if reader.identity.group == identity.group]
        epochs = [peer.identity.epoch for peer in peers if peer.identity.epoch is not None]
        if epochs and (identity.epoch is None or identity.epoch < max(epochs)):
            raise _stolen_before(identity.epoch, max(epochs))
        if identity.epoch is None:
            if len(peers) >= PLAIN_RECEIVERS_MAX:
                raise _too_many()
            return
        for peer in peers:
            peer.disconnect(_stolen_by(identity.epoch, peer.identity.epoch))

    def add(self, reader: Reader) -> None:
        self._readers.append(reader)

    def remove(self, reader: Reader) -> None:
        if reader in self._readers:
            self._readers.remove(reader)

    def pump(self) -> None:
        for reader in tuple(self._readers):
            reader.pump()


def _stolen_before(epoch: int | None, highest: int) -> AmqpError:
    return AmqpError(
        Condition.LINK_STOLEN,
        f"At least one receiver for the endpoint is created with epoch of '{highest}', and so a receiver "
        f"with epoch '{epoch if epoch is not None else 'none'}' is not allowed.",
    )


def _stolen_by(epoch: int, replaced: int | None) -> AmqpError:
    return AmqpError(
        Condition.LINK_STOLEN,
        f"New receiver with higher epoch of '{epoch}' is created hence current receiver with epoch "
        f"'{replaced if replaced is not None else 'none'}' is getting disconnected.",
    )


def _too_many() -> AmqpError:
    return AmqpError(
        Condition.RESOURCE_LIMIT,
        "Exceeded the maximum number of allowed receivers per partition in a consumer group which is "
        f"{PLAIN_RECEIVERS_MAX}.",
    )
