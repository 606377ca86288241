"""Whatever a page tells its reader to type is typed, page by page, in the tutorial's project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.blocks import Block, blocks, write_files
from harness.configured.keys import KEYS
from harness.experiment.written.configuration import load
from tests.postgres import Databases

ROOT = Path(__file__).resolve().parents[1]
PAGES = {path.stem: path for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]}
# Pages of whose blocks none is run here, each with its reason.
ELSEWHERE = {
    "extending": "its lines are a package, which tests/test_extending.py installs and runs",
    "writing": "the site is built by tests/docs/test_conf.py",
    "install": "wheel and sdist are installed by tests/test_wheel.py",
    "speed": "how long something takes is measured by hand, and in no test",
    "node": "the example is set up from a registry, and run by tests/test_examples.py",
    "django": "the example is set up from a registry, and run by tests/test_examples.py",
}
# Single blocks that are not run, by the page and how they begin, each with its reason.
NOT_RUN = {
    ("README", "python3 -m venv"): "the main job and these tests: .ci/run, and whoever runs this",
    ("tutorial", "python3 -m venv"): "wheel and sdist are installed by tests/test_wheel.py",
    ("cluster", "harness run"): "tests/experiment/run/cluster/test_connecting.py does it",
    ("cluster", "pip install"): "tests/experiment/run/cluster has schedulers and workers",
    ("cluster", "from dask_jobqueue"): "it takes a cluster with Slurm",
    ("ci", "pip wheel"): "tests/test_ci.py does it, and runs the workflow that comes of it",
    ("measure-your-own", "harness run experiments/"): "tests/test_examples.py has the databases",
    ("postgresql", "pip install"): "wheel and sdist are installed by tests/test_wheel.py",
    (
        "experiments",
        "harness run experiment.toml ",
    ): "tests/experiment/run/test_opening.py does it",
    ("notebooks", ".venv/bin/python notebooks"): "notebooks are run by tests/test_notebooks.py",
    ("stored-runs", ".venv/bin/uv pip install"): "notebooks are run by tests/test_notebooks.py",
}
KINDS = {
    "sh",
    "sql",
    "python",
    "toml",
    "json",
    "yaml",
    "text",
    "console",
}  # console: a transcript, not run
OF_SPHINX = re.compile(r"\{[\w-]+\}")
ON_A_SERVER = "postgresql"
AFTER_THE_TUTORIAL = {"read-a-report"}  # they read the runs that it has left
MEASURING = {  # some half minute
    *("tutorial", "README", "measure-your-own", "ci", "read-a-report", "many-machines")
}
FIGURE = re.compile(r"\d+(?:[.,]\d+)*")


def reason(page: str, block: Block) -> str | None:
    """Why a block is not run."""
    starts = (
        why for (on, text), why in NOT_RUN.items() if on == page and block.text.startswith(text)
    )
    return ELSEWHERE.get(page) or next(starts, None)


def typed(command: list[str], folder: Path) -> str:
    """What a reader sees who types it there, with this environment's programs on the PATH."""
    given = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env=given | {"PATH": path, "PYTEST_ADDOPTS": "-p no:cacheprovider", "MPLBACKEND": "agg"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}"
    return done.stdout


def shows(said: str, block: Block) -> bool:
    """Whether the lines of a block of text were said in this order; figures and ... may differ."""
    patterns = [
        re.escape(FIGURE.sub("0", line)).replace(r"\.\.\.", ".*")
        for line in block.text.splitlines()
        if line != "..."
    ]
    lines = iter(FIGURE.sub("0", said).splitlines())
    return all(any(re.fullmatch(pattern, line) for line in lines) for pattern in patterns)


def follow(page: str, folder: Path, query: Callable[[str], object] | None = None) -> None:
    """Do what a page says, from top to bottom; ``query`` is given its SQL, by statements."""
    said = ""
    for block in blocks(PAGES[page].read_text(encoding="utf-8")):
        if block.file:
            (folder / block.file).write_text(block.text, encoding="utf-8")
        elif block.kind == "text" and block.adjoins:
            assert shows(said, block), f"{page}:{block.line} shows what was not said:\n{said}"
        elif block.kind in ("sh", "python") and not reason(page, block):
            runs = ["bash", "-euo", "pipefail"] if block.kind == "sh" else [sys.executable]
            said = typed([*runs, "-c", block.text], folder)
        elif block.kind == "sql":
            assert query is not None, f"{page}:{block.line}"
            for statement in block.text.split(";\n"):
                query(statement)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tutorial's project in a folder, with this checkout's own runs beside it."""
    folder = tmp_path_factory.mktemp("made")
    write_files(PAGES["tutorial"].read_text(encoding="utf-8"), folder)
    (folder / "experiment.toml").unlink()
    typed([sys.executable, "make_shop.py"], folder)
    shutil.copytree(ROOT / "results/summary_claims", folder / "results/summary_claims")
    return folder


@pytest.fixture
def project(made_once: Path, folder: Path) -> Path:
    """A copy of it: a page may write there."""
    return Path(shutil.copytree(made_once, folder, dirs_exist_ok=True))


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the tutorial has been followed."""
    folder = tmp_path_factory.mktemp("tutorial")
    follow("tutorial", folder)
    return folder


