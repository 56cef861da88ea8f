"""Partition keys go where the service and its own client library would put them."""

from azure.eventhub._buffered_producer._partition_resolver import PartitionResolver
from hypothesis import given
from hypothesis import strategies as st

from infra.local.eventhubs.routing import lookup3, partition_of


def test_published_vectors() -> None:
    """From the comments in lookup3.c."""
    assert lookup3(b"") == (0xDEADBEEF, 0xDEADBEEF)
    assert lookup3(b"Four score and seven years ago") == (0x17770551, 0xCE7226E6)


@given(st.text(st.characters(max_codepoint=127), min_size=1, max_size=60), st.integers(1, 32))
def test_the_sdk_resolves_the_same_partition(key: str, count: int) -> None:
    resolver = PartitionResolver(list(range(count)))  # type: ignore[no-untyped-call]
    expected = resolver.get_partition_id_by_partition_key(key)  # type: ignore[no-untyped-call]
    assert partition_of(key, count) == expected
