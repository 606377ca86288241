"""Which processes hold the client's end of a connection."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from harness.system import peers
from harness.system.peers import End, across, at, canonical, connected_to, is_abandoned
from tests.pipes import line_of

linux = pytest.mark.skipif(sys.platform != "linux", reason="what Linux shows")
_CLIENT = """
import socket, sys
family, *address = sys.argv[1:]
with socket.socket(getattr(socket, family)) as client:
    client.connect(address[0] if len(address) == 1 else (address[0], int(address[1])))
    print(*(client.getsockname()[:2] if len(address) > 1 else [""]), flush=True)
    sys.stdin.read()
"""


@contextmanager
def client(family: str, *address: object) -> Iterator[tuple[int, list[str]]]:
    """A process that is connected; its number, and its own end."""
    with subprocess.Popen(
        [sys.executable, "-c", _CLIENT, family, *map(str, address)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = line_of(process).split()
        try:
            yield process.pid, said
        finally:
            process.kill()


@contextmanager
def listening(family: socket.AddressFamily, address: object) -> Iterator[socket.socket]:
    """A server's socket."""
    with socket.socket(family) as server:
        server.bind(address)
        server.listen()
        yield server


@pytest.mark.parametrize(
    ("family", "address", "seen"),
    [("AF_INET", "127.0.0.1", "127.0.0.1"), ("AF_INET", "127.0.0.7", "127.0.0.1"),
     ("AF_INET6", "::1", "::1"), ("AF_INET6", "::ffff:127.0.0.1", "127.0.0.1")],
)  # fmt: skip
def test_who_holds_an_end(family: str, address: str, seen: str) -> None:
    """Over IPv4, over IPv6, and over IPv4 by a socket that takes both; and no process else."""
    of = socket.AF_INET6 if address == "::1" else socket.AF_INET
    with listening(of, (address.removeprefix("::ffff:"), 0)) as server:
        port = server.getsockname()[1]
        with client(family, address, port) as (pid, own), server.accept()[0] as accepted:
            name = accepted.getpeername()
            end = End(canonical(name[0]), name[1])
            assert end == End(seen, int(own[1]))
            assert at([end, End("127.0.0.1", 1)]) == {end: {pid}}
            there = End(canonical(address), port)
            assert connected_to(there) == {pid}
            assert connected_to(there, but=[end]) == set()
        assert at([end]) == {}  # the client was killed, its end is held by nobody
        assert connected_to(there) == set()


def test_every_process_that_has_it_counts() -> None:
    """A fork has inherited it; and a server's own end is not the client's."""
    with (
        listening(socket.AF_INET, ("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as ours,
        server.accept()[0],
    ):
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"],
            stdin=subprocess.PIPE,
            pass_fds=[ours.fileno()],
        )
        end = End(*ours.getsockname())
        assert at([end]) == {end: {os.getpid(), child.pid}}
        child.kill()
        child.communicate()


@linux
@pytest.mark.parametrize("abstract", [False, True])
def test_who_is_at_the_other_end_of_a_socket_file(folder: Path, *, abstract: bool) -> None:
    """By the server's process, and by the file; also by a name that is no file."""
    path = f"\0{os.urandom(4).hex()}/.s.PGSQL.1" if abstract else str(folder / ".s.PGSQL.1")
    with listening(socket.AF_UNIX, path) as server, closing(socket.socket(socket.AF_UNIX)) as ours:
        ours.connect(path)
        with server.accept()[0]:
            assert across(path, [os.getpid()]) == {os.getpid(): {os.getpid()}}
            assert across(path, [1]) == {}
            assert across("other", [os.getpid()]) == {}
            assert connected_to(path) == {os.getpid()}
            assert connected_to("other") == set()
            assert path in peers.socket_files(".s.PGSQL.1")
            assert not is_abandoned(path)
            ours.close()
            assert is_abandoned(path)
            assert across(path, [os.getpid()]) == {}
            assert connected_to(path) == set()


@linux
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_of_other_users_processes_the_end_alone_shows() -> None:
    """That somebody holds it is seen, and not who; root sees that too."""
    with (
        listening(socket.AF_INET, ("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as ours,
        server.accept()[0],
    ):
        end = End(*ours.getsockname())
        pid = os.fork()
        if pid == 0:
            for handle in (ours.fileno(), server.fileno()):
                os.close(handle)
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            os._exit(0 if at([end]) == {end: set()} else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_elsewhere_the_system_is_asked_for_the_sockets_of_processes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of those of this user; by the same ends, and by the name of the server's socket file."""
    assert psutil.MACOS is False  # it is loaded, as what this system is
    with (
        listening(socket.AF_INET, ("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as ours,
        server.accept()[0],
    ):
        monkeypatch.setattr(peers.sys, "platform", "darwin")
        end, there = End(*ours.getsockname()), End(*server.getsockname())
        assert at([end, End("127.0.0.1", 1)]) == {end: {os.getpid()}}
        assert connected_to(there) == {os.getpid()}
        assert connected_to(there, but=[end]) == set()
        assert across(str(folder), [os.getpid()]) == {}
        assert is_abandoned(str(folder))


def test_nothing_is_asked_where_nothing_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """No ends, no look at anything; and no /proc is no error."""
    monkeypatch.setattr(peers, "PROC", "/nowhere")
    assert at([]) == {}
    assert at([End("127.0.0.1", 1)]) == {}
    assert connected_to(End("127.0.0.1", 1)) == set()


def test_an_address_is_written_in_one_way() -> None:
    """As the server writes it, and as a socket does."""
    assert canonical("::ffff:10.0.0.1") == canonical("10.0.0.1") == "10.0.0.1"
    assert canonical("0:0:0:0:0:0:0:1") == "::1"
    assert canonical("fe80::1%eth0") == "fe80::1"
