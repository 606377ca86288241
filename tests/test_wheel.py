"""What people install: wheel and sdist are built, and used in environments that hold nothing else.

uv is in the environment, as the README's command puts it there; built and installed is from the
index, under the versions of constraints.txt.
"""

from __future__ import annotations

import os
import pwd
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).with_name("uv")
# Of whoever runs the tests: those have a home in memory, and would download everything again.
DOWNLOADED = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache" / "uv"
MOST_BYTES, MOST_PACKAGES = 30_000_000, 10
MOST_SLOWER = 1.2  # pytest with the plugin that is not used, against pytest alone
EXPERIMENT = """
name = "smallest"
cycles = 60
[[conditions]]
name = "guarded"
claims = ["reliability >= 0.5"]
"""
pytestmark = pytest.mark.long


def call(
    folder: Path, *words: str | Path, status: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in ``folder`` that ends with ``status``, without what Python was given here."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    given = {"UV_CACHE_DIR": str(DOWNLOADED)} | given | {"HOME": str(folder)}
    done = subprocess.run(
        words,
        cwd=folder,
        env=given | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build sdist, and wheel from sdist; skip where there is no uv, or no index to build with."""
    folder = tmp_path_factory.mktemp("built")
    if not UV.exists():
        pytest.skip("no uv in this environment: pip install uv")
    (folder / "needs.in").write_text("hatchling")
    asked = subprocess.run(
        [UV, "pip", "compile", "-q", "needs.in"],
        cwd=folder,
        env=os.environ | {"UV_HTTP_RETRIES": "0"},
        capture_output=True,
        check=False,
    )
    if asked.returncode:
        pytest.skip("no package index can be reached, and building needs hatchling from one")
    call(folder, UV, "build", "-q", "--out-dir", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """The wheel."""
    (found,) = built.glob("*.whl")
    return found


class Environment:
    """A virtual environment that holds what is installed there and no more, not even pip."""

    def __init__(self, folder: Path, *wanted: str | Path) -> None:
        self.folder = folder
        call(folder, UV, "venv", "-q", "--python", sys.executable, folder / "venv")
        self.scripts = folder / "venv" / "bin"
        limits = ["-p", str(self.scripts / "python"), "-c", str(ROOT / "constraints.txt")]
        call(folder, UV, "pip", "install", "-q", *limits, *wanted)

    def python(self, source: str) -> str:
        """What a program prints."""
        return call(self.folder, self.scripts / "python", "-c", source).stdout.strip()

    def size_bytes(self) -> int:
        """Everything that was installed."""
        packages = Path(self.python("import sysconfig; print(sysconfig.get_path('purelib'))"))
        return sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())

    def distributions(self) -> list[str]:
        """Their names."""
        source = "import importlib.metadata as m; print(*(d.name for d in m.distributions()))"
        return self.python(source).split()

    def cpu_s(self, *words: str) -> float:
        """The processor's time that a module takes, run in the folder."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        call(self.folder, self.scripts / "python", "-m", *words)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    """A database with one row, which is there again afterwards."""
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE t (a)")
        made.execute("INSERT INTO t VALUES (1)")
    yield path
    with closing(sqlite3.connect(path)) as read:
        assert read.execute("SELECT a FROM t").fetchall() == [(1,)]


def inserting(database: Path) -> list[str]:
    """A command that leaves a row."""
    source = f"import sqlite3; c = sqlite3.connect({str(database)!r}); "
    return [sys.executable, "-c", source + "c.execute('INSERT INTO t VALUES (2)'); c.commit()"]


def test_the_wheel_holds_the_package_alone(built: Path, wheel: Path) -> None:
    """Every module and the mark that types are there, no tests; the sdist has the tests too."""
    names = zipfile.ZipFile(wheel).namelist()
    homes = {name.split("/")[0] for name in names}
    assert {home for home in homes if not home.endswith(".dist-info")} == {"harness"}
    wanted = {str(path.relative_to(ROOT)) for path in (ROOT / "harness").rglob("*.py")}
    assert wanted | {"harness/py.typed"} <= set(names)
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        second = {name.split("/")[1] for name in packed.getnames()}
    assert {"harness", "tests", "README.md", "constraints.txt"} <= second


def test_the_package_alone_is_light(wheel: Path, tmp_path: Path, database: Path) -> None:
    """Few packages and bytes, and both commands guard, by every recovery."""
    alone = Environment(tmp_path, "--compile-bytecode", wheel)  # as pip does
    assert "numpy" not in alone.distributions()
    assert len(alone.distributions()) <= MOST_PACKAGES, alone.distributions()
    assert alone.size_bytes() <= MOST_BYTES
    test = inserting(database)
    for command in ("harness", "reliability-harness"):
        for recovery in ("online_backup", "file_copy"):
            asked = ["guard", "--database", str(database), "--recovery", recovery, "--", *test]
            done = call(tmp_path, alone.scripts / command, *asked)
            assert "is proven back at its baseline" in done.stderr
    told = call(tmp_path, alone.scripts / "harness", "run", "experiment.toml", status=2)
    assert told.stderr.endswith("pip install 'reliability-harness[measure]'\n")


def test_uvx_runs_it_by_its_own_name(wheel: Path, tmp_path: Path, database: Path) -> None:
    """``uvx --from WHEEL reliability-harness`` needs no installation."""
    uvx, test = shutil.which("uvx", path=UV.parent), inserting(database)
    assert uvx is not None
    guard = ["reliability-harness", "guard", "--database", str(database), "--"]
    limits = ["-q", "--constraints", str(ROOT / "constraints.txt")]
    done = call(tmp_path, uvx, *limits, "--python", sys.executable, "--from", wheel, *guard, *test)
    assert "is proven back at its baseline" in done.stderr


def test_the_plugin_costs_others_nothing(wheel: Path, tmp_path: Path, database: Path) -> None:
    """It is the only one, guards a session, and unused it takes no time to speak of."""
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    plugged = Environment(tmp_path / "with", wheel, "pytest")
    bare = Environment(tmp_path / "without", "pytest")
    source = "import importlib.metadata as m; print(*m.entry_points(group='pytest11').names)"
    assert plugged.python(source) == "harness"
    for one in (plugged, bare):
        (one.folder / "test_one.py").write_text(
            "def test_one(request):\n"
            "    connection = request.getfixturevalue('database_connection')\n"
            "    connection.execute('INSERT INTO t VALUES (2)')\n"
            "    connection.commit()\n"
        )
    guarded = ["-m", "pytest", "--guard-database", str(database), "test_one.py"]
    done = call(plugged.folder, plugged.scripts / "python", *guarded)
    assert "is proven back at its baseline" in done.stdout
    collect = ("pytest", "--co", "-q", "test_one.py")
    taken = [(plugged.cpu_s(*collect), bare.cpu_s(*collect)) for _ in range(9)]
    ratio = statistics.median(a for a, _ in taken) / statistics.median(b for _, b in taken)
    assert ratio <= MOST_SLOWER, taken


def test_measuring_comes_with_its_extra(wheel: Path, tmp_path: Path) -> None:
    """The smallest experiment is run, judged and reported; cycle and figures are there."""
    measuring = Environment(tmp_path, f"reliability-harness[measure] @ {wheel.as_uri()}")
    (tmp_path / "experiment.toml").write_text(EXPERIMENT)
    harness = measuring.scripts / "harness"
    call(tmp_path, harness, "run", "experiment.toml", "--output", "out", "--workers", "1")
    assert "supported" in call(tmp_path, harness, "check", "out").stdout
    for form in ("console", "html", "markdown", "json", "junit", "github", "summary", "badge"):
        assert call(tmp_path, harness, "report", "out", "--format", form).stdout
    call(tmp_path, harness, "list")
    plotted = (
        "import harness; harness.plot.reliability(harness.load('out')).figure.savefig('a.png')"
    )
    measuring.python(plotted)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
