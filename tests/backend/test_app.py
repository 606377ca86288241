"""Every status of the API, over real sockets, from a backend in its own process."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from harness.backend.app import MOST_BODY_BYTES, MOST_PAGE_ROWS
from harness.backend.process import Backend
from harness.backend.schema import ALL_SCOPES
from tests.backend.talking import Talk

TokenOf = Callable[[int], str]


@pytest.fixture
def backend(served: Backend) -> Backend:
    """Use the backend that all these tests share."""
    return served


@pytest.fixture
def database(served: Backend) -> Path:
    """Its database."""
    return served.database


def person(name: str) -> dict[str, str]:
    """A new user's body."""
    return {"email": f"{name}@e2e.test", "name": name}


def test_create_list_read_delete(talk: Talk) -> None:
    """A user, a bot and an integration are made, seen, and deleted from the leaf up."""
    before = int(time.time())
    made = talk("POST", "/users", person("trip"))
    assert made.status == 201
    user = made.body
    assert made.headers["location"] == f"/users/{user['id']}"
    assert (user["email"], user["role"], user["locale"]) == ("trip@e2e.test", "member", "en_US")
    assert before - 1 <= user["created_at"] == user["updated_at"] <= time.time() + 1
    bot = talk("POST", "/bots", {"user_id": user["id"], "name": "b", "is_default": True}).body
    assert (bot["is_default"], bot["status"]) == (1, "draft")
    channel = {"bot_id": bot["id"], "channel": "email", "config": '{"a": "é"}'}
    integration = talk("POST", "/integrations", channel).body
    assert integration["config"] == '{"a": "é"}'
    for table, row in (("integrations", integration), ("bots", bot), ("users", user)):
        assert talk("GET", f"/{table}/{row['id']}").body == row
        page = talk("GET", f"/{table}?after={row['id'] - 1}&limit=5")
        assert page.body == {"items": [row], "next": None}
        gone = talk("DELETE", f"/{table}/{row['id']}")
        assert (gone.status, gone.body) == (204, b"")
        said = talk("GET", f"/{table}/{row['id']}")
        assert (said.status, said.body["reason"]) == (404, "not found")
        assert (said.body["table"], said.body["id"]) == (table, row["id"])
        assert talk("DELETE", f"/{table}/{row['id']}").body == said.body


def test_a_listing_is_paged_and_bounded(talk: Talk, sql: apsw.Connection) -> None:
    """Page by page every row comes once, and no page is larger than allowed."""
    wanted = [row[0] for row in sql.execute("SELECT id FROM users ORDER BY id")]
    found: list[int] = []
    after = 0
    while after is not None:
        page = talk("GET", f"/users?after={after}&limit=2").body
        assert len(page["items"]) <= 2
        found += [row["id"] for row in page["items"]]
        after = page["next"]
    assert found == wanted
    assert len(talk("GET", "/users?limit=999999").body["items"]) <= MOST_PAGE_ROWS
    for query in ("limit=0", "limit=-1", "after=x", "afer=3", "after=²", f"after={'9' * 30}"):
        said = talk("GET", f"/bots?{query.replace('²', '%C2%B2')}")
        assert (said.status, said.body["reason"]) == (400, "invalid query")


def test_a_page_of_long_rows_is_cut(talk: Talk) -> None:
    """Rows near the largest a body may hold come one a page, none is lost."""
    user = talk("POST", "/users", person("long")).body["id"]
    long = {"user_id": user, "description": "x" * 900_000}
    made = [talk("POST", "/bots", {**long, "name": n}).body["id"] for n in "ab"]
    first = talk("GET", f"/bots?after={made[0] - 1}").body
    assert ([row["id"] for row in first["items"]], first["next"]) == ([made[0]], made[0])
    second = talk("GET", f"/bots?after={made[0]}").body
    assert ([row["id"] for row in second["items"]], second["next"]) == ([made[1]], None)
    for key in made:
        assert talk("DELETE", f"/bots/{key}").status == 204
    assert talk("DELETE", f"/users/{user}").status == 204


