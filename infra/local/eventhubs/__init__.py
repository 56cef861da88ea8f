"""A local Event Hubs: AMQP 1.0 for the official azure-eventhub SDK over a durable partitioned log.

Start it with `python -m infra.local.eventhubs --port 5672 --data DIR --hub NAME:PARTITIONS --group NAME`.
Section numbers in the docstrings are those of the OASIS AMQP 1.0 core specification
(part 1 types, part 2 transport, part 3 messaging, part 5 security).

What differs from the service: no TLS, no geo-replication, no capture, no throttling, no schema registry;
a token that expires does not close links that are already open.
"""
