"""What the API tells of itself is what it does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.backend.app import Application
from harness.backend.openapi import describe
from harness.backend.process import Backend
from harness.backend.store import Store
from tests.backend.talking import Talk


@pytest.fixture
def plain(served: Backend) -> Talk:
    """Speak without a token."""
    return Talk(served.port)


def test_every_route_is_listed() -> None:
    """The document has every path of the application and each of its methods."""
    application = Application(Store(Path("nowhere"), 0))
    paths = describe()["paths"]
    routed = {
        route.path: {method.lower() for method in route.endpoint._handlers}
        for route in application._router.routes
    }
    own = {"/openapi.json", "/docs", "/docs/{name}"}
    assert {p: m for p, m in routed.items() if p not in own} == {
        path: set(item) - {"parameters"} for path, item in paths.items()
    }


def test_every_reference_leads_somewhere(plain: Talk) -> None:
    """The document that is served is 3.0, and each $ref in it is of a schema that it holds."""
    said = plain("GET", "/openapi.json")
    assert said.status == 200
    assert said.body == describe()
    assert said.body["openapi"].startswith("3.0.")
    named = set(re.findall(r"#/components/schemas/(\w+)", str(said.body)))
    assert named == set(said.body["components"]["schemas"])


def test_the_page_needs_nothing_from_elsewhere(plain: Talk) -> None:
    """Every file that the page names is served here, and it names no other host."""
    page = plain("GET", "/docs")
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    text = page.body.decode()
    assert "//" not in text.replace("<!doctype", "")
    for path in re.findall(r'(?:href|src)="([^"]+)"', text):
        found = plain("GET", path)
        assert (found.status, len(found.body) > 500) == (200, True), path
    assert b"SwaggerUIBundle" in plain("GET", "/docs/swagger-ui-bundle.js").body