def slow(pages: set[str]) -> list[object]:
    """The pages that have blocks to run, those that measure as long tests."""
    return [
        pytest.param(page, marks=[pytest.mark.long] if page in MEASURING else [])
        for page in sorted(pages)
    ]


@pytest.mark.parametrize(
    "page", slow(set(PAGES) - set(ELSEWHERE) - {"tutorial", ON_A_SERVER} - AFTER_THE_TUTORIAL)
)
def test_a_page_can_be_followed(page: str, project: Path) -> None:
    """Each block of shell and Python ends with 0, and says what stands below it."""
    follow(page, project)


def test_the_page_of_postgresql_can_be_followed(
    databases: Databases, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As any page, on a real server, with the rights of the role that it makes."""
    databases.make("app_dev")
    for name, value in {"PGPORT": str(databases.server.port), "PGUSER": "postgres"}.items():
        monkeypatch.setenv(name, value)
    follow(ON_A_SERVER, folder, lambda statement: statement and databases.admin(statement))
    assert databases.left("app_dev", "guarding", "app_dev_before") == set()  # it makes the last


@pytest.mark.long
@pytest.mark.parametrize("page", sorted(AFTER_THE_TUTORIAL))
def test_what_comes_after_the_tutorial_can_be_followed(
    page: str, tutorial: Path, folder: Path
) -> None:
    """The tutorial itself, and pages that go on with what it has left."""
    follow(page, Path(shutil.copytree(tutorial, folder / "project")))


@pytest.mark.parametrize("page", PAGES)
def test_every_block_has_a_kind_and_can_be_read(page: str, folder: Path) -> None:
    """None is outside of the check for want of a language; data is of its form, with known keys."""
    for block in blocks(PAGES[page].read_text(encoding="utf-8")):
        assert block.kind in KINDS or OF_SPHINX.fullmatch(block.kind), f"{page}:{block.line}"
        if block.kind == "toml":
            written = tomllib.loads(block.text)
            assert set(written.get("tool", {}).get("reliability-harness", {})) <= set(KEYS)
            of_a_project = "project" in written.get("defaults", {})
            if {"name", "conditions"} <= set(written) and not of_a_project | (page in ELSEWHERE):
                (folder / "one.toml").write_text(block.text, encoding="utf-8")
                assert load(folder / "one.toml").name == written["name"]
        elif block.kind == "json":
            json.loads(block.text)
        elif block.kind == "python":
            compile(block.text, f"{page}:{block.line}", "exec")


def test_every_exception_is_needed() -> None:
    """A reason for a page or block that is not there any more goes."""
    found = {
        (page, start)
        for page, start in NOT_RUN
        for block in blocks(PAGES[page].read_text(encoding="utf-8"))
        if block.text.startswith(start)
    }
    assert found == set(NOT_RUN)
    assert set(ELSEWHERE) <= set(PAGES)


def test_what_is_not_said_is_found() -> None:
    """The check is checked: another word, another order and a line too many; figures may differ."""
    block = Block("text", "guard: backed up\n...\nguard: ... is proven, 12.5 ms\n", "", 1)
    said = "guard: backed up\nguard: left\nguard: /a/b is proven, 3 ms\n"
    assert shows(said, block)
    assert not shows(said.replace("proven", "not proven"), block)
    assert not shows("\n".join(reversed(said.splitlines())), block)
    assert not shows(said.partition("guard: /a")[0], block)


def test_a_command_that_fails_is_found(folder: Path) -> None:
    """A block that ends otherwise fails the page, with what it said."""
    with pytest.raises(AssertionError, match="no such command"):
        typed(
            [
                "bash",
                "-euo",
                "pipefail",
                "-c",
                "harness guard -- nothing | cat; echo no such command; false",
            ],
            folder,
        )
