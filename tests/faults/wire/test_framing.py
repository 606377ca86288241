from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.faults.wire.framing import Message

OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = {
    "get": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "post": b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello",
    "length": OK + b"Content-Length:  7 \r\nX: y\r\n\r\n\r\n\r\nabc",
    "nothing": OK + b"Content-Length: 0\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    "chunked": OK
    + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5;x=y\r\n0\r\n\r\n\r\n0\r\n\r\n",
    "trailer": OK + b"transfer-encoding: gzip, chunked\r\n\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok",
}


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_the_end_is_the_last_byte(data: bytes) -> None:
    """Fed byte by byte it is done with the last byte and not before."""
    message = Message()
    for position in range(len(data)):
        assert not message.done, f"done before byte {position}: {data[:position]!r}"
        message.feed(data[position : position + 1])
    assert message.done


@given(st.data())
def test_however_it_is_cut(data: st.DataObject) -> None:
    """In whatever pieces it comes, it is done when they are all there, and not before."""
    whole = data.draw(st.sampled_from(list(WHOLE.values())))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=6)))
    message = Message()
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        assert not message.done
        message.feed(whole[start:end])
    assert message.done


@given(st.binary(max_size=300), st.booleans())
def test_garbage_does_no_harm(data: bytes, as_chunks: bool) -> None:
    """Whatever bytes come, it neither raises nor goes round for ever."""
    message = Message()
    if as_chunks:
        message.feed(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    message.feed(data)
    message.feed(data)


def test_an_answer_to_head_has_no_body() -> None:
    """What Content-Length says of a HEAD request's answer does not come."""
    message = Message(for_head=True)
    message.feed(OK + b"Content-Length: 7\r\n\r\n")
    assert message.done


@pytest.mark.parametrize(
    "data",
    [
        OK + b"Connection: close\r\n\r\n",
        OK + b"Content-Length: many\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nmany\r\n",
        b"x" * 1_000_001,
    ],
)
def test_without_a_length_it_ends_with_its_connection(data: bytes) -> None:
    """No length, a wrong one, or a head without end: only the connection's end is its end."""
    message = Message()
    message.feed(data)
    message.feed(b"more")
    assert (message.done, message.ends_with_connection) == (False, True)
