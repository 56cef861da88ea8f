"""Who sent a request, as far as the platform can say: an address and a user agent."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
USER_AGENT_CHARACTERS_MAX = 200
# More proxies than anyone stacks; what stands before them was written by the caller.
HOPS_MAX = 10
# The least a provider gives to one customer; within it an attacker changes addresses at will.
IPV6_CUSTOMER_BITS = 64


def client_address(headers: Mapping[str, str], proxies: Sequence[Network]) -> Address | None:
    """The address that spoke to the platform, or to the last proxy we trust; None where nobody says.

    The platform's front end writes the peer's address at the end of X-Forwarded-For. What stands before it is the
    peer's word, and is taken only from a peer in `proxies`.
    """
    found: Address | None = None
    for text in reversed(headers.get("x-forwarded-for", "").split(",")[-HOPS_MAX:]):
        address = _address(text.strip())
        if address is None:
            break
        found = address
        if not _inside(address, proxies):
            break
    return found


def address_group(address: Address | None) -> str:
    """What is counted as one address: an IPv4 address, an IPv6 customer's network, or all that nobody names."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, IPV6_CUSTOMER_BITS), strict=False))
    return str(address or "unknown")


def user_agent(headers: Mapping[str, str]) -> str | None:
    """The caller's own word on its program, cut and without what cannot be printed."""
    text = "".join(each for each in headers.get("user-agent", "") if each.isprintable())
    return text[:USER_AGENT_CHARACTERS_MAX].strip() or None


def _address(text: str) -> Address | None:
    """`1.2.3.4`, `1.2.3.4:5678`, `::1` or `[::1]:5678`; an IPv4 address within IPv6 is that IPv4 address.

    A zone (`fe80::1%eth0`) means something to one machine only, and could be any text: no address for us.
    """
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address("" if "%" in text else text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _inside(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
