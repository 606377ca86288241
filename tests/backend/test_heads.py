"""A head that is too large, or never ends, does not stay."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from harness.backend import heads
from harness.backend.process import Backend


@pytest.fixture
def line(served: Backend) -> Iterator[socket.socket]:
    """Connect as anybody may."""
    one = socket.create_connection(("127.0.0.1", served.port), timeout=30)
    yield one
    one.close()


def everything(line: socket.socket) -> bytes:
    """Read until the other side hangs up."""
    data = b""
    with suppress(ConnectionResetError):
        while part := line.recv(65536):
            data += part
    return data


def test_a_head_of_many_megabytes_is_refused(line: socket.socket, served: Backend) -> None:
    """After 64 kB without an end the backend says 431, hangs up, and serves others."""
    try:
        line.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\nx: ")
        for _ in range(200):
            line.sendall(b"y" * 65536)
    except (BrokenPipeError, ConnectionResetError):
        pass
    else:
        pytest.fail("13 MB of a head were taken")
    other = socket.create_connection(("127.0.0.1", served.port), timeout=30)
    other.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert everything(other).startswith(b"HTTP/1.1 200")
    other.close()


def test_what_is_said_of_it(line: socket.socket) -> None:
    """A head just beyond the bound gets its answer."""
    line.sendall(b"GET /health HTTP/1.1\r\nx: " + b"y" * (heads.MOST_HEAD_BYTES + 10))
    assert everything(line).startswith(b"HTTP/1.1 431")


def test_heads_follow_each_other(line: socket.socket) -> None:
    """On one connection every head has the whole bound to itself, and bodies do not count."""
    asked = b"GET /health HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 40_000 + b"\r\n\r\n"
    for _ in range(4):
        line.sendall(asked)
        answer = b""
        while not answer.endswith(b"}"):
            answer += line.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200")
    body = b"x" * 300_000
    line.sendall(
        b"POST /users HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        % len(body)
        + body
    )
    assert everything(line).split(b" ")[1] in (b"400", b"401")


@pytest.mark.long
def test_a_head_that_never_ends_has_a_deadline(line: socket.socket) -> None:
    """Half a head is hung up on when its time is over."""
    line.settimeout(3 * heads.HEAD_LIMIT_S)
    line.sendall(b"GET /health HTTP/1.1\r\nx: y")
    assert everything(line) == b""
