"""Sinks: what the product sends out, caught on this machine and kept to look at."""

from infra.local.sinks.store import KINDS, Kind, ReceivedStore

__all__ = ["KINDS", "Kind", "ReceivedStore"]
