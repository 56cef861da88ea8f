"""How Python's collector of cycles runs in an instance."""

import gc

# A batch of 1,000 events makes tens of thousands of tuples that live for some milliseconds and form no cycle; looking
# at them every 700 (Python's default) was a thirtieth of the batch's time, and found nothing.
OBJECTS_BEFORE_A_LOOK = 50_000


def quiet_collector() -> None:
    """What was made until here lives as long as the process and is not looked at again; what follows, more rarely."""
    gc.freeze()
    gc.set_threshold(OBJECTS_BEFORE_A_LOOK, 20, 20)
