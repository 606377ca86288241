"""What a killed guard left behind, and how the next one brings the baseline back from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.databases import Differences
from harness.databases.engine import Address, Given
from harness.databases.errors import explained
from harness.errors import RestoreError, UsageError
from harness.guard.journal import CAPTURED, CAPTURING, PROVEN, AtWork, Entry, how_to_recover
from harness.guard.locked import note_who
from harness.guard.result import GONE, UNKNOWN, GuardResult, Kept
from harness.guard.resumed import Resumed
from harness.guard.survivors import Dealing, Say, is_of_the_dead, refuse_living
from harness.guard.target import Target, target_of
from harness.log import Log
from harness.system import processes
from harness.system.files import Files

_LOG = Log("guard.leftovers")


class BackupsLost(RestoreError):
    """No backup of a killed guard's is what it was any more."""


def is_pending(database: Given | Address | Target, *, state: Path | None = None) -> bool:
    """Whether a guard has left anything of a database, or is at work on it; opens nothing."""
    return target_of(database, state=state).journal.exists


def recover(
    database: Given | Address | Target,
    *,
    files: Files | None = None,
    busy_timeout_ms: int = 1000,
    archives: bool = False,
    state: Path | None = None,
    asked: bool = False,
    survivors: Dealing = "refuse",
) -> str | None:
    """Bring back the baseline that a killed guard left behind; what the next guard does by itself.

    Nothing opens the database before a pinned baseline is held again.

    Args:
        database: as it was given; what it stands in may be gone.
        files: the file operations.
        busy_timeout_ms: how long to wait for another's lock.
        archives: what is there now is kept before anything is put back; that is done in any case
            where nothing in the tests' reach tells of a guard any more.
        state: the folder of the second names; None is this user's own.
        asked: people want it, also where it may have been done already by somebody else.
        survivors: what is done about processes that live and that its tests have started.

    Returns:
        the name of the recovery that did it, None when there was nothing to do.

    Raises:
        UsageError: a guard is at work, or what stands there is none of ours; nothing was changed.
        RestoreError: no backup could be put back; journal and backups are kept.
    """
    target = target_of(database, files=files, busy_timeout_ms=busy_timeout_ms, state=state)
    return bring_back(target, archives=archives, asked=asked, survivors=survivors)


def bring_back(
    target: Target,
    *,
    archives: bool = False,
    asked: bool = False,
    survivors: Dealing = "refuse",
    say: Say = lambda _: None,
    into: GuardResult | None = None,
) -> str | None:
    """Do what ``recover`` does, to a target; ``say`` is told which processes were ended.

    ``into`` is told how it went, and then nothing is put back where nothing but its
    ``own_settings`` differs.
    """
    dealing = partial(_brought_back, archives=archives, asked=asked, survivors=survivors, say=say)
    try:
        return dealing(target, into=into)
    except target.engine.Error as error:
        target.journal.release()
        raise RestoreError(
            f"{target.address}: what a guard may have left there could not be dealt with, and is "
            f"kept: {_why(target, error)}"
        ) from error


def _brought_back(
    target: Target,
    *,
    archives: bool,
    asked: bool,
    survivors: Dealing,
    say: Say,
    into: GuardResult | None,
) -> str | None:
    journal = target.journal
    if journal.exists:
        target.refuse_stranger(given=True)
    entries = _adopted(target, survivors, say)
    if not entries:
        target.sweep()
        return None
    state = entries[-1]["state"]
    _LOG.info("an earlier guard of %s has left its journal: %s", target.address, state)
    backups: list[Resumed] = []
    try:
        _refuse_an_empty_one(target, entries)
        backups = known_again(target, entries[-1])
        if entries[-1]["state"] in (CAPTURING, PROVEN):  # the baseline is live, only tidy up
            if not target.has_place:  # or was: what it stood in is gone since
                target.forget()
            else:
                _tidy_up(target, backups)
            return None
        refuse_living(target, entries, dealing=survivors, asked=asked, say=say)
        _refuse_doubt(target, asked=asked)
        if journal.exists:
            target.refuse_stranger()  # somebody may have used the wait
        target.make_place()
        target.sweep(archives_alone=True)
        hold_pins(backups)
        _refuse_what_is_lost(target, backups)
        result = into or GuardResult()
        if into is not None:
            result.found = _found(target, backups).without(result.own_settings)
            if result.found.clean("exact") and not target.attributes():
                _tidy_up(target, backups, proven=True)
                result.ended = "cleaned"
                return None
        # after a kill what stands there now may be what people made since
        absent = into is None and any(backup.recovery.of_absence for backup in backups)
        if archives or absent or not journal.is_in_reach:
            result.archive = _keep(target)
        result.restored_by = _put_back(target, backups, result.own_settings)
        result.archive = target.archived(result.archive)
        result.remaining, result.ended = Differences(), "restored"
        _LOG.info("the baseline was brought back by %s", result.restored_by)
        return result.restored_by
    finally:
        for backup in backups:
            backup.recovery.release()
        journal.release()  # whatever went wrong, the next one must be able to take over


def _adopted(target: Target, survivors: Dealing, say: Say) -> list[Entry]:
    """Take the journal over, also from forks of a dead guard, which have inherited its lock."""
    try:
        return target.journal.adopt()
    except AtWork:
        entries = target.journal.noted()
        if not is_of_the_dead(entries):
            raise
        refuse_living(target, entries, dealing=survivors, say=say)
    return target.journal.adopt()


