"""Property tests that decide the same on every run and on a busy machine."""

from hypothesis import settings

STEADY = settings(deadline=None, derandomize=True, database=None)
