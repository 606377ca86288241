"""The truth for SQLite: what a database file really is, read from its pages.

It shares no code with the guard's own verification, which looks through SQL. Content is every
row of every table, every index entry, the schema, and the settings that the file's header keeps;
and that the file is one, no link to another. A virtual table is its own rows and its index. How it
stores them, sequences, rowids that no column names (VACUUM may change those), permissions and owner
count for the grade ``exact`` only. Where cells lie, free space, root pages, the free list, change
counters and the schema cookie are no content.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import apsw
import numpy as np
import numpy.typing as npt

from harness.truth import Judgement
from harness.truth.sqlite_pages.baseline import Baseline
from harness.truth.sqlite_pages.changes import Changes
from harness.truth.sqlite_pages.checks import Witness, Witnesses, fold_in
from harness.truth.sqlite_pages.compare import Comparison
from harness.truth.sqlite_pages.file_format import Malformed
from harness.truth.sqlite_pages.file_format.image import Image, as_words
from harness.truth.sqlite_pages.findings import Findings
from harness.truth.sqlite_pages.mapped import MappedFile
from harness.truth.sqlite_pages.remembered import Remembered


class SqliteTruth:
    """The judge of one baseline; not for several threads at once.

    Every method is for files that no connection of this process has open.
    """

    def __init__(self, pristine: Path) -> None:
        """Keep the baseline file ``pristine`` in memory; MeasurementError when it is not sound."""
        self._baseline = Baseline(pristine)
        self._witness = Witness(self._baseline.bytes.tobytes())
        self._remembered: Remembered[Findings] = Remembered()
        self._live = MappedFile()
        self._other = MappedFile()
        self._judged: npt.NDArray[np.int64] | None = None  # pages that differed, in ...
        self._judged_data: npt.NDArray[np.uint8] | None = None  # ... the file as it was mapped
        self._unequal = np.empty(len(self._baseline.bytes) // 8, np.bool_)

    def judge(self, database: Path, *, references: bool = True) -> Judgement:
        """Compare ``database`` with the baseline, and list what was left beside it.

        Equal rows violate no foreign key that the baseline's do not. Where rows differ,
        ``references`` says whether to list new violations too: the verdict is the same.

        A -wal or a journal is folded in first, by SQLite. A file that is missing, unreadable or
        broken is judged so; nothing of that kind is raised. The file is kept mapped for the next
        call (see ``release``).
        """
        beside = _beside(database)
        findings = self._fold(database, beside) or self._look(
            database, self._live, references=references
        )
        names = [f"left behind: {name}" for name in beside]
        link, access = self._standing(database)
        rows = findings.rows and not link
        return Judgement(
            rows=rows,
            exact=rows and findings.exact and not access,
            lost=findings.lost,
            left_behind=tuple(beside),
            differences=(*findings.listed(), *link, *access, *names),
        )

    def _standing(self, database: Path) -> tuple[list[str], list[str]]:
        """Say what stands there instead of the file itself, and who may use it now.

        A link is another database, whatever lies at its end: the next write goes there. Permissions
        and owner are no content, so they count for the grade ``exact`` alone.
        """
        try:
            status = os.lstat(database)
        except OSError:
            return [], []  # it is missing, which was seen
        was = self._baseline
        if stat.S_ISLNK(status.st_mode) != was.linked:
            end = f"a symbolic link to {os.readlink(database)}" if not was.linked else "no link"
            return [f"{database.name} is {end} now"], []
        if not stat.S_ISREG(status.st_mode):
            return [], []  # a link as it was; what is no file cannot be read, which was seen
        access = []
        mode, owner = stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid)
        if mode != was.mode:
            access.append(f"permissions of {database.name}: {was.mode:04o} -> {mode:04o}")
        if owner != was.owner:
            before, now = (f"{user}:{group}" for user, group in (was.owner, owner))
            access.append(f"owner of {database.name}: {before} -> {now}")
        return [], access

    def same(self, path: Path) -> bool:
        """Whether the file's own bytes, without any -wal, hold the baseline exactly."""
        try:
            findings = self._look(path, self._other)
        finally:
            self._other.release()
        return findings.rows and findings.exact

    def reset(self, database: Path, *, since_judged: bool = False) -> int:
        """Make ``database`` the baseline byte for byte, alone in its folder; return pages written.

        Only pages that differ are written. Every other file whose name begins with the
        database's is removed, and the permission bits are the pristine file's again. A file that
        is missing, linked, of another kind or not writable is made anew. Raises OSError when even
        that cannot be done. ``since_judged`` promises that nobody has written to the file since
        ``judge`` looked at it, and spares a second look.
        """
        for name in _beside(database):
            _remove(database.with_name(name))
        descriptor = self._open_in_place(database)
        if descriptor is None:
            self._live.release()
            return self._write_anew(database)
        try:
            data = self._live.read(database)
            known = self._judged if since_judged and data is self._judged_data else None
            written = self._write_differing(descriptor, data, known)
            if stat.S_IMODE(os.fstat(descriptor).st_mode) != self._baseline.mode:
                os.fchmod(descriptor, self._baseline.mode)
        finally:
            os.close(descriptor)
        return written

    def release(self) -> None:
        """Let go of the file judged last, so that its space and its file system are free."""
        self._live.release()

    # -- looking --------------------------------------------------------------------------------

    def _fold(self, database: Path, beside: list[str]) -> Findings | None:
        """Fold in what SQLite left beside the database; return findings only when that fails."""
        if not beside:
            return None
        journals = {f"{database.name}-wal", f"{database.name}-journal"} & set(beside)
        waiting = sorted(name for name in journals if database.with_name(name).stat().st_size)
        if not waiting or not database.is_file():
            return None
        try:
            fold_in(database)
        except apsw.Error as error:
            findings = Findings()
            findings.broken(f"{waiting[0]} cannot be folded in: {type(error).__name__}: {error}")
            return findings
        return None

    def _look(self, path: Path, mapped: MappedFile, *, references: bool = False) -> Findings:
        """Compare one file with the baseline."""
        try:
            data = mapped.read(path)
            changed = self._changed(data)
            if mapped is self._live:
                self._judged, self._judged_data = changed, data
            if not len(changed) and len(data) == len(self._baseline.bytes):
                return Findings()
            image = Image(data.data)
        except FileNotFoundError:
            return _unreadable(f"{path.name} is missing")
        except OSError as error:
            return _unreadable(f"{path.name} cannot be read: {error}")
        except Malformed as error:
            return _unreadable(str(error))
        changes = Changes(self._baseline, image, changed)
        remembered = self._remembered.find(changes)
        if remembered is not None:
            return remembered
        witness = Witness(path)
        try:
            comparison = Comparison(changes, Witnesses(self._witness, witness))
            findings = comparison.run(references=references)
        finally:
            witness.close()
        if findings.rows and not comparison.doubts.whole_file:
            self._remembered.keep(changes, comparison.live.nodes, findings)
        return findings

    def _changed(self, data: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """Return the numbers of the pages that differ, of those that both files have."""
        old = self._baseline.words
        new = as_words(data, self._baseline.image.page_size)
        count, width = min(len(old), len(new)), old.shape[1]
        unequal = self._unequal[: count * width].reshape(count, width)
        np.not_equal(old[:count], new[:count], out=unequal)
        return np.flatnonzero(unequal.view(np.uint64).any(axis=1)) + 1

    # -- putting back -----------------------------------------------------------------------------

    def _write_differing(
        self,
        descriptor: int,
        data: npt.NDArray[np.uint8],
        changed: npt.NDArray[np.int64] | None,
    ) -> int:
        """Write the pages that differ, in runs, and cut or extend the file."""
        pristine, size = self._baseline.bytes, self._baseline.image.page_size
        total = len(self._baseline.words)
        whole = min(total, len(data) // size)
        changed = self._changed(data) if changed is None else changed
        wrong = [*(changed - 1).tolist(), *range(whole, total)]
        at = 0
        while at < len(wrong):
            end = at + 1
            while end < len(wrong) and wrong[end] == wrong[end - 1] + 1:
                end += 1
            start = wrong[at] * size
            _write(descriptor, pristine[start : start + (end - at) * size], start)
            at = end
        if len(data) > len(pristine):
            os.ftruncate(descriptor, len(pristine))
        return len(wrong)

    def _open_in_place(self, database: Path) -> int | None:
        """Open a plain file of one name and our owner; None where it must be made anew."""
        try:
            status = os.lstat(database)
            plain = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
            if not plain or (status.st_uid, status.st_gid) != self._baseline.owner:
                return None
            return os.open(database, os.O_RDWR)
        except (FileNotFoundError, PermissionError):
            return None

    def _write_anew(self, database: Path) -> int:
        """Write the whole baseline to a new file."""
        _remove(database)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = os.open(database, flags, self._baseline.mode)
        try:
            _write(descriptor, self._baseline.bytes, 0)
            os.fchmod(descriptor, self._baseline.mode)
        finally:
            os.close(descriptor)
        return len(self._baseline.words)


def _unreadable(sentence: str) -> Findings:
    findings = Findings()
    findings.differ(sentence, lost=True)
    return findings


def _beside(database: Path) -> list[str]:
    """Names in the database's folder that begin with its own, without itself."""
    name = database.name
    try:
        names = os.listdir(database.parent)
    except FileNotFoundError:
        return []
    return sorted(other for other in names if other.startswith(name) and other != name)


def _remove(path: Path) -> None:
    """Remove a file, a link or a folder with all it holds; one that is not there is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write(descriptor: int, data: npt.NDArray[np.uint8], offset: int) -> None:
    view = data.data
    while view:
        done = os.pwrite(descriptor, view, offset)
        view, offset = view[done:], offset + done
