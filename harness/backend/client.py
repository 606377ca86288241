"""A client for the backend's API: one request is one attempt, and every wait has a bound.

Built on httpcore2 (https://github.com/pydantic/httpx2), the transport of httpx2, with its own
retries off: nothing is ever sent twice unless the caller asks twice. A timeout there bounds one
read; here one deadline bounds the whole attempt, so that an answer that trickles in byte by byte
ends too (only the resolver of names keeps time of its own: give addresses, not names).

It survives refused, reset, cut, stalled and flooding connections and answers that are not HTTP:
each becomes an ApiError whose text is the same from run to run. A connection serves again only
when the bytes that came on it were one answer and nothing else. For one thread at a time.
"""

from __future__ import annotations

import json
import math
import re
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import httpcore2

from harness.errors import ApiError, UsageError

_REASONS = {
    401: "permission denied",
    403: "permission denied",
    404: "not found",
    409: "constraint violation",
    502: "gateway error",
    503: "gateway error",
    504: "gateway error",
}
_WORTH_ANOTHER = {408, 425, 429, 500, 502, 503, 504}
_WHAT_HTTP_BEGINS_WITH = b"HTTP/1."
_TOO_LONG_A_HEAD = 431  # how h11 marks it


class Service(NamedTuple):
    """Where a backend's API is, and how to speak to it."""

    url: str  # http://127.0.0.1:8000
    token: str  # a bearer token; never printed
    timeout_ms: float = 5000.0  # of one attempt, from connecting to the answer's last byte

    def __repr__(self) -> str:
        """Show all but what is secret."""
        url = self.url.rpartition("@")[2]
        return f"Service(url={url!r}, token=..., timeout_ms={self.timeout_ms!r})"


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Read the body as JSON; ApiError where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise ApiError(
                f"the answer {self.status} is no JSON; is the URL that of the backend's API?",
                reason="malformed response",
                status=self.status,
                ambiguous=True,
            ) from error


class ApiClient:
    """Speaks to one backend; keeps one connection open between requests.

    Args:
        service: where the API is.
        most_bytes: an answer of more bytes, head and body together, is given up.
    """

    def __init__(self, service: Service, *, most_bytes: int = 1_000_000) -> None:
        self.service = service
        self.most_bytes = most_bytes
        self._url = _checked(service)
        self._headers: dict[bytes | str, bytes | str] = {
            "Host": urlsplit(self._url).netloc,
            "Authorization": f"Bearer {service.token}",
            "Accept": "application/json",
        }
        self._network = _Network(_Attempt(0, 0))
        self._pool = httpcore2.ConnectionPool(
            max_connections=1, retries=0, http1=True, http2=False, network_backend=self._network
        )

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Make one attempt at one request; ApiError for any failure and any status but 2xx."""
        if not re.fullmatch(r"[A-Z]+ /[!-~]*", f"{method} {path}"):
            raise UsageError(f"{method!r} {path!r}: give a method in capitals and a quoted path")
        headers, content = self._headers, None
        if body is not None:
            content = json.dumps(dict(body), allow_nan=False).encode()
            headers = headers | {"Content-Type": "application/json"}
        attempt = _Attempt(self.service.timeout_ms / 1000, self.most_bytes)
        attempt.body_follows = bool(content)
        self._network.attempt = attempt
        alone = False
        try:
            response = self._pool.request(
                method, self._url + path, headers=headers, content=content
            )
            alone = attempt.holds_nothing_but(response.content)
        except (*_BROKEN, _TooLarge) as error:
            raise _broken(f"{method} {path}", error, attempt, self.service.timeout_ms) from error
        finally:
            if not alone:  # what else came, or may still come, would pass for the next answer
                self._pool.close()
        if not 200 <= response.status < 300:
            raise _declined(method, path, Answer(response.status, response.content), self.service)
        return Answer(response.status, response.content)

    def close(self) -> None:
        """Close the connection; a later request opens another."""
        self._pool.close()


def _checked(service: Service) -> str:
    """Return the service's URL without a slash at its end; UsageError where it cannot serve."""
    try:
        url = urlsplit(service.url)
        fine = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        fine = False
    if not fine or not re.fullmatch(r"[!-~]+", service.url) or set("?#@") & set(service.url):
        where = service.url.rpartition("@")[2]
        raise UsageError(f"{where!r} is no URL of an API: give http://HOST:PORT, no more than that")
    if not re.fullmatch(r"[!-~]+", service.token):
        raise UsageError("the API's token is empty, or holds spaces or letters that no header may")
    if not (0 < service.timeout_ms < math.inf):
        raise UsageError(f"the API's timeout_ms is {service.timeout_ms!r}: give more than 0")
    return service.url.rstrip("/")


class _TooLarge(Exception):
    """The answer has more bytes than are wanted."""


_BROKEN = (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError)


