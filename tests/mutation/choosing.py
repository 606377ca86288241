"""Which tests can notice a defect in a file, the likeliest first."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path


def stages(root: Path, path: str) -> list[list[str]]:
    """Give the tests to run for a defect in ``path``, in steps: each only where the last saw none.

    First the file's own; then the tests that import it, and those of the files that do; then all
    of its room; then those of the rooms that import it.

    Args:
        root: the checkout.
        path: of a module, within it.

    Returns:
        Files and folders within the checkout; none is named in two steps, but for a folder that
        holds files named before.
    """
    users = importers(root).get(module_of(path), set())
    own = twins(root, path)
    near = sorted(
        {test for user in users for test in ([user] if user.startswith("tests/") else ())}
        | {test for user in users for test in twins(root, user)}
    )
    rooms = [f"tests/{user.split('/')[1]}" for user in sorted(users) if user.startswith("harness/")]
    room = f"tests/{path.split('/')[1]}"
    neighbours = sorted({name for name in rooms if (root / name).is_dir()} - {room})
    steps = [own, [test for test in near if test not in own], [room], neighbours]
    return [step for step in steps if step]


def twins(root: Path, path: str) -> list[str]:
    """Name the test file of a module, where there is one; of a package that of its name."""
    place = Path(path)
    if place.parts[0] != "harness":
        return []
    folder = Path("tests", *place.parent.parts[1:])
    stem = place.parent.name if place.name == "__init__.py" else place.stem
    twin = folder / f"test_{stem}.py"
    return [str(twin)] if (root / twin).is_file() else []


def module_of(path: str) -> str:
    """Name a module as it is imported."""
    parts = Path(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def importers(root: Path) -> dict[str, set[str]]:
    """Tell for each module of the package which files of it, and which test files, import it."""
    found: dict[str, set[str]] = {}
    for folder in ("harness", "tests"):
        for path in sorted((root / folder).rglob("*.py")):
            within = str(path.relative_to(root))
            if folder == "tests" and not path.name.startswith("test_"):
                continue
            for name in _imported(path.read_text("utf-8")):
                found.setdefault(name, set()).add(within)
    return found


def _imported(source: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {name for name in names if name.startswith("harness.")}
