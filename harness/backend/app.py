"""The API itself: users, bots and integrations over HTTP, every request one transaction.

Nothing is remembered between requests: a token, its scopes and every row are read from the
database each time. Starlette routes; its middleware is left out, errors are answered here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import apsw
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from harness.backend import openapi
from harness.backend.answers import Refused, answer
from harness.backend.constraints import broken
from harness.backend.resources import RESOURCES, Invalid, Resource
from harness.backend.store import Store

MOST_BODY_BYTES = 1_000_000
BODY_LIMIT_S = 10.0  # for a body to arrive
PAGE_ROWS, MOST_PAGE_ROWS = 100, 200
MOST_PAGE_BYTES = 500_000  # of the rows of one page, unless the first alone is more
_LARGEST_ID = 2**63 - 1

Handler = Callable[[Request], Awaitable[Response]]
_log = logging.getLogger("harness.backend")


class Application:
    """The ASGI application; knows how many requests are under way."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.under_way = 0
        routes = [
            _route("/health", GET=self._health),
            _route("/openapi.json", GET=openapi.document),
            _route("/docs", GET=openapi.page),
            _route("/docs/{name}", GET=openapi.asset),
        ]
        for resource in RESOURCES:
            here = _Rows(store, resource)
            routes.append(_route(f"/{resource.table}", GET=here.list, POST=here.create))
            routes.append(_route(f"/{resource.table}/{{id}}", GET=here.read, DELETE=here.delete))
        self._router = Router(routes, redirect_slashes=False, default=_Endpoint({}))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        self.under_way += 1
        try:
            await self._router(scope, receive, send)
        finally:
            self.under_way -= 1

    async def _health(self, request: Request) -> Response:
        """Say that it is up, whatever others wait for; needs no token."""

        def look(connection: apsw.Connection) -> Any:
            return connection.pragma("journal_mode")

        mode = None  # somebody has locked the database even for readers
        with suppress(apsw.BusyError, apsw.LockedError):
            mode = self.store.attempt(look)
        return answer({"ok": True, "journal_mode": mode})


