from __future__ import annotations

import logging
import pickle
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from harness.backend.client import Answer, ApiClient, Service
from harness.databases.errors import describe, is_transient
from harness.errors import ApiError, UsageError
from tests.raw_server import (
    NO_CONTENT,
    Play,
    RawServer,
    answer,
    flood,
    reset,
    send,
    serving,
    stall,
    trickle,
)

TOKEN = "hb_secret-token-0123456789"  # noqa: S105 - no service anywhere knows it
PLENTY_MS = 15_000.0


@contextmanager
def speaking_to(
    url: str, *, timeout_ms: float = PLENTY_MS, most_bytes: int = 1_000_000
) -> Iterator[ApiClient]:
    """Give a client and close it."""
    client = ApiClient(Service(url, TOKEN, timeout_ms), most_bytes=most_bytes)
    try:
        yield client
    finally:
        client.close()


def failing(
    play: Play | bytes, *, timeout_ms: float = PLENTY_MS, most_bytes: int = 1_000_000
) -> tuple[ApiError, RawServer]:
    """Return how a request fails that ``play`` deals with; the next request must be fine."""
    with (
        serving(play, answer(200, {"id": 18})) as server,
        speaking_to(server.url, timeout_ms=timeout_ms, most_bytes=most_bytes) as client,
    ):
        with pytest.raises(ApiError) as raised:
            client.request("DELETE", "/bots/17")
        client.service = client.service._replace(timeout_ms=PLENTY_MS)
        assert client.request("GET", "/bots/18").json() == {"id": 18}
        assert server.lines == ["DELETE /bots/17", "GET /bots/18"]
        assert str(server.port) not in str(raised.value)
        assert str(raised.value).startswith("DELETE /bots/17: ")
        assert TOKEN not in str(raised.value)
        return raised.value, server


def test_what_goes_over_the_wire() -> None:
    """Method, path, JSON body, host and bearer token arrive; status and body come back."""
    with (
        serving(answer(201, {"id": 17, "name": "Å"}), NO_CONTENT) as server,
        speaking_to(server.url + "/v1/") as client,
    ):
        made = client.request("POST", "/bots", {"name": "Å"})
        gone = client.request("DELETE", "/bots/17?why=x%20y")
        port = server.port
    assert made.status == 201
    assert made.json() == {"id": 17, "name": "Å"}
    assert gone == Answer(204, b"")
    first, second = server.requests
    assert server.lines == ["POST /v1/bots", "DELETE /v1/bots/17?why=x%20y"]
    assert first.endswith(b'\r\n\r\n{"name": "\\u00c5"}')
    for request in (first, second):
        assert f"\r\nAuthorization: Bearer {TOKEN}\r\n".encode() in request
        assert f"\r\nHost: 127.0.0.1:{port}\r\n".encode() in request
    assert b"\r\nContent-Type: application/json\r\n" in first
    assert server.connections == 1


def test_a_refused_connection_is_not_ambiguous() -> None:
    """Nobody listens: a network error worth another attempt, and nothing can have been done.

    The library's own attempts at connecting are off: one attempt asks once.
    """
    with serving(NO_CONTENT) as server:
        url = server.url
    asked = []
    with speaking_to(url) as client:
        connect = client._network.connect_tcp

        def count(host: str, port: int, **others: Any) -> Any:
            asked.append(host)
            return connect(host, port, **others)

        client._network.connect_tcp = count
        with pytest.raises(ApiError) as raised:
            client.request("DELETE", "/bots/17")
    assert asked == ["127.0.0.1"]
    error = raised.value
    assert describe(error) == ("network error", 0)
    assert is_transient(error)
    assert not error.ambiguous
    assert str(error).startswith("DELETE /bots/17: Connection refused; ")
    assert url.rpartition(":")[2] not in str(error)


def test_a_name_that_nobody_resolves() -> None:
    """An unknown or impossible host is a network error; nothing was sent."""
    for host in ("nowhere.invalid", "a" * 70 + ".invalid"):
        with speaking_to(f"http://{host}:1") as client, pytest.raises(ApiError) as raised:
            client.request("GET", "/bots")
        assert raised.value.reason == "network error"
        assert not raised.value.ambiguous


