"""Partition key to partition: Bob Jenkins' lookup3, as the service and its clients compute it."""

from functools import lru_cache

_MASK = 0xFFFFFFFF
_SEED = 0xDEADBEEF
_BLOCK = 12
_MIX_STEPS = (4, 6, 8, 16, 19, 4)
_FINAL_STEPS = (14, 11, 25, 16, 4, 14, 24)


@lru_cache(maxsize=65_536)
def partition_of(key: str, partition_count: int) -> int:
    """The partition, from zero, of a key: the same for the same count, whoever asks."""
    first, second = lookup3(key.encode())
    folded = (first ^ second) & 0xFFFF
    signed = folded - 0x10000 if folded >= 0x8000 else folded
    return abs(signed % partition_count)


def lookup3(data: bytes) -> tuple[int, int]:
    """The two 32-bit hashes of `hashlittle2` with both seeds zero."""
    a = b = c = (_SEED + len(data)) & _MASK
    if not data:
        return c, b
    tail_at = (len(data) - 1) // _BLOCK * _BLOCK
    for at in range(0, tail_at, _BLOCK):
        x, y, z = _words(data[at : at + _BLOCK])
        a, b, c = _mix((a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK)
    x, y, z = _words(data[tail_at:].ljust(_BLOCK, b"\x00"))
    return _finish((a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK)


def _words(block: bytes) -> tuple[int, int, int]:
    return (
        int.from_bytes(block[0:4], "little"),
        int.from_bytes(block[4:8], "little"),
        int.from_bytes(block[8:12], "little"),
    )


def _rotate(value: int, by: int) -> int:
    return ((value << by) | (value >> (32 - by))) & _MASK


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    """Six rounds; the three words change places after each."""
    for by in _MIX_STEPS:
        a = ((a - c) & _MASK) ^ _rotate(c, by)
        c = (c + b) & _MASK
        a, b, c = b, c, a
    return a, b, c


def _finish(a: int, b: int, c: int) -> tuple[int, int]:
    """Seven rounds; the hashes are the last two words."""
    for by in _FINAL_STEPS:
        c = ((c ^ b) - _rotate(b, by)) & _MASK
        a, b, c = b, c, a
    return b, a
