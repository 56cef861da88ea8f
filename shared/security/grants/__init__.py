"""Grants: who holds which role where, from when and until when."""
