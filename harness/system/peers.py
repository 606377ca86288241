"""Which processes here hold the client's end of a connection to a server: TCP, or a socket file.

Nothing is seen of another network namespace (a container's processes, in most cases), nor of what
other users' processes have open, unless this is root: ``holders.unseen_owners`` names the users.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

PROC = "/proc"
_SOCKET = "socket:["  # what a handle of one is called


class End(NamedTuple):
    """One end of a TCP connection; the address as ``canonical`` writes it."""

    address: str
    port: int


class _Connection(NamedTuple):
    """A TCP connection, by one of its ends; 0: no process has that end any more."""

    local: End
    remote: End
    inode: int


def canonical(address: str) -> str:
    """Write an address in one way: an IPv4 one as such, also where a socket takes both kinds."""
    read = ipaddress.ip_address(address.partition("%")[0])
    mapped = read.ipv4_mapped if isinstance(read, ipaddress.IPv6Address) else None
    return str(mapped or read)


def at(ends: Collection[End]) -> dict[End, set[int]]:
    """Give the processes that hold these ends, by end.

    An end that is not in it is held by nobody here: its process is gone, or elsewhere. With an
    empty set it is held by one that this user may not look at.
    """
    wanted = set(ends)
    if not wanted:
        return {}
    if sys.platform != "linux":
        return _at_elsewhere(wanted)
    inodes = {one.inode: one.local for one in _tcp() if one.inode and one.local in wanted}
    found: dict[End, set[int]] = {end: set() for end in inodes.values()}
    for inode, pids in _holding(inodes).items():
        found[inodes[inode]] |= pids
    return found


def connected_to(server: End | str, *, but: Collection[End] = ()) -> set[int]:
    """Give the processes that have a connection to a TCP address or to a socket file.

    ``but``: those of it that are known to be none, by the client's end.
    """
    if sys.platform != "linux":
        return _connected_elsewhere(server, but)
    if isinstance(server, End):
        those = (one for one in _tcp() if one.remote == server and one.local not in but)
        inodes = {one.inode for one in those if one.inode}
    else:
        inodes = {one.peer for one in _unix().values() if one.name == server and one.peer}
    return set[int]().union(*_holding(inodes).values())


def socket_files(name: str) -> set[str]:
    """Give the socket files of that name, in any folder, that somebody is connected to."""
    if sys.platform != "linux":
        paths = (one for _, *ends in _sockets_elsewhere("unix") for one in ends)
    else:
        paths = (one.name for one in _unix().values() if one.peer)
    return {path for path in paths if isinstance(path, str) and path.endswith(f"/{name}")}


def across(path: str, servers: Iterable[int]) -> dict[int, set[int]]:
    """Give the processes at the other ends of a socket file, by the server's process.

    Only of those of the server's processes that this user may look at: root, and the user as whom
    the server runs. None elsewhere than on Linux.
    """
    if sys.platform != "linux":
        return {}
    sockets = _unix()
    other = {
        pid: {
            sockets[inode].peer
            for inode in _sockets_of(pid)
            if inode in sockets and sockets[inode].name == path and sockets[inode].peer
        }
        for pid in servers
    }
    holding = _holding(set[int]().union(*other.values()))
    return {
        pid: set[int]().union(*(holding.get(inode, set()) for inode in inodes))
        for pid, inodes in other.items()
        if inodes
    }


def is_abandoned(path: str) -> bool:
    """Whether the client's end of some connection to a socket file is closed, or cannot be seen."""
    sockets = _unix()
    return not sockets or any(
        one.connected and one.name == path and one.peer not in sockets for one in sockets.values()
    )


# TCP, as /proc/net lists it: proc_net_tcp, https://docs.kernel.org/networking/proc_net_tcp.html


def _tcp() -> Iterator[_Connection]:
    for table in ("tcp", "tcp6"):
        with (
            suppress(OSError),  # no IPv6 here
            open(f"{PROC}/net/{table}", encoding="ascii") as file,
        ):
            next(file, "")
            for line in file:
                fields = line.split()
                yield _Connection(_end(fields[1]), _end(fields[2]), int(fields[9]))


def _end(written: str) -> End:
    """Read ``0100007F:1538``: words of 32 bits in the machine's own order."""
    address, _, port = written.partition(":")
    raw = bytes.fromhex(address)
    words = struct.unpack(f"={len(raw) // 4}I", raw)
    return End(
        canonical(str(ipaddress.ip_address(struct.pack(f">{len(words)}I", *words)))), int(port, 16)
    )


# Socket files, as the kernel tells over netlink: sock_diag(7).


