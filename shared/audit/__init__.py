"""The audit record: who did what and why, as hash-linked entries that anybody can check without us."""
