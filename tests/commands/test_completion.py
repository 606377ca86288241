"""Completion as people have it: a real shell at a terminal, the script sourced, the key pressed."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPTS = Path(sys.executable).parent
NAMES = ["harness", "reliability-harness"]
# How each shell is started without its user's own files, and how the page says to load the script.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$({variable}=bash_source {name})"'),
    "zsh": (
        ["zsh", "-f", "-i"],
        'autoload -Uz compinit; compinit -u -d zcompdump; eval "$({variable}=zsh_source {name})"',
    ),
    "fish": (["fish", "--no-config", "-i"], "{variable}=fish_source {name} | source"),
}
NO_LINE = "\x15"  # Control-U: what stands there is deleted
PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def variable(name: str) -> str:
    """The variable by which a command is asked for its script."""
    return f"_{name.replace('-', '_').upper()}_COMPLETE"


def _control() -> None:
    """Make the terminal that of the session, which fish insists on: by opening it."""
    os.close(os.open(os.ttyname(0), os.O_RDWR))


class Terminal:
    """An interactive shell at a terminal of its own."""

    def __init__(self, command: list[str], folder: Path) -> None:
        path = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"
        places = ("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR")
        home = dict.fromkeys(places, str(folder)) | {"PATH": path, "TERM": "xterm"}
        ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            command, cwd=folder, env=os.environ | home, start_new_session=True,
            stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=_control,  # noqa: PLW1509 - the tests run no threads
        )  # fmt: skip
        os.close(theirs)
        self._ours, self.seen = ours, ""

    def type(self, text: str) -> None:
        """Press the keys."""
        self.seen = ""
        os.write(self._ours, text.encode())

    def shows(self, text: str, within_s: float = 45) -> bool:
        """Whether it shows a text in time."""
        ends = time.monotonic() + within_s
        while text not in self.seen and time.monotonic() < ends:
            if select.select([self._ours], [], [], 0.1)[0]:
                self.seen += os.read(self._ours, 1 << 16).decode(errors="replace")
        return text in self.seen

    def close(self) -> None:
        """End it with its terminal."""
        self._process.kill()
        self._process.wait()
        os.close(self._ours)


@pytest.fixture(params=[*SHELLS], scope="module")
def terminal(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Terminal]:
    """Each shell that is here, the scripts of both names loaded."""
    if shutil.which(request.param) is None:
        pytest.skip(f"there is no {request.param} here")
    command, line = SHELLS[request.param]
    shell = Terminal(command, tmp_path_factory.mktemp("shell"))
    for name in NAMES:
        shell.type(line.format(variable=variable(name), name=name) + "\r")
    shell.type("echo re''ady\r")
    assert shell.shows("ready"), shell.seen
    yield shell
    shell.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_shell_completes_verbs_and_options(terminal: Terminal, name: str) -> None:
    """Of the command under either name: what is unique stands there after the key."""
    terminal.type(f"{NO_LINE}echo no''thing {name}\r")  # what is left of the test before
    assert terminal.shows(f"nothing {name}"), terminal.seen
    terminal.type(f"{name} reco\t")
    assert terminal.shows("recover"), terminal.seen
    terminal.type("--disc\t")
    assert terminal.shows("--discard"), terminal.seen


@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_how_each_shell_gets_it(name: str) -> None:
    """The lines that these tests load are those that docs/configuration.md gives."""
    page = PAGE.read_text(encoding="utf-8").replace("\\|", "|")  # as a table has to write it
    for _, line in SHELLS.values():
        assert line.rpartition("; ")[2].format(variable=variable(name), name=name) in page


def complete_in_bash(folder: Path, *words: str) -> list[str]:
    """What bash would offer for the last of ``words``."""
    script = (
        f'eval "$({variable("harness")}=bash_source harness)"\n'
        f'COMP_WORDS=("$@"); COMP_CWORD={len(words) - 1}\n_harness_completion harness\n'
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    path = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script, "bash", *words],
        cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.split()


def test_what_is_offered(folder: Path) -> None:
    """Verbs, options also behind half a line, the names of recoveries and of reports."""
    assert complete_in_bash(folder, "harness", "re") == ["recover", "replay", "report", "restore"]
    found = complete_in_bash(folder, "harness", "guard", "--database", "x.db", "--end")
    assert found == ["--end-survivors"]
    recoveries = complete_in_bash(folder, "harness", "guard", "--recovery", "")
    assert {"online_backup", "file_copy", "wal_pin"} <= set(recoveries)
    assert complete_in_bash(folder, "harness", "report", "--format", "j") == ["json", "junit"]
    assert complete_in_bash(folder, "harness", "guard", "--grade", "") == ["rows", "exact"]


def test_a_file_that_cannot_be_meant_does_not_matter(folder: Path) -> None:
    """Nobody's key is answered with an error of pyproject.toml's."""
    (folder / "pyproject.toml").write_text("[tool.reliability-harness]\nzzz = 1\n")
    assert complete_in_bash(folder, "harness", "guard", "--quie") == ["--quiet"]


@pytest.mark.parametrize("kind", ["database", "argument", "command"])
def test_a_database_is_a_file(folder: Path, kind: str) -> None:
    """The shell is told to complete names of files, where an address would do as well."""
    of_kind = {"database": "guard --database d", "argument": "verify d", "command": "guard -- d"}
    words = of_kind[kind]
    asked = {variable("harness"): "bash_complete", "COMP_WORDS": f"harness {words}",
             "COMP_CWORD": str(len(words.split()))}  # fmt: skip
    done = subprocess.run(
        [SCRIPTS / "harness"], cwd=folder, env=os.environ | asked, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout == "file,d\n"
