"""What to type instead: said of a path at which no experiment can be read."""

from __future__ import annotations

import difflib
import shlex
from pathlib import Path

_SQLITE = b"SQLite format 3\x00"  # https://www.sqlite.org/fileformat.html, the first 16 bytes
_MOST = 5  # files that are named


def advice(path: Path, error: Exception) -> str:
    """Say what is at ``path`` that ``error`` was raised of, and the nearest right thing to type."""
    if path.is_dir():
        return _of_folder(path)
    if _is_database(path):
        return (
            "it is a SQLite database, not an experiment: "
            f"'harness init {shlex.quote(str(path))}' writes one that runs on copies of it"
        )
    if isinstance(error, UnicodeDecodeError):
        return "it is no text in UTF-8, and an experiment is a TOML file"
    if isinstance(error, FileNotFoundError):
        return f"there is no such file; {_instead(path)}"
    return getattr(error, "strerror", None) or str(error)


def _of_folder(path: Path) -> str:
    if (path / "run.json").exists():
        return (
            f"it is the folder of a run: 'harness report {shlex.quote(str(path))}' shows its "
            "results; give an experiment to run"
        )
    return f"it is a folder; {_named(_experiments(path)) or _WRITE}"


_WRITE = "'harness init DATABASE' writes an experiment"


def _instead(path: Path) -> str:
    """Name what was probably meant, else what there is, else how to have one."""
    there = _experiments(path.parent)
    names = {one.name: one for one in there}
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.5)
    if not near and not path.suffix and (toml := path.with_name(f"{path.name}.toml")) in there:
        near = [toml.name]
    if near:
        return f"did you mean {names[near[0]]}?"
    return _named(there) or _WRITE


def _named(there: list[Path]) -> str:
    if not there:
        return ""
    more = f" and {len(there) - _MOST} more" if len(there) > _MOST else ""
    return f"give one of {', '.join(map(str, there[:_MOST]))}{more}"


def _experiments(folder: Path) -> list[Path]:
    """Return the TOML files in a folder that may be experiments."""
    try:
        return sorted(one for one in folder.glob("*.toml") if one.name != "pyproject.toml")
    except OSError:
        return []


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


__all__ = ["advice"]
