"""The site is built for people: whatever is wrong within it is an error."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.long


def build(docs: Path, output: Path) -> subprocess.CompletedProcess[str]:
    """Build it without a network: what asks for one finds no proxy that would answer."""
    options = ["-q", "-W", "--keep-going", "-n"]
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(docs), str(output)],
        env={"PATH": "/usr/bin:/bin", "https_proxy": "http://127.0.0.1:9", "HOME": str(output)},
        capture_output=True,
        text=True,
        check=False,
    )


def copied(folder: Path, *pages: str) -> Path:
    """Copy how the site is made, some pages, and what they take from beside them."""
    for name in ("harness", "results"):
        (folder / name).symlink_to(ROOT / name)
    (docs := folder / "docs").mkdir()
    for path in [*(ROOT / "docs").glob("*.py"), *(ROOT / "docs" / name for name in pages)]:
        shutil.copy(path, docs)
    return docs


def test_the_site_is_built(folder: Path) -> None:
    """Without a warning; commands, keys and docstrings are in it, and reports lie beside it."""
    done = build(ROOT / "docs", folder)
    assert done.returncode == 0, done.stderr
    commands = (folder / "commands.html").read_text(encoding="utf-8")
    assert "--survivors-wait" in commands
    assert "With --resume: also" in commands, "no dash has become another"
    assert "GuardResult" in (folder / "python-api.html").read_text(encoding="utf-8")
    assert "enumerate" in (folder / "experiments.html").read_text(encoding="utf-8")
    page = (folder / "results.html").read_text(encoding="utf-8")
    assert 'href="results/curves/report.html"' in page
    assert (folder / "results" / "curves" / "report.html").exists()


def test_what_leads_nowhere_is_an_error(folder: Path) -> None:
    """A page, a heading, a picture, a class and a report that are not there: each is named."""
    docs = copied(folder, "index.md", "guard.md")
    (docs / "faq.md").write_text(
        "# A\n[a](nowhere.md)\n[b](guard.md#no-such-heading)\n![c](figures/none.svg)\n"
        "[d](../results/none/report.html)\n\n```{eval-rst}\n:class:`harness.guard.Gard`\n```\n",
        encoding="utf-8",
    )
    done = build(docs, folder / "out")
    assert done.returncode == 1
    for wrong in ("nowhere.md", "no-such-heading", "none.svg", "none/report.html", "Gard"):
        assert wrong in done.stderr, done.stderr
