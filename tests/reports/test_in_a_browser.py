"""What a browser makes of the published pages: their length, their print, and who can use them.

Skipped, with the reason, where Chromium, npm or a registry is missing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness import registry

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(__file__).with_name("browser")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PUBLISHED = sorted(path.parent.name for path in ROOT.glob("results/*/cycles.parquet"))
USABLE = ("failure_scenario", "recovery_cost", "taskboard")  # that axe looks at, which is slow
PHONE_MOST_PX, PRINTED_MOST = 12_000, 15
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return the folder of what asks a browser, set up, and the browser."""
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
    return folder, browser


@pytest.mark.parametrize("run", PUBLISHED)
def test_a_published_page(
    run: str, folder: Path, tools: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short on a phone and on paper, nothing beyond its edge, usable with or without script.

    Axe looks at three of them, in both themes, with everything unfolded.
    """
    monkeypatch.chdir(ROOT)
    page = folder / "report.html"
    page.write_text(registry.find("reports", "html")().render(Path("results", run)))
    found = seen(tools, page, "axe" if run in USABLE else "")
    assert found["height"]["390"] <= PHONE_MOST_PX
    assert found["printed"] <= PRINTED_MOST
    assert found["beyond"] == {"390": [], "820": [], "1280": []}
    assert found["axe"] == []
    assert found["troubles"] == []
    assert found["link"] is True
    assert found["filter"][0].startswith("0 of ")
    assert found["filter"][1] == 0
    assert found["plain"] == {"filter": False, "open": True}


def test_the_check_sees_what_is_wrong(folder: Path, tools: tuple[Path, str]) -> None:
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
    found = seen(tools, page, "axe")
    assert found["height"]["390"] > PHONE_MOST_PX
    assert found["beyond"]["1280"]
    assert any(one.startswith("color-contrast") for one in found["axe"])
    assert found["troubles"]
    assert found["plain"]["filter"] is True


def seen(tools: tuple[Path, str], page: Path, asked: str) -> dict[str, Any]:
    """Ask the browser."""
    folder, browser = tools
    done = subprocess.run(
        ["node", "look.mjs", browser, str(page), asked],
        cwd=folder, capture_output=True, text=True, timeout=110, check=False,
        env={**os.environ, "HOME": str(folder), "TMPDIR": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
