"""A plain HTTP client over a real socket: what a test says, and nothing else."""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple


class Said(NamedTuple):
    """An answer."""

    status: int
    body: Any  # parsed JSON; bytes of any other type
    headers: dict[str, str]


class Talk:
    """One connection, kept open."""

    def __init__(self, port: int, token: str = "") -> None:
        self.token = token
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        authorization: str | None = None,
    ) -> Said:
        """Send a request (``body`` as JSON, or ``raw``) and return the answer."""
        given = f"Bearer {self.token}" if authorization is None else authorization
        headers = {"Authorization": given} if given else {}
        content = raw if raw is not None else None if body is None else json.dumps(body).encode()
        self._connection.request(method, path, content, headers)
        response = self._connection.getresponse()
        data = response.read()
        found = {name.lower(): value for name, value in response.getheaders()}
        if found.get("content-type") == "application/json":
            return Said(response.status, json.loads(data), found)
        return Said(response.status, data, found)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
