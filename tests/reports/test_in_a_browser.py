"""What a browser makes of the published pages: their length, their print, and who can use them.

Skipped, with the reason, where Chromium, npm or a registry is missing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import registry
from tests.pipes import line_of

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(__file__).with_name("browser")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PUBLISHED = sorted(path.parent.name for path in ROOT.glob("results/*/cycles.parquet"))
# Those that somebody uses and axe looks at, which is slow: of one condition, and of many.
USED = ("failure_scenario", "recovery_cost")
PHONE_MOST_PX, PRINTED_MOST = 12_000, 15
pytestmark = pytest.mark.long


Look = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look]:
    """Ask a browser what it makes of a page; it is started once for all of them."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None or shutil.which("npm") is None:
        pytest.skip("chromium is not installed" if browser is None else "npm is not installed")
    folder = tmp_path_factory.mktemp("browser")
    shutil.copytree(TOOLS, folder, dirs_exist_ok=True)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"],
        cwd=folder, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"npm ci: {done.stderr.strip()[-200:]}")
    with subprocess.Popen(
        ["node", "look.mjs", browser],
        cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        env={**os.environ, "HOME": str(folder), "TMPDIR": str(folder)},
    ) as process:  # fmt: skip

        def seen(page: Path, *, used: bool) -> dict[str, Any]:
            assert process.stdin is not None
            process.stdin.write(json.dumps({"page": str(page), "used": used}) + "\n")
            line = line_of(process, within_s=100)
            assert line, "it ended, and said above why"
            found: dict[str, Any] = json.loads(line)
            return found

        yield seen


@pytest.mark.parametrize("run", PUBLISHED)
def test_a_published_page(
    run: str, folder: Path, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short on a phone and on paper, nothing beyond its edge."""
    monkeypatch.chdir(ROOT)
    page = folder / "report.html"
    page.write_text(registry.find("reports", "html")().render(Path("results", run)))
    found = look(page, used=run in USED)
    assert found["height"]["390"] <= PHONE_MOST_PX
    assert found["printed"] <= PRINTED_MOST
    assert found["beyond"] == {"390": [], "820": [], "1280": []}
    assert found["troubles"] == []
    if run in USED:
        can_be_used(found)


def can_be_used(found: dict[str, Any]) -> None:
    """With a script or without; axe finds nothing in either theme, with everything unfolded."""
    assert found["axe"] == []
    assert found["link"] is True
    assert found["filter"][0].startswith("0 of ")
    assert found["filter"][1] == 0
    assert found["plain"] == {"filter": False, "open": True}


def test_the_check_sees_what_is_wrong(folder: Path, look: Look) -> None:
    """A page that is too long, too wide and cannot be used is seen: the check itself is checked."""
    page = folder / "bad.html"
    page.write_text(
        '<main><form id="filter"><input><output></output></form>'
        "<details class='condition' data-find><summary>s</summary></details>"
        "<details class='sweep'><summary>t</summary></details>"
        '<p style="height: 13000px; overflow: auto; white-space: nowrap; color: #aaa">'
        + "far too wide " * 200
        + "</p></main><script>throw 1</script>"
    )
    found = look(page, used=True)
    assert found["height"]["390"] > PHONE_MOST_PX
    assert found["beyond"]["1280"]
    assert any(one.startswith("color-contrast") for one in found["axe"])
    assert found["troubles"]
    assert found["plain"]["filter"] is True
