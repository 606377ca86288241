"""Places of a test process's own, for whatever its tests make.

Home and second names of guards lie in one folder, in memory where the machine has /dev/shm,
temporary files in one on the disk; both go when the process ends. pytest's own stays where it is.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - a tmpfs of the system's, and the folder made is private
_OF_PYTEST = "PYTEST_DEBUG_TEMPROOT"  # where pytest makes its own folder
_OF_TOOLS = ".cache"  # in the home; what a tool may leave of its own accord
# Among temporary files: of a pytest that a test starts, of this process until it ends, and of a
# guard that was killed while it looked.
_ALLOWED = ("pytest-of-", "pymp-", "harness-look-")


@dataclass(frozen=True, slots=True)
class Places:
    """Folders of this process, and the environment it had before."""

    root: Path
    temporary: Path
    before: dict[str, str]
    seen: set[str] = field(default_factory=set)

    @property
    def home(self) -> Path:
        """Stands for the home of whoever runs the tests."""
        return self.root / "home"

    @property
    def state(self) -> Path:
        """Holds the second names of guards."""
        return self.root / "state"

    def nothing_new(self) -> None:
        """Raise AssertionError when something new lies in home or among temporary files."""
        left = {
            str(folder / name)
            for folder in (self.home, self.temporary)
            for name in os.listdir(folder)
            if name != _OF_TOOLS and not name.startswith(_ALLOWED)
        }
        new = sorted(left - self.seen)
        self.seen.update(new)
        assert not new, (
            f"left behind: {', '.join(new)}; use tmp_path, folder or tmp_path_factory,"
            " or remove what was made"
        )

    def leave(self) -> None:
        """Remove the folders and give the environment back."""
        os.environ.clear()
        os.environ.update(self.before)
        tempfile.tempdir = None
        shutil.rmtree(self.root, ignore_errors=True)
        if not any(self.temporary.glob("pymp-*")):  # multiprocessing's, which it looks for at exit
            shutil.rmtree(self.temporary, ignore_errors=True)


def memory() -> Path | None:
    """Name the system's folder in memory; None where there is none."""
    return _MEMORY if _MEMORY.is_dir() else None


def move_in(*, first: bool) -> Places:
    """Make the places and point this process, and whatever it starts, at them.

    Args:
        first: nobody above this process did it; pytest's own folder must be kept out then.
    """
    before = dict(os.environ)
    outside = os.environ.get(_OF_PYTEST, tempfile.gettempdir())
    root, temporary = (
        Path(tempfile.mkdtemp(prefix="harness-tests-", dir=place)) for place in (memory(), outside)
    )
    places = Places(root, temporary, before)
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)  # after what is registered later
    for folder in (root, temporary):
        folder.chmod(0o711)  # a test may become another user on the way
    places.home.mkdir()
    os.environ["HOME"] = str(places.home)
    os.environ["TMPDIR"] = str(places.temporary)
    os.environ["HARNESS_STATE_DIR"] = str(places.state)
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        del os.environ[name]
    tempfile.tempdir = None
    if first:
        os.environ[_OF_PYTEST] = outside
        os.environ["MPLCONFIGDIR"] = str(root / "matplotlib")  # it lists all fonts once
        os.environ["NPM_CONFIG_CACHE"] = str(root / "npm")
        os.environ["RUSTUP_HOME"] = str(root / "rustup")  # pip asks for a compiler of Rust
        _compiled_once(places.root / "bytecode")
    return places


def pytest_has_its_own() -> None:
    """Once pytest knows its own folder, what tests start need not."""
    os.environ.pop(_OF_PYTEST, None)


def _compiled_once(folder: Path) -> None:
    """Where no bytecode may be written, write it here: tests start Python some hundred times."""
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(folder))
