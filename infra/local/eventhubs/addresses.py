"""Link addresses: `[sb://host/]HUB[/ConsumerGroups/GROUP][/Partitions/ID]`, `$cbs`, `$management`."""

from typing import NamedTuple
from urllib.parse import unquote, urlparse

CBS = "$cbs"
MANAGEMENT = "$management"


class Address(NamedTuple):
    """Where a link leads; a name is empty where the address has none."""

    node: str
    group: str
    partition: str

    @property
    def answers_requests(self) -> bool:
        return self.node in (CBS, MANAGEMENT)

    @classmethod
    def parse(cls, text: str) -> "Address":
        path = urlparse(text).path if "://" in text else text
        node, *rest = unquote(path).strip("/").split("/")
        names = {kind.lower(): name for kind, name in zip(rest[::2], rest[1::2], strict=False)}
        return cls(node, names.get("consumergroups", ""), names.get("partitions", ""))
