from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
USER = """
import harness
from harness import guard
from harness.cleanup import Entity
from harness.guard import Guard

with harness.guard("x.db") as g:
    g.track([Entity("users", (("id", 1),))])
    print(g.database.name, g.result.says_clean, g.recovered)


@guard("x.db", cleanup="by_difference", recoveries=["file_copy"], grade="rows")
def length(text: str) -> int:
    return len(text)


async def tests() -> int:
    async with harness.guard("x.db", signs=["acme"]) as g:
        return len(g.database.name) + length("a")


with Guard("x.db") as whole:
    whole.track([])
"""


def python(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a Python of its own."""
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )


WRONG = """
harness.guard("x.db", clean_up="true")
length(1)
harness.gaurd("x.db")
from harness.guard import Gaurd
"""


@pytest.mark.long  # mypy from nothing
def test_a_users_script_is_typed(tmp_path: Path) -> None:
    """Strict mypy passes what is right, and sees a wrong option, argument and name."""
    (tmp_path / "right.py").write_text(USER)
    (tmp_path / "wrong.py").write_text(USER + WRONG)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    for word in ("clean_up", "incompatible type", "gaurd", "Gaurd"):
        assert word in done.stdout, done.stdout + done.stderr
    assert "right.py" not in done.stdout
    assert done.returncode == 1


def test_importing_costs_nothing() -> None:
    """``import harness`` loads nothing of the guard; the package is called without an import."""
    done = python(
        "import sys, harness\n"
        "print(sorted(m for m in sys.modules if m.startswith(('harness.', 'apsw', 'asyncio'))))\n"
        "made = harness.guard('x.db')\n"
        "heavy = {'asyncio', 'pandas', 'scipy', 'pydantic', 'rich', 'starlette', 'click'}\n"
        "print(type(made).__name__, heavy & set(sys.modules), harness.guard.Guard.__name__)\n"
        "print(hasattr(harness, 'gaurd'), hasattr(harness.guard, 'Gaurd'))\n"
    )
    assert done.stdout.splitlines() == [
        "[]",
        "Guarded set() Guard",
        "False False",
    ], done.stderr


def test_where_nothing_can_be_guarded_one_sentence_says_so() -> None:
    """Without fcntl, as on Windows, both ways in raise UsageError; the policies are there."""
    done = python(
        "import sys; sys.modules['fcntl'] = None\n"
        "import harness, harness.guard, harness.errors\n"
        "print(len(harness.guard.POLICIES))\n"
        "for ask in (lambda: harness.guard('x.db'), lambda: harness.guard.Guard('x.db')):\n"
        "    try: ask()\n"
        "    except harness.errors.UsageError as error: print(error)\n"
    )
    assert done.stdout.count("needs Linux or macOS") == 2, done.stderr
    assert done.stdout.startswith("4\n")
