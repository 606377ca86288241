"""The keeper's own parts: what it keeps of output, and how messages are framed."""

from __future__ import annotations

import os
import socket
import time

from harness.processes.supervisor import KEPT_BYTES, Kept, descendants, receive, send


def test_the_middle_is_left_out() -> None:
    """The first and the last 32 KiB are kept, however it came; what is missing is counted."""
    kept = Kept()
    kept.add(b"begin")
    for _ in range(300):
        kept.add(b"x" * 1000)
    kept.add(b"end")
    text = kept.text()
    assert text.startswith("begin")
    assert text.endswith("end")
    assert f"{300_008 - 2 * KEPT_BYTES} bytes left out" in text
    assert len(text) < 2 * KEPT_BYTES + 50


def test_little_is_kept_whole() -> None:
    """Nothing is left out of what fits, at the very limit too."""
    for size in (0, 1, KEPT_BYTES, KEPT_BYTES + 1, 2 * KEPT_BYTES):
        kept = Kept()
        kept.add(b"y" * size)
        assert kept.text() == "y" * size


def test_messages_arrive_whole() -> None:
    """Also long ones, and names that are no UTF-8; the end of the other side is None."""
    ours, theirs = socket.socketpair()
    message = {"line": os.fsdecode(b"caf\xe9"), "long": "z" * 100_000}
    send(ours, message)
    assert receive(theirs) == message
    ours.close()
    assert receive(theirs) is None
    theirs.close()


def test_descendants_are_found() -> None:
    """A child of this process is among them."""
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    try:
        assert child in descendants()
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
