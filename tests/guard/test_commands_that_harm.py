"""Commands that reach for what the guard keeps: never proven, and no bystander harmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import RestoreError
from harness.guard.command import run_recover
from harness.guard.leftovers import recover
from tests.guard.test_command import MAKE, PYTHON, baseline, guarded, left_beside

# what a shell does to $0, the database; "make" is a test that makes a row
HARM = {
    "a copy of the live database over the backup": 'make; cp "$0" "$0.e2e-backup"',
    "one byte of the backup": 'printf x | dd of="$0.e2e-backup" bs=1 seek=5000 conv=notrunc 2>&1',
    "the backup cut short": ': > "$0.e2e-backup"',
}
# the same to its name alone
OUT_OF_REACH = {
    "a pipe in the backup's place": 'rm "$0.e2e-backup"; mkfifo "$0.e2e-backup"',
    "a link in the backup's place": 'make; ln -sf "$0" "$0.e2e-backup"',
    "no backup": 'make; rm "$0.e2e-backup"',
    "no backup and no journal": 'make; rm "$0".e2e-*',
    "nothing of that name": 'rm -f "$0"*',
    "another database of that name": 'rm -f "$0"*; make; true',
    "another folder": 'cd /; rm -rf "${0%/*}"; mkdir "${0%/*}"; make; true',
    "no folder": 'cd /; rm -rf "${0%/*}"',
    "the folder moved": 'cd /; mv "${0%/*}" "${0%/*}.aside"',
}


def harmed(database: Path, script: str, **options: object) -> tuple[int, str]:
    """Run a shell's script guarded."""
    script = script.replace("make;", '"$1" -c "$2" "$0";')
    return guarded(database, "sh", "-c", script, str(database), PYTHON, MAKE, **options)


@pytest.mark.parametrize("script", HARM.values(), ids=HARM)
def test_a_backup_that_was_reached_is_no_proof(folder: Path, script: str) -> None:
    """Whatever was written into the backup, nothing is compared with it, and 125 says so."""
    database, _ = baseline(folder)
    status, said = harmed(database, script, recoveries=["online_backup"])
    assert status == 125, said
    assert "NOT proven" in said


@pytest.mark.parametrize("script", HARM.values(), ids=HARM)
def test_the_pin_makes_up_for_a_backup_that_was_reached(folder: Path, script: str) -> None:
    """A guard that was told nothing has another: the baseline is back, the status its own."""
    database, truth = baseline(folder)
    status, said = harmed(database, script)
    assert status == 0, said
    assert truth.judge(database).exact
    assert left_beside(database) == []


@pytest.mark.parametrize("state", ["usable", "none"])
@pytest.mark.parametrize("script", OUT_OF_REACH.values(), ids=OUT_OF_REACH)
def test_what_is_removed_or_replaced_comes_back(
    folder: Path, script: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever names the command takes away, the baseline is back, with its own status.

    Also where no folder for second names can be had: the guard holds the files themselves.
    """
    if state == "none":
        monkeypatch.setenv("HARNESS_STATE_DIR", "/dev/null/state")
    (place := folder / "data").mkdir()
    database, truth = baseline(place)
    status, said = harmed(database, script)
    assert status == 0, said
    assert ("kept out of the tests' reach" in said) == (state == "none")
    assert truth.judge(database).exact
    assert left_beside(database) == []


def test_the_next_of_the_chain_makes_up_for_it(folder: Path) -> None:
    """With one backup altered the baseline is proven by, and comes back from, the other."""
    database, truth = baseline(folder)
    script = f'{PYTHON} -c "$1" "$0"; cp "$0" "$0.e2e-backup"'
    status, said = guarded(
        database, "sh", "-c", script, str(database), MAKE, recoveries=("online_backup", "file_copy")
    )
    assert status == 0, said
    assert truth.judge(database).exact


def test_a_link_in_the_databases_place_is_seen_and_never_followed(folder: Path) -> None:
    """Also one to an equal file: not proven, the bystander untouched, back once it is gone."""
    database, truth = baseline(folder)
    bystander = folder / "bystander"
    bystander.write_bytes(database.read_bytes())
    before = bystander.read_bytes()
    status, said = harmed(database, f'rm "$0"; ln -s "{bystander}" "$0"')
    assert status == 125, said
    for _ in range(2):
        with pytest.raises(RestoreError, match=r"symbolic link to .*bystander now"):
            recover(database)
    assert bystander.read_bytes() == before
    database.unlink()
    assert recover(database) == "online_backup"
    assert truth.judge(database).exact
    assert bystander.read_bytes() == before


def test_a_folder_in_the_databases_place(folder: Path) -> None:
    """It is left alone, and said to be moved away; then the baseline comes back."""
    database, truth = baseline(folder)
    status, _ = harmed(database, 'rm "$0"; mkdir "$0"')
    assert status == 125
    said: list[str] = []
    assert run_recover(str(database), say=said.append) == 125
    assert "a folder now" in said[0]
    database.rmdir()
    assert run_recover(str(database), say=said.append) == 0
    assert truth.judge(database).exact


def test_what_cannot_be_removed_is_said_and_tried_again(folder: Path) -> None:
    """A folder in a part's place keeps the backup: it is told, and the next guard removes it."""
    database, truth = baseline(folder)
    status, said = harmed(database, 'mkdir "$0.e2e-backup.part"')
    assert status == 0
    assert "could not be removed" in said
    with pytest.raises(RestoreError, match=r"at its baseline.*Put that right"):
        recover(database)
    Path(f"{database}.e2e-backup.part").rmdir()
    assert guarded(database, "true")[0] == 0
    assert truth.judge(database).exact
    assert left_beside(database) == []


@pytest.mark.parametrize(
    ("suffix", "script"),
    [
        ("-wal", 'rm -f "$0-wal"; mkdir "$0-wal"'),
        ("-wal", 'rm -f "$0-wal"; ln -s by "$0-wal"'),
        ("-journal", 'make; ln -s by "$0-journal"'),
    ],
)
def test_what_sqlite_would_trip_over_is_named(folder: Path, suffix: str, script: str) -> None:
    """A folder or a link where SQLite keeps its own: recover names it, and works without it."""
    database, truth = baseline(folder)
    bystander = database.parent / "by"
    bystander.write_text("x")
    assert harmed(database, script, recoveries=["online_backup"])[0] == 125
    said: list[str] = []
    assert run_recover(str(database), say=said.append) == 125
    assert f"{database.name}{suffix}, where SQLite keeps its own" in said[0]
    odd = Path(f"{database}{suffix}")
    odd.rmdir() if odd.is_dir() else odd.unlink()
    assert run_recover(str(database), say=said.append) == 0
    assert truth.judge(database).exact
    assert bystander.read_text() == "x"


def test_no_command_is_named_that_cannot_help(folder: Path) -> None:
    """With backup and journal gone nobody is sent to a recover that would find nothing to do."""
    database, _ = baseline(folder)
    script = 'make; : > "$0.e2e-backup"; rm "$0".e2e-*'
    status, said = harmed(database, script, recoveries=["online_backup"])
    assert (status, said.count("harness recover")) == (125, 1)
    assert f"harness recover --database {database} --discard" in said
    assert run_recover(str(database), discard=True, say=lambda _: None) == 0
    assert guarded(database, "true")[0] == 0
    assert "backup is gone or altered" in said
    assert "harness restore" in said