class _Socket(NamedTuple):
    """One end of a socket file's connection: the server's has the file's name."""

    name: str
    peer: int
    connected: bool


_LAYOUT = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_ASKED = struct.Struct("=BBHIIIII")  # unix_diag_req: family, ..., states, inode, show, cookie
_TOLD = struct.Struct("=BBBBIII")  # unix_diag_msg: family, type, state, pad, inode, cookie
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_SOCK_DIAG, _BY_FAMILY, _DUMP = 4, 20, 0x301  # NETLINK_SOCK_DIAG; request, of all
_ERROR, _DONE = 2, 3
_ESTABLISHED = 1
_NAME, _PEER = 0, 2  # attributes; asked for by the bits 1 << these


def _unix() -> dict[int, _Socket]:
    """Give the sockets of socket files by inode; none where the kernel does not tell."""
    if sys.platform != "linux":
        return {}
    asked = _ASKED.pack(
        socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, 1 << _NAME | 1 << _PEER, 0xFFFFFFFF, 0xFFFFFFFF
    )
    found: dict[int, _Socket] = {}
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
            kernel.settimeout(5)
            kernel.send(_LAYOUT.pack(_LAYOUT.size + len(asked), _BY_FAMILY, _DUMP, 1, 0) + asked)
            while _read(kernel.recv(1 << 18), found):
                pass
    except OSError:
        return {}
    return found


def _read(messages: bytes, found: dict[int, _Socket]) -> bool:
    """Read what came at once; whether there is more."""
    while messages:
        length, kind, *_ = _LAYOUT.unpack_from(messages)
        if kind == _DONE:
            return False
        if kind == _ERROR:
            raise OSError(errno.EIO, "sock_diag")
        _, _, state, _, inode, *_ = _TOLD.unpack_from(messages, _LAYOUT.size)
        attributes = dict(_attributes(messages[_LAYOUT.size + _TOLD.size : length]))
        name = os.fsdecode(attributes.get(_NAME, b"").rstrip(b"\0"))
        peer = int.from_bytes(attributes.get(_PEER, b""), sys.byteorder)
        found[inode] = _Socket(name, peer, state == _ESTABLISHED)
        messages = messages[_aligned(length) :]
    return True


def _attributes(told: bytes) -> Iterator[tuple[int, bytes]]:
    while len(told) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(told)
        yield kind, told[_ATTRIBUTE.size : length]
        told = told[_aligned(length) :]


def _aligned(length: int) -> int:
    return max(4, (length + 3) & ~3)


# Whose a socket is.


def _holding(inodes: Collection[int]) -> dict[int, set[int]]:
    """Give the processes that have these sockets open."""
    found: dict[int, set[int]] = {}
    if inodes:
        with suppress(OSError):
            for name in os.listdir(PROC):
                if name.isdigit():
                    for inode in _sockets_of(int(name)).intersection(inodes):
                        found.setdefault(inode, set()).add(int(name))
    return found


def _sockets_of(pid: int) -> set[int]:
    found = set()
    with suppress(OSError):  # ended meanwhile, or another user's
        for name in os.listdir(f"{PROC}/{pid}/fd"):
            with suppress(OSError):  # closed meanwhile
                link = os.readlink(f"{PROC}/{pid}/fd/{name}")
                if link.startswith(_SOCKET):
                    found.add(int(link[len(_SOCKET) : -1]))
    return found


# Elsewhere than on Linux: the system shows the sockets of one's own processes.


def _at_elsewhere(ends: set[End]) -> dict[End, set[int]]:
    found: dict[End, set[int]] = {}
    for pid, local, _ in _sockets_elsewhere("tcp"):
        if isinstance(local, End) and local in ends:
            found.setdefault(local, set()).add(pid)
    return found


def _connected_elsewhere(server: End | str, but: Collection[End]) -> set[int]:
    kind = "tcp" if isinstance(server, End) else "unix"
    those = ((pid, one) for pid, one, remote in _sockets_elsewhere(kind) if remote == server)
    return {pid for pid, local in those if local not in but}


def _sockets_elsewhere(kind: str) -> Iterator[tuple[int, End | str, End | str]]:
    import psutil  # noqa: PLC0415 - 20 ms, and Linux is spared it

    for process in psutil.process_iter():
        with suppress(psutil.Error):
            for one in process.net_connections(kind):
                yield process.pid, _end_elsewhere(one.laddr), _end_elsewhere(one.raddr)


def _end_elsewhere(told: tuple[str, int] | tuple[()] | str) -> End | str:
    if isinstance(told, str):
        return told
    return End(canonical(told[0]), told[1]) if told else ""
