"""The house keeps its own rules: lint, format, strict types, who may know whom, a twin a file."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "harness"

# folder -> folders of the package that it must never import
_MEASURING = {"faults", "experiment", "statistics", "reports", "truth"}
FORBIDDEN = {
    "guard": _MEASURING | {"backend"},
    "recovery": _MEASURING | {"guard", "backend"},
    "cleanup": _MEASURING | {"guard", "recovery", "backend"},
    "backend": _MEASURING | {"guard", "recovery", "cleanup"},
    "databases": _MEASURING | {"guard", "recovery", "cleanup", "workloads", "backend"},
    "project": _MEASURING | {"guard", "recovery", "workloads", "backend"},
    "workloads": _MEASURING | {"guard", "recovery", "backend"},
    "truth": _MEASURING - {"truth"}
    | {"guard", "recovery", "cleanup", "databases", "workloads", "backend"},
    "faults": {"guard", "experiment", "statistics", "reports", "truth"},
    "analysis": _MEASURING - {"experiment", "statistics"}
    | {"recovery", "cleanup", "databases", "workloads", "project", "backend"},
    "reports": {"guard", "recovery", "cleanup", "databases", "faults", "workloads", "truth"},
}


def imports(source: str) -> Iterator[str]:
    """Every module that ``source`` imports, also inside functions and for type checking."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wrong_arrows(folder: str, source: str) -> list[str]:
    """The imports in ``source``, a file of ``folder``, that the plan of the house forbids."""
    places = {name.split(".")[1]: name for name in imports(source) if name.startswith("harness.")}
    if folder == "statistics":
        return sorted(n for n in places.values() if not n.startswith("harness.statistics"))
    return sorted(name for place, name in places.items() if place in FORBIDDEN.get(folder, set()))


def modules() -> list[Path]:
    """Every module of the package."""
    return sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_arrows(path: Path) -> None:
    """No file imports what the plan of the house forbids its folder."""
    parts = path.relative_to(PACKAGE).parts
    assert wrong_arrows(parts[0] if len(parts) > 1 else "", path.read_text()) == []


def test_a_wrong_arrow_is_seen() -> None:
    """A forbidden import is found however it is written: the check itself is checked."""
    assert wrong_arrows("guard", "from harness.faults import plan") == ["harness.faults.plan"]
    assert wrong_arrows("guard", "def f():\n    import harness.reports.html") != []
    assert wrong_arrows("guard", "from harness import statistics") != []
    assert wrong_arrows("statistics", "from harness.errors import HarnessError") != []
    assert wrong_arrows("guard", "from harness.recovery import Recovery") == []


def test_every_module_has_its_twin() -> None:
    """Every module with code has a test file of the same place and name."""
    missing = [
        str(path.relative_to(ROOT))
        for path in modules()
        if not path.name.startswith("__")
        and not (ROOT / "tests" / path.relative_to(PACKAGE).with_name(f"test_{path.name}")).exists()
    ]
    assert missing == []


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "harness", "tests"],
        ["ruff", "format", "--check", "harness", "tests"],
        ["mypy"],
    ],
    ids=["lint", "format", "types"],
)
def test_tools_find_nothing(command: list[str]) -> None:
    """Lint, format and strict types are clean."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
