"""The contents, and the one script, which the page's policy knows by its hash."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess

import pytest

from harness.reports.html_parts.contents import SCRIPT, contents, script_hash
from tests.reports.samples import HOSTILE
from tests.reports.test_html import Page


def test_links_to_every_part() -> None:
    """In the order given, titles as text; the filter is hidden until a script shows it."""
    page = Page(contents([("a", "One"), ("b", HOSTILE)]))
    assert [given["href"] for tag, given in page.tags if tag == "a"] == ["#a", "#b"]
    (form,) = (given for tag, given in page.tags if tag == "form")
    assert "hidden" in form


def test_the_hash_is_that_of_the_script() -> None:
    """As a browser computes it; the script could not end its own element."""
    digest = base64.b64decode(script_hash().removeprefix("sha256-"))
    assert digest == hashlib.sha256(SCRIPT.encode()).digest()
    assert "</" not in SCRIPT


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_script_is_a_script() -> None:
    """Node reads it as one."""
    done = subprocess.run(
        ["node", "--check", "-"], input=SCRIPT, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