class _Endpoint:
    """One path: the handler of each method, and every error as JSON."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            handler = self._handlers.get(scope["method"]) or self._refuse(scope["method"])
            response = await handler(Request(scope, receive))
        except Refused as refused:
            response = refused.response()
        except (ClientDisconnect, asyncio.CancelledError):
            return  # left before the body was whole, or we are ending: nobody to answer
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            kind = f"{type(error).__name__}: {error}"
            _log.error("%s %s: %s", scope["method"], scope["path"], kind)
            response = Refused(500, "server error", f"the backend failed: {kind}").response()
        await response(scope, receive, send)

    def _refuse(self, method: str) -> Handler:
        if not self._handlers:
            raise Refused(404, "unknown path", "there is no such path; /docs lists all")
        allowed = ", ".join(self._handlers)
        raise Refused(
            405,
            "method not allowed",
            f"{method} is not possible here, only {allowed}",
            headers={"allow": allowed},
        )


def _route(path: str, **handlers: Handler) -> Route:
    return Route(path, _Endpoint(handlers))


class _Rows:
    """What can be done with the rows of one table."""

    def __init__(self, store: Store, resource: Resource) -> None:
        self._store = store
        self._resource = resource
        table = self._table = resource.table
        names = ", ".join(resource.order)
        given = [column.name for column in resource.columns] + list(resource.clock)
        marks = ", ".join("?" * len(given))
        self._list = f"SELECT {names} FROM {table} WHERE id > ? ORDER BY id LIMIT ?"
        self._read = f"SELECT {names} FROM {table} WHERE id = ?"
        self._delete = f"DELETE FROM {table} WHERE id = ?"
        self._insert = (
            f"INSERT INTO {table} ({', '.join(given)}) VALUES ({marks}) RETURNING {names}"
        )

    async def list(self, request: Request) -> Response:
        """Answer with a page of rows, in order of id."""
        after, limit = _page(request)

        def work(connection: apsw.Connection) -> tuple[list[dict[str, Any]], int | None]:
            _authorize(connection, request, f"{self._table}:read")
            rows: list[dict[str, Any]] = []
            size = 0
            cursor = connection.cursor()
            for values in cursor.execute(self._list, (after, limit + 1)):
                row = self._shown(values)
                size += sum(4 * len(v) for v in values if isinstance(v, str))
                if len(rows) == limit or (rows and size > MOST_PAGE_BYTES):
                    cursor.close()
                    return rows, rows[-1]["id"]
                rows.append(row)
            return rows, None

        items, following = await self._store.run(work)
        return answer({"items": items, "next": following})

    async def create(self, request: Request) -> Response:
        """Add a row; answer with it as it was stored."""
        body = await _body(request)

        def work(connection: apsw.Connection) -> dict[str, Any]:
            _authorize(connection, request, f"{self._table}:write")
            values = self._values(body)
            now = int(time.time())
            bindings = (*values.values(), *(now for _ in self._resource.clock))
            try:
                (row,) = connection.execute(self._insert, bindings).fetchall()
            except apsw.ConstraintError as error:
                raise broken(error, connection, self._table, added=values) from error
            return self._shown(row)

        row = await self._store.run(work, writes=True)
        return answer(row, 201, {"location": f"/{self._table}/{row['id']}"})

    async def read(self, request: Request) -> Response:
        """Answer with one row."""
        key = _key(request)

        def work(connection: apsw.Connection) -> dict[str, Any]:
            _authorize(connection, request, f"{self._table}:read")
            for row in connection.execute(self._read, (key,)).fetchall():
                return self._shown(row)
            raise self._missing(key)

        return answer(await self._store.run(work))

    async def delete(self, request: Request) -> Response:
        """Delete one row."""
        key = _key(request)

        def work(connection: apsw.Connection) -> None:
            _authorize(connection, request, f"{self._table}:delete")
            try:
                connection.execute(self._delete, (key,))
            except apsw.ConstraintError as error:
                raise broken(error, connection, self._table, removed=key) from error
            if not connection.changes():
                raise self._missing(key)

        await self._store.run(work, writes=True)
        return Response(status_code=204)

    def _shown(self, row: Any) -> dict[str, Any]:
        return dict(zip(self._resource.order, row, strict=True))

    def _missing(self, key: int) -> Refused:
        return Refused(
            404, "not found", f"there is no {self._table} {key}", table=self._table, id=key
        )

    def _values(self, body: bytes) -> dict[str, Any]:
        try:
            parsed = json.loads(body)
        except (ValueError, RecursionError) as error:  # also bytes that are no UTF-8
            raise Refused(400, "malformed body", f"the body is not JSON: {error}") from error
        try:
            return self._resource.values(parsed)
        except Invalid as error:
            raise Refused(422, "invalid body", str(error), column=error.column) from error


_SCOPES = "SELECT scopes FROM api_tokens WHERE token = ? AND revoked_at IS NULL"


def _authorize(connection: apsw.Connection, request: Request, scope: str) -> None:
    """Refuse a request whose token is none, or may not do this; nothing tells why it is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        for (scopes,) in connection.execute(_SCOPES, (token.strip(),)).fetchall():
            if scope in str(scopes).split():
                return
            raise Refused(403, "permission denied", f"the token lacks {scope}", scope=scope)
    raise Refused(
        401,
        "permission denied",
        "a valid token is needed: Authorization: Bearer TOKEN",
        headers={"www-authenticate": "Bearer"},
    )


def _key(request: Request) -> int:
    """Return the id in the path; what is no number names no entity at all."""
    text = request.path_params["id"]
    if text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= _LARGEST_ID:
        return int(text)
    raise Refused(404, "unknown path", "there is no such path: an id is a whole number")


def _page(request: Request) -> tuple[int, int]:
    """Return (after, limit) of a listing."""
    numbers = {"after": 0, "limit": PAGE_ROWS}
    for name, text in request.query_params.items():
        digits = text.isascii() and text.isdigit() and len(text) <= 18
        if name not in numbers or not digits or (name == "limit" and not int(text)):
            raise Refused(
                400,
                "invalid query",
                "a listing takes after=ID and limit=N, whole numbers; limit at least 1",
            )
        numbers[name] = int(text)
    return numbers["after"], min(numbers["limit"], MOST_PAGE_ROWS)


async def _body(request: Request) -> bytes:
    """Read the body; the rest of one that is too large is thrown away by uvicorn as it comes."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_LIMIT_S):
            async for part in request.stream():
                body += part
                if len(body) > MOST_BODY_BYTES:
                    raise Refused(
                        413, "body too large", f"a body has at most {MOST_BODY_BYTES} bytes"
                    )
    except TimeoutError as error:
        raise Refused(
            408,
            "timeout of the body",
            f"{len(body)} bytes of the body came in {BODY_LIMIT_S:.0f} s, and not its end",
            headers={"connection": "close"},
        ) from error
    return bytes(body)