class _Attempt:
    """How long one attempt may still take, and what it has sent and received so far."""

    def __init__(self, seconds: float, most_bytes: int) -> None:
        self.ends = time.monotonic() + seconds
        self.most_bytes = most_bytes
        self.sent = False  # the request, or some of it, may have left
        self.hung_up = False  # the server has
        self.received = bytearray()
        self.body_follows = False
        self.head = b""  # held back until the body is there

    def left(self, over: type[Exception]) -> float:
        """Return the seconds left; raise ``over`` when there are none."""
        seconds = self.ends - time.monotonic()
        if seconds <= 0:
            raise over
        return seconds

    def take(self, data: bytes) -> None:
        """Count what came."""
        self.hung_up = not data
        self.received += data
        if len(self.received) > self.most_bytes:
            raise _TooLarge

    def together(self, data: bytes) -> bytes:
        """Hold the head back until the body is there: one packet wakes the server once."""
        if self.body_follows and not self.sent and not self.head:
            self.head = data
            return b""
        head, self.head = self.head, b""
        return head + data

    def holds_nothing_but(self, body: bytes) -> bool:
        """Whether all that came was one head and this body (of chunks it says no, to be safe)."""
        end = self.received.find(b"\r\n\r\n")
        return end >= 0 and end + 4 + len(body) == len(self.received)

    def spoke_http(self) -> bool:
        """Whether what came, if anything, is the beginning of an answer."""
        return _WHAT_HTTP_BEGINS_WITH.startswith(self.received[: len(_WHAT_HTTP_BEGINS_WITH)])


class _Network(httpcore2.NetworkBackend):
    """Opens connections whose every wait ends when the attempt under way does."""

    def __init__(self, attempt: _Attempt) -> None:
        self.attempt = attempt
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address that answers: all of them share one deadline."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(error) from error
        failure: Exception = httpcore2.ConnectError()
        for *_, address in found:
            left = self.attempt.left(httpcore2.ConnectTimeout)
            try:
                stream = self._sockets.connect_tcp(str(address[0]), port, left)
            except httpcore2.ConnectError as error:
                failure = error
            else:
                return _Stream(stream, self)
        raise failure


class _Stream(httpcore2.NetworkStream):
    """One connection; ``timeout`` is always what is left of the attempt, whatever is asked."""

    def __init__(self, inner: httpcore2.NetworkStream, network: _Network) -> None:
        self._inner = inner
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what there is."""
        attempt = self._network.attempt
        data = self._inner.read(max_bytes, attempt.left(httpcore2.ReadTimeout))
        attempt.take(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send it all; not by the inner stream, which gives every piece the whole time anew."""
        attempt = self._network.attempt
        connection = self._inner.get_extra_info("socket")
        view = memoryview(attempt.together(buffer))
        try:
            while view:
                connection.settimeout(attempt.left(httpcore2.WriteTimeout))
                attempt.sent = True
                view = view[connection.send(view) :]
        except TimeoutError as error:
            raise httpcore2.WriteTimeout(error) from error
        except OSError as error:
            raise httpcore2.WriteError(error) from error

    def close(self) -> None:
        """Close it."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """Encrypt what follows."""
        left = self._network.attempt.left(httpcore2.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._network)

    def get_extra_info(self, info: str) -> Any:
        """Tell what the connection is; "is_readable" while idle means that the server left."""
        return self._inner.get_extra_info(info)


def _broken(what: str, error: Exception, attempt: _Attempt, timeout_ms: float) -> ApiError:
    """Say why no whole answer came."""
    cause = error.args[0] if error.args else None
    if isinstance(error, httpcore2.TimeoutException):
        reason = "API timeout"
        missing = "whole answer" if attempt.sent else "connection"
        text = f"no {missing} within {timeout_ms:g} ms"
    elif isinstance(error, _TooLarge) or getattr(cause, "error_status_hint", 0) == _TOO_LONG_A_HEAD:
        reason = "response too large"
        text = f"the answer, or its head, is larger than is wanted ({attempt.most_bytes} bytes)"
    elif isinstance(error, httpcore2.NetworkError):
        reason = "network error"
        text = str(getattr(cause, "strerror", None) or type(error).__name__)
        if not attempt.sent:
            text += "; does the backend run where the URL says?"
    elif attempt.hung_up and attempt.spoke_http():
        reason, text = "network error", "the connection was closed before the whole answer came"
    else:
        reason = "malformed response"
        text = "the answer is not HTTP; is the URL that of the backend's API?"
    # worth another attempt, all of them: what breaks an answer on its way may be gone by the next
    return ApiError(f"{what}: {text}", reason=reason, transient=True, ambiguous=attempt.sent)


def _declined(method: str, path: str, answer: Answer, service: Service) -> ApiError:
    """Say what an answer means whose status is none of success."""
    status, told = answer.status, _told(answer)
    word = told.get("reason")
    if status in _REASONS:
        reason = _REASONS[status]
    elif status >= 500:
        reason = "server error"
    elif status >= 400:
        reason = "bad request"
    else:
        reason = "redirect" if status >= 300 else "malformed response"
    if (status, word) in ((409, "foreign-key violation"), (503, "timeout")):
        reason = str(word)
    words = _clean(told.get("error"), service.token)
    entity = f"/{told.get('table')}/{told.get('id')}"
    return ApiError(
        f"{method} {path}: the answer is {status}{': ' if words else ''}{words}",
        reason=reason,
        status=status,
        transient=status in _WORTH_ANOTHER,
        # a gateway's error says nothing of what the backend did; its own 503 says: nothing
        ambiguous=(status >= 500 and reason != "timeout") or status < 200,
        gone=(status, word) == (404, "not found") and entity == unquote(path.partition("?")[0]),
    )


def _told(answer: Answer) -> dict[str, Any]:
    """Return what the backend says of an error; nothing where somebody else speaks."""
    try:
        told = answer.json()
    except ApiError:
        return {}
    return told if isinstance(told, dict) else {}


def _clean(words: Any, token: str) -> str:
    """Make a server's words fit to print: on one line, no longer than one, without the token."""
    if not isinstance(words, str):
        return ""
    words = words.replace(token, "...")
    return " ".join("".join(c if c.isprintable() else " " for c in words).split())[:300]
