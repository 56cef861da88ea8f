"""What a producer's own script looks like: the bodies on standard input, one a line, go to one hub in one batch."""

import sys

from azure.eventhub import EventData, EventHubProducerClient

if __name__ == "__main__":
    connection, hub, key = sys.argv[1:]
    with EventHubProducerClient.from_connection_string(connection, eventhub_name=hub) as producer:
        batch = producer.create_batch(partition_key=key)
        for line in sys.stdin.buffer:
            batch.add(EventData(line))
        producer.send_batch(batch)
