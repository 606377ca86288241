"""What can be wrong with a user's own project, said before anything runs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from harness import registry
from harness.databases.engines import address_of
from harness.errors import UsageError
from harness.experiment.written.document import Problem, nearest
from harness.experiment.written.project import AUTO, NONE, Doing, ProjectSetting
from harness.experiment.written.recoveries import advice
from harness.experiment.written.settings import Condition
from harness.faults import REQUEST, Slot
from harness.processes.actions import Action
from harness.processes.written import CALLABLE, action_of

_HEADER = b"SQLite format 3\x00"
_VERSIONS = slice(18, 20)  # of the format, in the header: 2 and 2 say WAL mode
_WORD = re.compile(r"\w+")


def of_project(condition: Condition) -> Iterator[Problem]:
    """Everything that is wrong with the project of ``condition``; keys begin inside it."""
    project = condition.project
    if project is None:
        return
    if "workload" in condition.model_fields_set:
        yield Problem(("workload",), "a [project] stands in its place; leave this out")
    if "connection" in condition.model_fields_set:
        yield Problem(("connection",), "is for the built-in platform; see project.backend")
    yield from _database(project)
    yield from _recoveries(condition, project)
    if project.create != AUTO:
        yield from _doing(("project", "create"), project.create, project)
    if project.test is not None:
        yield from _doing(("project", "test"), project.test, project)
    yield from _cleanup(condition, project)
    yield from _backend(condition, project)


def is_own(condition: Condition) -> bool:
    """Whether the cleanup is the user's own code, and none that is known by name."""
    cleanup = condition.cleanup
    if condition.project is None or cleanup == NONE:
        return False
    return not isinstance(cleanup, str) or cleanup not in registry.names("cleanup")


def own_processes(condition: Condition) -> bool:
    """Whether the cleanup is a command of the user's own."""
    return is_own(condition) and _cleanup_action(condition).is_process


def own_slots(condition: Condition) -> tuple[Slot, ...]:
    """Every opportunity for faults in a cleanup of the user's own; () for any other."""
    if condition.project is None or condition.policy == "restore_only":
        return ()
    operations, attempts = _operations(condition), condition.retry.attempts
    if is_own(condition) and not _cleanup_action(condition).attempts:
        attempts = 1
    return tuple(
        Slot("cleanup", operation, attempt)
        for operation in operations
        for attempt in range(1, attempts + 1)
    )


def _operations(condition: Condition) -> tuple[str, ...]:
    """What the cleanup announces, where that does not depend on the test data."""
    if is_own(condition):
        return _cleanup_action(condition).operations
    if condition.cleanup == NONE:
        return ()
    name = str(condition.cleanup)  # one by the baseline is one operation of its own name
    return (name,) if registry.find("cleanup", name).over == "baseline" else ()


def own_requests(condition: Condition) -> tuple[Slot, ...]:
    """The requests to the user's own backend that faults may strike, of each phase with any."""
    project = condition.project
    if project is None or project.backend is None:
        return ()
    made = [project.create, project.test]
    phases = ["create"] if any(action is not None and _asks(action) for action in made) else []
    if condition.policy != "restore_only" and is_own(condition) and _asks(condition.cleanup):
        phases.append("cleanup")
    numbers = range(1, project.backend.requests + 1)
    return tuple(Slot(phase, REQUEST, number) for phase in phases for number in numbers)


def _asks(written: Doing) -> bool:
    """Whether it is code that can send requests."""
    return isinstance(written, str) and written != AUTO


def _backend(condition: Condition, project: ProjectSetting) -> Iterator[Problem]:
    if project.backend is None:
        return
    chain = {name: registry.find("recovery", name) for name in condition.recoveries}
    if condition.policy != "cleanup_only" and all(c.needs_sole_access for c in chain.values()):
        yield Problem(
            ("recoveries",),
            f"{', '.join(chain)} cannot restore while the backend is connected; {advice()}",
        )


def _cleanup_action(condition: Condition) -> Action:
    project = condition.project
    assert project is not None  # noqa: S101 - see is_own
    return action_of(condition.cleanup, Path(project.home), timeout_s=project.timeout_s)


def _database(project: ProjectSetting) -> Iterator[Problem]:
    key = ("project", "database")
    if not os.path.lexists(project.path):  # else it is what is meant, whatever it is called
        try:
            address_of(project.database, what="this")
        except UsageError as error:
            yield Problem(key, str(error))
            return
    try:
        with project.path.open("rb") as file:
            header = file.read(len(_HEADER))
    except OSError as error:
        yield Problem(key, f"{project.path}: {error.strerror}; give the path of a SQLite file")
        return
    if header not in (_HEADER, b""):
        yield Problem(key, f"{project.path} is no SQLite database")


def _recoveries(condition: Condition, project: ProjectSetting) -> Iterator[Problem]:
    """Refuse a chain of which no recovery can work on the database; a backend may change that."""
    if condition.policy == "cleanup_only" or project.backend is not None:
        return
    mode = _journal_mode(project.path)
    chain = {name: registry.find("recovery", name) for name in condition.recoveries}
    if mode and all(mode not in kind.journal_modes for kind in chain.values()):
        yield Problem(
            ("recoveries",),
            f"{', '.join(chain)} cannot back up {project.path}, which is in journal mode "
            f"{mode!r}; {advice(journal_mode=mode)}",
        )


def _journal_mode(database: Path) -> str:
    """Read it from the file's header (https://www.sqlite.org/fileformat.html); "" without one."""
    try:
        with database.open("rb") as file:
            header = file.read(_VERSIONS.stop)
    except OSError:
        return ""  # said elsewhere
    if len(header) < _VERSIONS.stop:
        return "delete"  # an empty file is an empty database
    return "wal" if header[_VERSIONS] == b"\x02\x02" else "delete"


def _cleanup(condition: Condition, project: ProjectSetting) -> Iterator[Problem]:
    cleanup, key = condition.cleanup, ("cleanup",)
    if "cleanup" not in condition.model_fields_set:
        yield Problem(key, f'is missing: a command, "by_difference" or "{NONE}"')
    elif cleanup == NONE and condition.policy == "cleanup_only":
        yield Problem(key, "no cleanup and no restore: nothing would be measured")
    elif is_own(condition):
        yield from _doing(key, cleanup, project)
    elif cleanup != NONE and registry.find("cleanup", str(cleanup)).over == "http":
        yield Problem(key, f"{cleanup} asks the platform's own API; give a cleanup of your own")
    elif cleanup == "sql" and project.create != AUTO:
        yield Problem(key, f'sql deletes what create = "{AUTO}" has made; by_difference finds it')


def _doing(key: tuple[str, ...], written: Doing, project: ProjectSetting) -> Iterator[Problem]:
    """Refuse what cannot even be begun."""
    if not isinstance(written, str) or CALLABLE.fullmatch(written):
        return  # statements and functions are tried before the first cycle
    try:
        first = shlex.split(written)[0]
    except ValueError as error:
        yield Problem(key, f"{written!r} is no command line: {error}")
        return
    there = shutil.which(first) or (Path(project.home) / first).exists()
    if _WORD.fullmatch(written) and not there:
        known = (*registry.names("cleanup"), NONE) if key == ("cleanup",) else (AUTO,)
        hint = nearest(written, known)
        yield Problem(key, f"{written!r} is no command; {hint}known words: {', '.join(known)}")


__all__ = ["is_own", "of_project", "own_processes", "own_requests", "own_slots"]
