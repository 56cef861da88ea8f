"""Faults to order: a TCP proxy that cuts, refuses, holds and drops what passes between a client and a server."""

from infra.local.faults.proxy import COMMIT, TcpProxy

__all__ = ["COMMIT", "TcpProxy"]
