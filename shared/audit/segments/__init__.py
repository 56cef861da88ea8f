"""Breaks of a chain that were closed: two persons said what does not hold, in signed words that stay for ever."""
