from __future__ import annotations

import pytest

from harness.guard.postgresql.places import is_public, public_address, resolved


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.9.1", "::1", "10.1.2.3", "172.17.0.2", "192.168.65.254", "169.254.1.1",
     "100.64.0.7", "fd00::5", "fe80::1%eth0", "fe80::1", "::ffff:10.0.0.1", "0.0.0.0"],  # noqa: S104
)  # fmt: skip
def test_an_address_nearby_is_not_public(address: str) -> None:
    """This machine, private networks, those of a link, and those that providers share."""
    assert not is_public(address)
    assert public_address(address) is None


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:4860:4860::8888", "::ffff:8.8.8.8", "224.0.0.1"],
)
def test_an_address_that_anybody_reaches_is_public(address: str) -> None:
    """Also just beside a private network, and behind another notation."""
    assert is_public(address)
    assert public_address(address) == address


@pytest.mark.parametrize("host", ["", "/run/postgresql", "@abstract"])
def test_a_socket_is_of_this_machine(host: str) -> None:
    """Nothing is resolved for it."""
    assert public_address(host, resolve=lambda _: 1 / 0) is None  # type: ignore[arg-type,return-value]


def test_a_name_is_what_it_leads_to() -> None:
    """One public address among those that it leads to is enough; a name alone means nothing."""
    assert public_address("db", resolve=lambda _: ["172.18.0.3"]) is None
    assert public_address("db.internal", resolve=lambda _: ["10.0.0.1", "8.8.4.4"]) == "8.8.4.4"
    assert public_address("localhost") is None


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 70 + ".test", "no host"])
def test_a_name_that_leads_nowhere_is_an_error(host: str) -> None:
    """Of the system, whatever is wrong with it."""
    with pytest.raises(OSError, match=r"."):
        resolved(host)