def known_again(target: Target, entry: Entry) -> list[Resumed]:
    """Make every recovery that a journal's entry names, each with what it said of itself."""
    return [
        Resumed(target.recovery_again(description), description, target.engine.Error)
        for description in entry.get("backups", [])
    ]


def hold_pins(backups: list[Resumed]) -> None:
    """Hold every baseline again that is in the database's own file; before anything opens it."""
    for backup in backups:
        if backup.recovery.pins:
            backup.resume()


def tidy(backups: list[Resumed]) -> None:
    """Remove what every recovery of the chain kept, whether or not it could still be used."""
    for backup in backups:
        backup.resume()  # nothing left to resume, or others are at work: no matter
        backup.recovery.dispose()


def captured_by_the_dead(entries: list[Entry]) -> bool:
    """Whether a guard was killed while its tests ran, or before it had brought back."""
    return bool(entries) and entries[-1]["state"] == CAPTURED


# The refusals; each leaves everything as it is.


def _refuse_an_empty_one(target: Target, entries: list[Entry]) -> None:
    if "pid" not in entries[0] and (backups := target.standing_backups()):
        raise RestoreError(
            f"{target.journal} is empty, but there is a backup, {backups[0]}: nothing was "
            f"changed. Compare them ('harness verify') and put it back if need be ('harness "
            f"restore'), then {how_to_recover(target.address)} --discard"
        )


def _refuse_doubt(target: Target, *, asked: bool) -> None:
    if asked or not target.journal.is_doubtful:
        return
    raise RestoreError(
        f"a guard of {target.address} was killed, and its journal beside the database is gone: "
        "the tests removed it; or another user, or one with another home, has brought the "
        "baseline back since; or this is another database at the same path. Bring it back "
        f"('{how_to_recover(target.address)}') or keep what is there (the same with --discard)"
    )


def _refuse_what_is_lost(target: Target, backups: list[Resumed]) -> None:
    """Refuse before anything is archived where no backup of the chain is what it was."""
    reasons = []
    for backup in backups:
        try:
            backup.must_be_resumed()
            backup.recovery.check()
        except (RestoreError, UsageError) as error:
            reasons.append(f"{backup.recovery.name}: {error}")
        except Exception:  # noqa: BLE001 - a lock or the disk is in the way: it may be there
            return
        else:
            return
    raise BackupsLost(_could_not(target, reasons))


def _could_not(target: Target, reasons: list[str]) -> str:
    users = target.users() - {os.getpid()}
    who = f"; it is open in process {processes.named(users)}" if users else ""
    return (
        f"{target.address} could not be brought back: {' | '.join(reasons)}{who}. If what is there "
        f"now is what you want: {how_to_recover(target.address)} --discard"
    )


# The steps.


def _found(target: Target, backups: list[Resumed]) -> Differences:
    """Find what differs, by the first backup that can tell; UNKNOWN where none can."""
    for backup in backups:
        with suppress(Exception):  # whoever restores says what is wrong
            backup.must_be_resumed()
            backup.recovery.check()
            target.know_attributes(backup.recovery, backup.description)
            left = target.attributes()
            target.put_attributes_back()
            gone = target.is_gone and not backup.recovery.of_absence
            found = GONE if gone else backup.recovery.differences()
            return replace(found, attributes=left)
    return UNKNOWN


def _keep(target: Target) -> Kept | None:
    try:
        return target.archive()
    except (OSError, target.engine.Error) as error:
        raise RestoreError(
            f"what {target.database} holds now could not be kept as an archive, so nothing was put "
            f"back: {_why(target, error)}"
        ) from error


def _put_back(
    target: Target, backups: list[Resumed], own_settings: Mapping[str, tuple[Any, Any]]
) -> str:
    """Restore from the first backup of the chain that brings the baseline back."""
    reasons = []
    for backup in backups:
        recovery = backup.recovery
        try:
            backup.must_be_resumed()
            target.know_attributes(recovery, backup.description)
            recovery.restore()
            recovery.check()
            kept_from = target.put_attributes_back()
            differences = recovery.differences().without(own_settings)
            differences = replace(differences, attributes=target.attributes())
        except Exception as error:  # noqa: BLE001 - the reason is told, the next backup is tried
            recovery.release()
            reasons.append(f"{recovery.name}: {_why(target, error)}")
            continue
        if differences.proves("exact"):
            _tidy_up(target, backups, proven=True)
            return recovery.name
        recovery.release()
        reasons.append(f"{recovery.name}: {'; '.join(kept_from or differences.sentences())}")
    raise RestoreError(_could_not(target, reasons))


def _tidy_up(target: Target, backups: list[Resumed], *, proven: bool = False) -> None:
    """Remove what the guard left, the journal last; ``proven``: it must last and say so first."""
    try:
        if proven:
            target.make_durable()
            descriptions = [backup.description for backup in backups]
            target.journal.write({"state": PROVEN, "backups": descriptions})
        tidy(backups)
        target.journal.end()
        if proven:
            target.put_times_back()
    except (OSError, target.engine.Error) as error:
        raise RestoreError(
            f"{target.address} is at its baseline, but what a guard left beside it cannot be "
            f"removed: {error}. Put that right, then run '{how_to_recover(target.address)}'"
        ) from error


def _why(target: Target, error: Exception) -> str:
    """Say it in people's words where the system has only a code ("not an error", SQLite says)."""
    if isinstance(error, (OSError, target.engine.Error)):
        note_who(error, target)
        return explained(error)
    return str(error)
