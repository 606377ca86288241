"""Where a server is: on this machine, in a private network, or where production may be.

A name says nothing of where it leads, so every name is resolved and judged by what it leads to:
that is where the sessions of a guard go. ``db`` of a compose file, ``host.docker.internal`` or
``app.test`` lead into a private network where they are what they seem. One address that anybody on
the Internet could reach is enough to be refused.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable, Sequence

Resolve = Callable[[str], Sequence[str]]


def resolved(host: str) -> list[str]:
    """Give the addresses that a host's name leads to; OSError where it leads nowhere."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(errno.EINVAL, "it is no name of a host") from error
    return sorted({str(place[0]) for *_, place in found})


def public_address(host: str, *, resolve: Resolve = resolved) -> str | None:
    """Give an address of a host that is outside this machine and private networks, or None.

    Args:
        host: as libpq is given it: a name, an address, or a socket's folder.
        resolve: makes addresses of a name.

    Raises:
        OSError: the name leads nowhere.
    """
    if is_socket(host):
        return None
    addresses = [host] if _is_address(host) else resolve(host)
    return next((address for address in addresses if is_public(address)), None)


def is_socket(host: str) -> bool:
    """Whether a host is a socket of this machine: a folder, an abstract name, or libpq's own."""
    return not host or host.startswith(("/", "@"))


def is_public(address: str) -> bool:
    """Whether an address can be reached from anywhere.

    It cannot be on this machine, in private networks, and in those that providers and virtual
    private networks share (100.64.0.0/10).
    https://www.iana.org/assignments/iana-ipv4-special-registry
    """
    of_a_link = address.partition("%")[0]  # fe80::1%eth0
    place = ipaddress.ip_address(of_a_link)
    if isinstance(place, ipaddress.IPv6Address) and place.ipv4_mapped is not None:
        place = place.ipv4_mapped
    return place.is_global or place.is_multicast


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
