"""The thread that sends one partition's events, so that opening links and waiting for answers overlap."""

import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from azure.core.exceptions import AzureError
from azure.eventhub import EventDataBatch, EventHubProducerClient
from azure.eventhub.amqp import AmqpAnnotatedMessage
from azure.eventhub.exceptions import AuthenticationError, EventHubError

from infra.local.sample.model import SampleEvent

RETRY_SECONDS = 0.5
QUEUED_CHUNKS_MAX = 4
PARTITION_KEY = b"x-opt-partition-key"
Answer = TypeVar("Answer")
Chunk = list[SampleEvent]
# A wrong connection string and a refused key do not get better by waiting.
_FINAL_FAILURES = (ValueError, AuthenticationError)


class PublishFailed(Exception):
    """The broker did not take the events; the message says which and why."""


class HubConnection:
    """A client of one hub that is opened anew while the broker is away, up to `patience_seconds`."""

    def __init__(self, connection: str, hub: str, patience_seconds: float) -> None:
        self._connection = connection
        self._hub = hub
        self._patience_seconds = patience_seconds
        self._client: EventHubProducerClient | None = None

    def ask(
        self, question: Callable[[EventHubProducerClient], Answer], again: Callable[[], None] = lambda: None
    ) -> Answer:
        """The broker's answer; `again` is called before each repetition. Raises PublishFailed."""
        deadline = time.monotonic() + self._patience_seconds
        while True:
            try:
                return question(self._connected())
            except (EventHubError, AzureError, OSError, ValueError) as failure:
                self.close()
                if time.monotonic() > deadline or isinstance(failure, _FINAL_FAILURES):
                    raise PublishFailed(
                        f"The broker does not take events for {self._hub}: {_first_line(failure)}."
                    ) from failure
            again()
            time.sleep(RETRY_SECONDS)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> EventHubProducerClient:
        if self._client is None:
            # The SDK's own retries are few, because the question is repeated here.
            self._client = EventHubProducerClient.from_connection_string(
                self._connection, eventhub_name=self._hub, retry_total=1, retry_backoff_factor=0.1
            )
        return self._client


class PartitionSender:
    """Sends the chunks put into it in their order; `failure` is what stopped it, if anything did."""

    def __init__(self, hub: HubConnection, partition_id: str, on_sent: Callable[[int, int], None]) -> None:
        self._hub = hub
        self._partition_id = partition_id
        self._on_sent = on_sent
        self._chunks: queue.Queue[Chunk | None] = queue.Queue(QUEUED_CHUNKS_MAX)
        self._thread = threading.Thread(target=self._run, name=f"sender-{partition_id}", daemon=True)
        self.failure: PublishFailed | None = None
        self._thread.start()

    def put(self, chunk: Chunk) -> None:
        """Hand over a chunk; waits while the sender is behind. Raises what stopped the sender."""
        self._chunks.put(chunk)
        if self.failure is not None:
            raise self.failure

    def finish(self) -> None:
        """Wait until everything put was sent. Raises what stopped the sender."""
        self._chunks.put(None)
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    def abandon(self) -> None:
        """Send nothing more and wait for nothing; what is on its way may still arrive."""
        self.failure = PublishFailed("Publishing was stopped.")

    def _run(self) -> None:
        try:
            while (chunk := self._chunks.get()) is not None:
                if self.failure is None:
                    self._try(chunk)
        finally:
            self._hub.close()

    def _try(self, chunk: Chunk) -> None:
        try:
            self._send(chunk)
        except PublishFailed as failure:
            # The loop goes on, so that whoever waits to put a chunk is not left waiting.
            self.failure = failure

    def _send(self, chunk: Chunk) -> None:
        batch = self._new_batch()
        for event in chunk:
            message = _message(event)
            if _added(batch, message):
                continue
            self._deliver(batch)
            batch = self._new_batch()
            if not _added(batch, message):
                raise PublishFailed(f"An event of {len(event.body)} bytes is larger than the broker takes.")
        self._deliver(batch)

    def _new_batch(self) -> EventDataBatch:
        return self._hub.ask(lambda client: client.create_batch(partition_id=self._partition_id))

    def _deliver(self, batch: EventDataBatch) -> None:
        if not len(batch):
            return
        self._hub.ask(lambda client: client.send_batch(batch), again=lambda: self._on_sent(0, len(batch)))
        self._on_sent(len(batch), 0)


def _message(event: SampleEvent) -> AmqpAnnotatedMessage:
    return AmqpAnnotatedMessage(
        data_body=event.body,
        application_properties=event.properties or None,
        annotations={PARTITION_KEY: event.partition_key} if event.partition_key else None,
    )


def _added(batch: EventDataBatch, message: AmqpAnnotatedMessage) -> bool:
    try:
        batch.add(message)
    except ValueError:
        return False
    return True


def _first_line(failure: BaseException) -> str:
    return (str(failure).strip().splitlines() or [type(failure).__name__])[0].rstrip(".")
