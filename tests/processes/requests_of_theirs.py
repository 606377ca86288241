"""A project's own create and cleanup over HTTP, as functions and as a command ("create", "clean").

A create makes three things; a cleanup deletes them one by one, goes on after an error, and fails.
"""

from __future__ import annotations

import http.client
import os
import sys
from typing import Any
from urllib.parse import urlsplit

WAITS_S = float(os.environ.get("WAITS_S", "20"))


def ask(url: str, method: str, path: str) -> None:
    """Make one request on a connection of its own."""
    at = urlsplit(url)
    asking = http.client.HTTPConnection(str(at.hostname), at.port, timeout=WAITS_S)
    try:
        asking.request(method, path)
        answer = asking.getresponse()
        answer.read()
        if answer.status >= 300:
            raise OSError(f"status {answer.status}")
    finally:
        asking.close()


def create_at(url: str) -> None:
    """Make three."""
    for _ in range(3):
        ask(url, "POST", "/things")


def clean_at(url: str) -> None:
    """Delete them."""
    failed = []
    for number in (4, 5, 6):
        try:
            ask(url, "DELETE", f"/things/{number}")
        except (OSError, http.client.HTTPException) as error:
            failed.append(error)
    if failed:
        raise RuntimeError(f"{len(failed)} of 3 failed: {failed[0]!r}")


def create(context: Any) -> None:
    """As a function."""
    create_at(context.backend_url)


def clean(context: Any) -> None:
    """As a function."""
    clean_at(context.backend_url)


if __name__ == "__main__":
    {"create": create_at, "clean": clean_at}[sys.argv[1]](os.environ["BACKEND_URL"])