def test_constraints_are_named(talk: Talk, sql: apsw.Connection) -> None:
    """409 says which: what refers to a row, a parent that is missing, what is there already."""
    (bot,) = sql.execute(
        "SELECT id FROM bots WHERE EXISTS (SELECT 1 FROM integrations WHERE bot_id = bots.id)"
        " LIMIT 1"
    ).fetchall()[0]
    said = talk("DELETE", f"/bots/{bot}")
    assert said.status == 409
    assert said.body["reason"] == "foreign-key violation"
    assert said.body["constraint"] == "integrations.bot_id"
    said = talk("DELETE", "/users/1")
    assert (said.status, said.body["constraint"]) == (409, "bots.user_id")
    said = talk("POST", "/bots", {"user_id": 10**9, "name": "x"})
    assert (said.status, said.body["reason"]) == (409, "foreign-key violation")
    assert said.body["constraint"] == "bots.user_id"
    (email,) = sql.execute("SELECT email FROM users WHERE id = 1").fetchall()[0]
    said = talk("POST", "/users", {"email": email, "name": "x"})
    assert (said.status, said.body["reason"]) == (409, "unique violation")
    assert said.body["constraint"] == "users.email"


@pytest.mark.parametrize(
    ("raw", "status", "says"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"\xff\xfe{}", 400, "not JSON"),
        (b"[" * 100_000, 400, "not JSON"),
        (b'{"name": ' + b"9" * 5000 + b"}", 400, "not JSON"),
        (b"[1]", 422, "JSON object"),
        (b'{"name": "n"}', 422, "email is missing"),
        (b'{"name": "n", "email": "e", "id": 3}', 422, "'id'"),
        (b'{"name": "\\ud800", "email": "e"}', 422, "name must be a string"),
        (b'{"name": "n", "email": NaN}', 422, "email must be a string"),
    ],
    ids=range(10),
)
def test_a_bad_body_is_refused(talk: Talk, raw: bytes, status: int, says: str) -> None:
    """No body takes the backend down or is stored by half; the connection goes on."""
    said = talk("POST", "/users", raw=raw)
    assert said.status == status
    assert says in said.body["error"]
    assert talk("GET", "/users/1").status == 200


def test_a_body_may_not_be_too_large(talk: Talk) -> None:
    """One byte too many is 413 to a client that sends all first; the largest allowed passes."""
    name = "n" * (MOST_BODY_BYTES - len(json.dumps(person(""))) - 3)
    body = json.dumps({"email": "big@e2e.test", "name": name}).encode()
    body += b" " * (MOST_BODY_BYTES - len(body))
    for too_much in (body + b" ", body * 8):
        said = talk("POST", "/users", raw=too_much)
        assert (said.status, said.body["reason"]) == (413, "body too large")
    made = talk("POST", "/users", raw=body)
    assert made.status == 201
    assert talk("DELETE", f"/users/{made.body['id']}").status == 204


def test_unknown_paths_and_methods(talk: Talk) -> None:
    """A path that is none has nothing of an entity's 404; a wrong method names the right ones."""
    odd = ("/", "/bot", "/bots/", "/bots/x", "/bots/-1", "/bots/1/x", f"/bots/{2**63}")
    for path in (*odd, "/docs/..%2f__init__.py", "/docs/nothing.js", f"/bots/{'9' * 5000}"):
        said = talk("GET", path)
        assert (said.status, said.body["reason"]) == (404, "unknown path"), path
        assert not {"table", "id"} & set(said.body)
    for method, path in (("PUT", "/bots/1"), ("DELETE", "/bots"), ("POST", "/health")):
        said = talk(method, path)
        assert said.status == 405
        assert "GET" in said.headers["allow"]


def test_only_a_valid_token_with_the_scope(talk: Talk, token_of: TokenOf) -> None:
    """401 without a known token, 403 naming the scope it lacks; nothing repeats the token."""
    for given in ("", "Bearer", "Bearer nobodys", f"Basic {talk.token}", talk.token):
        said = talk("DELETE", "/bots/1", authorization=given)
        assert (said.status, said.body["reason"]) == (401, "permission denied")
        assert said.headers["www-authenticate"] == "Bearer"
        assert "nobodys" not in str(said.body)
        assert talk.token not in str(said.body)
    for method, path, right in (
        ("DELETE", "/bots/1", "bots:delete"),
        ("POST", "/users", "users:write"),
    ):
        said = talk(method, path, authorization=f"bearer {token_of(2)}")
        assert (said.status, said.body["scope"]) == (403, right)
    assert talk("GET", "/bots/1", authorization=f"bearer {token_of(2)}").status == 200


