"""Where an HTTP/1.1 message ends (RFC 9112, section 6), found while its bytes come in.

Reads no more of a message than that: the end of its head, Content-Length, chunks, statuses that
have no body. A message that states no length, or states it wrongly, ends with its connection.
"""

from __future__ import annotations

import re

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,15}")
_HEAD_END = b"\r\n\r\n"
_LONGEST_HEAD_BYTES = 1_000_000


class Message:
    """One request or response; feed it bytes until it is ``done``.

    ``for_head``: it answers a HEAD request and has no body, whatever its head says. Bytes beyond
    its end are not looked at.
    """

    def __init__(self, *, for_head: bool = False) -> None:
        self.done = False
        self.ends_with_connection = False
        self._for_head = for_head
        self._buffer = b""  # of the head; later of a chunk's own line
        self._left_bytes: int | None = None  # of the body, once a Content-Length says so
        self._chunked = False
        self._skip_bytes = 0  # of the chunk that is passing by
        self._in_trailer = False

    def feed(self, data: bytes) -> None:
        """Look at the next bytes."""
        if self.done or self.ends_with_connection:
            return
        if self._chunked:
            self._feed_chunks(data)
        elif self._left_bytes is not None:
            self._left_bytes -= len(data)
            self.done = self._left_bytes <= 0
        else:
            self._feed_head(data)

    def _feed_head(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            self.ends_with_connection = len(self._buffer) > _LONGEST_HEAD_BYTES
            return
        head, rest = self._buffer[: end + len(_HEAD_END)], self._buffer[end + len(_HEAD_END) :]
        self._buffer = b""
        answers = head.startswith(b"HTTP/")
        status = head[9:12] if answers else b""
        if status[:1] == b"1" and status != b"101":
            self.feed(rest)  # an interim answer; the real one follows
            return
        self._begin_body(head, answers=answers, status=status)
        self.feed(rest)

    def _begin_body(self, head: bytes, *, answers: bool, status: bytes) -> None:
        if self._for_head or status in (b"204", b"304"):
            self.done = True
        elif _CHUNKED.search(head):
            self._chunked = True
        elif length := _LENGTH.search(head):
            self._left_bytes = int(length[1])
            self.done = self._left_bytes == 0
        else:  # a request without a length has no body, an answer without one ends with the line
            self.done, self.ends_with_connection = not answers, answers

    def _feed_chunks(self, data: bytes) -> None:
        self._buffer += data
        while not self.done and not self.ends_with_connection:
            skipped = min(self._skip_bytes, len(self._buffer))
            self._skip_bytes -= skipped
            line, end, rest = self._buffer[skipped:].partition(b"\r\n")
            if self._skip_bytes or not end:
                self._buffer = self._buffer[skipped:]
                return
            self._buffer = rest
            self._take_line(line)

    def _take_line(self, line: bytes) -> None:
        if self._in_trailer:
            self.done = not line
            return
        size = _CHUNK_SIZE.match(line)
        if size is None:
            self.ends_with_connection = True
        elif int(size[0], 16) == 0:
            self._in_trailer = True
        else:
            self._skip_bytes = int(size[0], 16) + len(b"\r\n")
