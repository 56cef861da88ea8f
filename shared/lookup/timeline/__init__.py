"""Timelines: everything we know that happened to a transaction or an order, in order."""
