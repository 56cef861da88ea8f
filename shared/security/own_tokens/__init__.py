"""Counterfoil's own tokens: issued to services and for break-glass, shown once, rotated by their holders."""