@pytest.mark.parametrize(
    ("play", "says"),
    [
        (reset(), "Connection reset by peer"),
        (reset(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"), "Connection reset by peer"),
        (send(b"", keep=False), "closed before the whole answer"),
        (send(b"HTT", keep=False), "closed before the whole answer"),
        (send(b"HTTP/1.1 204 No", keep=False), "closed before the whole answer"),
        (send(b"HTTP/1.1 100 Continue\r\n\r\n", keep=False), "closed before the whole answer"),
        (
            send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12345678", keep=False),
            "closed before the whole answer",
        ),
        (
            send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc", keep=False),
            "closed before the whole answer",
        ),
    ],
    ids=[
        *("rst", "rst in body", "hang up", "cut in version", "cut in head", "cut after 100"),
        *("cut in body", "cut in chunks"),
    ],
)
def test_a_connection_that_breaks(play: Play, says: str) -> None:
    """Reset, cut or hung up: a network error, ambiguous; the request went out once."""
    error, server = failing(play)
    assert (error.reason, error.status) == ("network error", 0)
    assert (error.transient, error.ambiguous, error.gone) == (True, True, False)
    assert says in str(error)
    assert server.connections == 2


@pytest.mark.parametrize(
    "play",
    [
        stall(),
        stall(b"HTTP/1.1 200 OK\r\nContent-Le"),
        stall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf"),
        trickle(b"HTTP/1.1 100 Continue\r\n\r\n", 0.005),
        trickle(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 5000),
        trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000),
    ],
    ids=["no byte", "half a head", "half a body", "100 forever", "head trickles", "body trickles"],
)
def test_one_deadline_for_the_whole_attempt(play: Play) -> None:
    """However the server dawdles, the attempt ends in time: "API timeout", ambiguous."""
    started = time.monotonic()
    error, server = failing(play, timeout_ms=150)
    assert time.monotonic() - started < 10
    assert (error.reason, error.status) == ("API timeout", 0)
    assert (error.transient, error.ambiguous, error.gone) == (True, True, False)
    assert str(error) == "DELETE /bots/17: no whole answer within 150 ms"
    assert server.connections == 2


def test_a_server_that_takes_the_request_slowly() -> None:
    """The deadline holds while sending too: a body that nobody reads ends in an API timeout."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # the kernel accepts, nobody reads
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with speaking_to(url, timeout_ms=200) as client, pytest.raises(ApiError) as raised:
            client.request("POST", "/bots", {"description": "x" * 30_000_000})
    assert raised.value.reason == "API timeout"
    assert raised.value.ambiguous


def test_a_reader_that_sips() -> None:
    """A server that takes a long body in sips does not stretch the attempt: it is not all sent."""
    done = threading.Event()
    taken = []

    def sip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            while data := connection.recv(65_536):
                taken.append(len(data))
                done.wait(0.01)  # 5 s or more for all of it

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        thread = threading.Thread(target=sip, args=(listener,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with speaking_to(url, timeout_ms=500) as client, pytest.raises(ApiError) as raised:
            client.request("POST", "/bots", {"description": "x" * 30_000_000})
        done.set()
        thread.join(20)
    assert raised.value.reason == "API timeout"
    assert 0 < sum(taken) < 30_000_000


def test_a_connection_that_is_never_made() -> None:
    """No room in the queue of a listener: an API timeout, not ambiguous."""
    listener = socket.socket()
    crowd = []
    with listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(3):  # fill the queue; what does not fit waits in the kernel
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
            crowd.append(waiting)
        with (
            speaking_to(f"http://127.0.0.1:{port}", timeout_ms=200) as client,
            pytest.raises(ApiError) as raised,
        ):
            client.request("DELETE", "/bots/17")
        for waiting in crowd:
            waiting.close()
    assert raised.value.reason == "API timeout"
    assert not raised.value.ambiguous
    assert str(raised.value) == "DELETE /bots/17: no connection within 200 ms"


HEAD_200 = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("head", "chunk"),
    [
        (HEAD_200 + b"Content-Length: 100000000\r\n\r\n", b"x" * 100_000),
        (HEAD_200 + b"Content-Length: 100000000\r\n\r\n", b"x" * 1000),
        (HEAD_200 + b"Transfer-Encoding: chunked\r\n\r\n", b"2710\r\n" + b"x" * 10_000 + b"\r\n"),
        (HEAD_200 + b"Connection: close\r\n\r\n", b"x" * 100_000),
        (HEAD_200, b"X-Header: " + b"x" * 10_000 + b"\r\n"),
        (HEAD_200 + b"X-Header: ", b"x" * 100_000),
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 1000),
    ],
    ids=["length", "small pieces", "chunks", "until closed", "headers", "one header", "102"],
)
def test_too_large_an_answer_is_given_up(head: bytes, chunk: bytes) -> None:
    """100 MB in body, head or before it: given up after the bytes that are wanted, and closed."""
    taken: list[int] = []
    play = flood(head, chunk, 100_000_000 // len(chunk), taken)
    error, server = failing(play, most_bytes=200_000)
    assert error.reason == "response too large"
    assert (error.transient, error.ambiguous) == (True, True)
    assert server.connections == 2
    server.close()
    for _ in range(500):
        if taken:
            break
        time.sleep(0.01)
    assert taken[0] < 50_000_000  # what sockets hold, no more


def test_how_large_is_too_large() -> None:
    """Head and body together may have as many bytes as are wanted, and not one more."""
    whole = answer(200, b"x" * 1000)
    for most, fits in ((len(whole), True), (len(whole) - 1, False)):
        with serving(whole) as server, speaking_to(server.url, most_bytes=most) as client:
            if fits:
                assert client.request("GET", "/bots").body == b"x" * 1000
                continue
            with pytest.raises(ApiError) as raised:
                client.request("GET", "/bots")
            assert raised.value.reason == "response too large"


@pytest.mark.parametrize(
    "play",
    [
        send(b"\x00\x01garbage\r\n\r\n", keep=False),
        send(b"<html>HTTP/0.9 has no head</html>", keep=False),
        send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", keep=False),
        send(b"HTTP/1.1 two hundred\r\n\r\n", keep=False),
        send(b"HTTP/2 200\r\n\r\n", keep=False),
        send(HEAD_200 + b"no colon\r\n\r\n", keep=False),
        send(HEAD_200 + b"Content-Length: -1\r\n\r\n", keep=False),
        send(HEAD_200 + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", keep=False),
        send(HEAD_200 + b"Transfer-Encoding: chunked\r\n\r\nnot hex\r\n", keep=False),
    ],
    ids=[
        *("bytes", "HTTP/0.9", "other protocol", "status", "HTTP/2", "header"),
        *("negative length", "two lengths", "chunk"),
    ],
)
def test_an_answer_that_is_not_http(play: Play) -> None:
    """What cannot be read is a malformed response, ambiguous, and the connection is left."""
    error, server = failing(play)
    assert (error.reason, error.status) == ("malformed response", 0)
    assert (error.transient, error.ambiguous) == (True, True)
    assert server.connections == 2


NAMED = {"error": "no bots 17", "reason": "not found", "table": "bots", "id": 17}


@pytest.mark.parametrize(
    ("status", "body", "reason", "traits"),
    [
        (400, {"error": "no JSON"}, "bad request", ""),
        (401, {"error": "no such token"}, "permission denied", ""),
        (403, {"error": "no", "scope": "bots:delete"}, "permission denied", ""),
        (404, NAMED, "not found", "gone"),
        (404, NAMED | {"id": "17"}, "not found", "gone"),
        (404, NAMED | {"id": 18}, "not found", ""),
        (404, NAMED | {"table": "users"}, "not found", ""),
        (404, NAMED | {"reason": "no such path"}, "not found", ""),
        (404, {"error": "no such page", "reason": "not found"}, "not found", ""),
        (404, b"Not Found", "not found", ""),
        (405, b"", "bad request", ""),
        (409, {"error": "held", "reason": "foreign-key violation"}, "foreign-key violation", ""),
        (409, {"error": "there", "reason": "unique violation"}, "constraint violation", ""),
        (409, b"Conflict", "constraint violation", ""),
        (422, {"error": "no name"}, "bad request", ""),
        (429, b"", "bad request", "transient"),
        (500, {"error": "oh"}, "server error", "transient ambiguous"),
        (501, b"", "server error", "ambiguous"),
        (502, b"<html>Bad Gateway</html>", "gateway error", "transient ambiguous"),
        (503, {"error": "locked", "reason": "timeout"}, "timeout", "transient"),
        (503, b"Service Unavailable", "gateway error", "transient ambiguous"),
        (503, b'["timeout"]', "gateway error", "transient ambiguous"),
        (503, b"[" * 100_000, "gateway error", "transient ambiguous"),
        (504, b"\xff\xfe", "gateway error", "transient ambiguous"),
        (302, b"", "redirect", ""),
        (304, None, "redirect", ""),
    ],
)
def test_what_a_status_means(
    status: int, body: dict[str, object] | bytes | None, reason: str, traits: str
) -> None:
    """Reason, transient, ambiguous and gone follow from the status and the backend's own JSON."""
    data = b"HTTP/1.1 304 Not Modified\r\n\r\n" if body is None else answer(status, body)
    error, server = failing(data)
    assert describe(error) == (reason, status)
    found = [t for t in ("transient", "ambiguous", "gone") if getattr(error, t)]
    assert " ".join(found) == traits
    said = body.get("error") if isinstance(body, dict) else None
    assert str(error) == f"DELETE /bots/17: the answer is {status}" + (f": {said}" if said else "")
    assert server.connections == 1  # a whole answer, whatever it says, leaves the connection fine


def test_no_redirect_is_followed() -> None:
    """A DELETE that is sent elsewhere goes nowhere: the other place gets no request."""
    with serving(NO_CONTENT) as other:
        head = f"Location: {other.url}/bots/17\r\n".encode()
        error, _ = failing(answer(307, b"", head=head))
        assert error.reason == "redirect"
        assert other.requests == []


def test_switching_protocols_is_no_answer() -> None:
    """101 was not asked for: a failure, and the connection is left."""
    error, server = failing(
        b"HTTP/1.1 101 Switching\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\n"
    )
    assert error.reason == "malformed response"
    assert error.ambiguous
    assert server.connections == 2


def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says of proxies, the request goes where the URL says."""
    with serving(NO_CONTENT) as proxy, serving(NO_CONTENT) as server:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        with speaking_to(server.url) as client:
            client.request("DELETE", "/bots/17")
        assert len(server.requests) == 1
        assert proxy.requests == []


def test_a_server_that_closes_while_idle() -> None:
    """A close that has arrived is seen before sending: a fresh connection, one request each."""
    with (
        serving(send(NO_CONTENT, keep=False), NO_CONTENT) as server,
        speaking_to(server.url) as client,
    ):
        client.request("DELETE", "/bots/1")
        for _ in range(500):  # until the close has arrived
            if not [c for c in client._pool.connections if not c.has_expired()]:
                break
            time.sleep(0.01)
        client.request("DELETE", "/bots/2")
        assert server.lines == ["DELETE /bots/1", "DELETE /bots/2"]
        assert server.connections == 2


@pytest.mark.parametrize("end", [send(b"", keep=False), reset()], ids=["close", "rst"])
def test_nothing_is_ever_sent_twice_silently(end: Play) -> None:
    """A kept connection that dies on the second request: an ambiguous error, and no third."""
    with serving(NO_CONTENT, end, NO_CONTENT) as server, speaking_to(server.url) as client:
        client.request("DELETE", "/bots/1")
        with pytest.raises(ApiError) as raised:
            client.request("DELETE", "/bots/2")
        assert raised.value.ambiguous
        assert server.lines == ["DELETE /bots/1", "DELETE /bots/2"]
        assert server.connections == 1
        client.request("DELETE", "/bots/3")
        assert server.lines[2:] == ["DELETE /bots/3"]


@pytest.mark.parametrize(
    "data",
    [
        NO_CONTENT + answer(200, {"id": "stale"}),
        NO_CONTENT + NO_CONTENT,
        answer(200, b"twice") * 2,
        answer(200, b"long") + b"er",
        NO_CONTENT + HEAD_200 + b"X-Swallow: ",
        HEAD_200 + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n" + NO_CONTENT,
    ],
    ids=["another", "the same", "twice", "longer", "half a head", "after chunks"],
)
def test_no_stale_byte_passes_for_an_answer(data: bytes) -> None:
    """An answer with something behind it counts, but its connection is never used again."""
    with serving(data, answer(200, {"id": 18})) as server, speaking_to(server.url) as client:
        client.request("GET", "/bots/17")
        assert client.request("GET", "/bots/18").json() == {"id": 18}
        assert server.connections == 2


def test_a_late_answer_is_not_the_next_ones() -> None:
    """After a timeout the old answer may still come; the next request gets its own."""
    late = threading.Event()

    def dawdle(connection: socket.socket) -> bool:
        late.wait(10)
        connection.sendall(answer(200, {"id": "late"}))
        return True

    with (
        serving(dawdle, answer(200, {"id": 18})) as server,
        speaking_to(server.url, timeout_ms=100) as client,
    ):
        with pytest.raises(ApiError):
            client.request("GET", "/bots/17")
        late.set()
        client.service = client.service._replace(timeout_ms=PLENTY_MS)
        assert client.request("GET", "/bots/18").json() == {"id": 18}


def test_an_interruption_leaves_no_answer_behind() -> None:
    """Ctrl-C in the middle of an answer passes through, and the connection is gone with it."""

    def interrupt(connection: socket.socket) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal")
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        connection.sendall(b"f.")
        return True

    with (
        serving(interrupt, answer(200, {"id": 18})) as server,
        speaking_to(server.url) as client,
    ):
        with pytest.raises(KeyboardInterrupt):
            client.request("DELETE", "/bots/17")
        assert client.request("GET", "/bots/18").json() == {"id": 18}


def test_closed_and_used_again() -> None:
    """close() hangs up, may be called twice, and the next request opens a new connection."""
    with serving(NO_CONTENT) as server, speaking_to(server.url) as client:
        client.request("DELETE", "/bots/1")
        client.close()
        client.close()
        client.request("DELETE", "/bots/2")
        assert server.connections == 2


def test_the_token_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Not in reprs, not in error texts though the server repeats it, not in the library's log."""
    caplog.set_level(logging.DEBUG)
    service = Service("http://user:word@127.0.0.1:1", TOKEN)
    assert TOKEN not in f"{service} {service!r} {[service]}"
    assert "word" not in repr(service)
    told = {"error": f"token {TOKEN}\r\n\x1b[31mhas no right" + "x" * 1000}
    error, _ = failing(answer(403, told))
    assert str(error).startswith("DELETE /bots/17: the answer is 403: token ... [31mhas no right")
    assert len(str(error)) < 400
    assert TOKEN not in caplog.text
    assert pickle.loads(pickle.dumps(service)) == service  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    "url",
    [
        *("", "127.0.0.1:80", "ftp://127.0.0.1", "http://", "http://:80", "http://[::1"),
        *("http://h:0", "http://h:99999", "http://h:x", "http://h/?a=b", "http://h/#a"),
        *("http://h /", "http://ö/", "http://me:hidden@h/"),
    ],
)
def test_a_url_that_cannot_serve(url: str) -> None:
    """A bad URL is refused at once, and a password in it is not repeated."""
    with pytest.raises(UsageError) as raised:
        ApiClient(Service(url, TOKEN))
    assert "http://HOST:PORT" in str(raised.value)
    assert TOKEN not in str(raised.value)
    assert "hidden" not in str(raised.value)