def test_a_revoked_scope_works_at_once(talk: Talk, sql: apsw.Connection) -> None:
    """A scope, then the token itself, taken away in the database while the backend runs."""
    assert talk("DELETE", "/bots/999999").status == 404
    less = ALL_SCOPES.replace("bots:delete", "bots:deleted")
    sql.execute("UPDATE api_tokens SET scopes = ? WHERE user_id = 1", (less,))
    said = talk("DELETE", "/bots/999999")
    assert (said.status, said.body["scope"]) == (403, "bots:delete")
    sql.execute("UPDATE api_tokens SET revoked_at = 1 WHERE user_id = 1")
    assert talk("GET", "/bots/1").status == 401
    sql.execute(
        "UPDATE api_tokens SET revoked_at = NULL, scopes = ? WHERE user_id = 1", (ALL_SCOPES,)
    )
    assert talk("DELETE", "/bots/999999").status == 404


def test_a_lock_is_waited_for(talk: Talk, backend: Backend, sql: apsw.Connection) -> None:
    """A write waits for the lock while health and reads answer on, and passes when it is free."""
    other = Talk(backend.port, talk.token)
    said: list[int] = []
    sql.execute("BEGIN IMMEDIATE")
    thread = threading.Thread(
        target=lambda: said.append(talk("POST", "/users", person("late")).status)
    )
    thread.start()
    for _ in range(10):
        health = other("GET", "/health", authorization="")
        assert (health.status, health.body) == (200, {"ok": True, "journal_mode": "wal"})
        assert other("GET", "/bots/1").status == 200
        time.sleep(0.01)
    assert thread.is_alive()
    sql.execute("ROLLBACK")
    thread.join(30)
    assert said == [201]
    other.close()


def test_a_lock_held_too_long_is_503(talk: Talk, backend: Backend, sql: apsw.Connection) -> None:
    """After the busy timeout the backend says so itself, and has written nothing."""
    sql.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    said = talk("POST", "/users", person("never"))
    assert time.monotonic() - started >= backend.busy_timeout_ms / 1000
    assert (said.status, said.body["reason"]) == (503, "timeout")
    sql.execute("ROLLBACK")
    assert sql.execute("SELECT 1 FROM users WHERE email = 'never@e2e.test'").fetchall() == []


def test_what_the_database_refuses_is_500(talk: Talk, sql: apsw.Connection) -> None:
    """An error nobody foresaw is an answer, and the backend goes on."""
    sql.execute("ALTER TABLE integrations RENAME TO elsewhere")
    said = talk("GET", "/integrations/1")
    assert (said.status, said.body["reason"]) == (500, "server error")
    assert "no such table" in said.body["error"]
    sql.execute("ALTER TABLE elsewhere RENAME TO integrations")
    assert talk("GET", "/integrations/1").status == 200


def test_small_answers_are_not_held_back(talk: Talk) -> None:
    """Nagle's delay is off: else each answer of two packets waits 40 ms for an acknowledgement."""
    talk("GET", "/bots/1")
    times = []
    for _ in range(30):
        started = time.perf_counter()
        talk("GET", "/bots/1")
        times.append(time.perf_counter() - started)
    assert min(times) < 0.03


def test_a_client_who_leaves_amid_its_body(talk: Talk, backend: Backend) -> None:
    """Half a request changes nothing, and does not keep the backend from releasing."""
    half = socket.create_connection(("127.0.0.1", backend.port), timeout=30)
    half.sendall(
        b"POST /users HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n"
        b"Authorization: Bearer " + talk.token.encode() + b'\r\n\r\n{"name"'
    )
    half.close()
    backend.release()
    assert talk("GET", "/users/1").status == 200
