"""Who sent a request: the address the platform saw, proxies we trust, and the program."""

from ipaddress import ip_address, ip_network

import pytest

from functions.edge.sender import (
    HOPS_MAX,
    USER_AGENT_CHARACTERS_MAX,
    address_group,
    client_address,
    user_agent,
)

PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8:1::/48")]


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("", None),
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:50123", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        # What stands before the last is the caller's own word.
        ("198.51.100.1, 203.0.113.7:50123", "203.0.113.7"),
        ("198.51.100.1, 10.1.2.3:443", "198.51.100.1"),
        ("192.0.2.9, 198.51.100.1, 10.1.2.3", "198.51.100.1"),
        ("198.51.100.1, 10.1.2.3, [2001:db8:1::1]:80", "198.51.100.1"),
        # A proxy that does not know who asked is the last we know.
        ("unknown, 10.1.2.3", "10.1.2.3"),
        (", 10.1.2.3", "10.1.2.3"),
        ("198.51.100.1, nonsense", None),
        ("1.2.3.4.5", None),
        ("[", None),
        ("999.1.1.1:2", None),
        ("fe80::1%eth0", None),
        ("[fe80::1%25x]:443", None),
    ],
)
def test_the_address_is_the_last_nobody_vouches_for(forwarded: str, address: str | None) -> None:
    found = client_address({"x-forwarded-for": forwarded}, PROXIES)
    assert found == (ip_address(address) if address else None)


def test_without_proxies_nobody_can_pass_for_another() -> None:
    for claimed in ("198.51.100.1", "10.0.0.1", "::1", "x" * 5000):
        found = client_address({"x-forwarded-for": f"{claimed}, 10.1.2.3:9"}, [])
        assert str(found) == "10.1.2.3"


def test_a_chain_without_end_is_read_to_a_bound() -> None:
    chain = ", ".join(["198.51.100.1", *["10.0.0.1"] * (HOPS_MAX + 5)])
    assert str(client_address({"x-forwarded-for": chain}, PROXIES)) == "10.0.0.1"


def test_an_ipv6_customer_is_one_address() -> None:
    first, second = (ip_address(f"2001:db8:5:6::{n}") for n in (1, 2))
    assert address_group(first) == address_group(second) == "2001:db8:5:6::/64"
    assert address_group(ip_address("2001:db8:5:7::1")) != address_group(first)
    assert address_group(ip_address("203.0.113.7")) == "203.0.113.7"
    assert address_group(None)


def test_a_user_agent_is_cut_and_has_nothing_that_cannot_be_printed() -> None:
    assert user_agent({}) is None
    assert user_agent({"user-agent": " \t\r\n\0"}) is None
    assert user_agent({"user-agent": "curl/8\r\nX-Evil: 1\0\u202e"}) == "curl/8X-Evil: 1"
    assert user_agent({"user-agent": "a" * 5000}) == "a" * USER_AGENT_CHARACTERS_MAX