def test_other_settings_that_cannot_serve() -> None:
    """Tokens that no header may hold, and times that are none; the token is not repeated."""
    for token in ("", "two words", "line\r\nX-More: 1", "schlüssel"):
        with pytest.raises(UsageError) as raised:
            ApiClient(Service("http://127.0.0.1:1", token))
        assert not token or token not in str(raised.value)
    for timeout_ms in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="timeout_ms"):
            ApiClient(Service("http://127.0.0.1:1", TOKEN, timeout_ms))
    with speaking_to("http://127.0.0.1:1") as client:
        for method, path in (("GET", "bots"), ("GET", "/b ots"), ("get", "/b"), ("GET", "/ö")):
            with pytest.raises(UsageError):
                client.request(method, path)


def test_an_answer_that_is_no_json() -> None:
    """Reading what is no JSON says so: the request was answered, by whom is unknown."""
    assert Answer(200, b'{"id": 1}').json() == {"id": 1}
    for body in (b"", b"<html>", b"\xff", b"[" * 100_000):
        with pytest.raises(ApiError) as raised:
            Answer(200, body).json()
        assert describe(raised.value) == ("malformed response", 200)
        assert raised.value.ambiguous


def test_every_address_of_a_name() -> None:
    """Where a name has two addresses and one refuses, the other is asked, within one deadline."""
    with (
        serving(NO_CONTENT) as server,  # listens on 127.0.0.1 alone; localhost may be ::1 first
        speaking_to(f"http://localhost:{server.port}") as client,
    ):
        assert client.request("DELETE", "/bots/1").status == 204


def test_tls_is_bounded_too() -> None:
    """A server that accepts and never speaks TLS: an API timeout, and nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}"
        with speaking_to(url, timeout_ms=200) as client, pytest.raises(ApiError) as raised:
            client.request("DELETE", "/bots/1")
    assert raised.value.reason == "API timeout"
    assert not raised.value.ambiguous
