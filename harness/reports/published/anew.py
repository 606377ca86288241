"""Make published runs anew: ``python -m harness.reports.published.anew results/published.toml``.

The manifest names the runs, each with its experiment, and the simulations; this starts the commands
that people would type, one after the other, and puts what they leave in the manifest's folder. A
run takes the place of the one before only when it is whole. README, page and pictures follow.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from harness.errors import ConfigurationError, UsageError
from harness.reports.published import readme as readme_tables

KEPT = ("cycles.parquet", "report.html", "run.json", "summary.json")
_DECIDED = (0, 1, 3)  # supported, refuted, undecided: each is an answer


@dataclass(frozen=True, slots=True)
class Published:
    """One run of the manifest."""

    name: str
    experiment: Path
    formats: Mapping[str, str]  # file -> format of ``harness report``
    prepare: Sequence[str]
    needs: Sequence[Path]
    quoted: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is published in one folder."""

    folder: Path
    readme: Path
    page: Path
    runs: Sequence[Published]
    simulations: Mapping[str, str]  # name -> module
    pictures: Sequence[Path]  # scripts that draw from the quoted runs, whose folders they are given

    @property
    def quoted(self) -> list[Path]:
        """The folders of the runs that the page shows, in its order."""
        return [self.folder / run.name for run in self.runs if run.quoted]

    @property
    def listed(self) -> list[Path]:
        """The folders of the runs that it lists and does not quote."""
        return [self.folder / run.name for run in self.runs if not run.quoted]


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; its paths are relative to its folder.

    Raises:
        ConfigurationError: it is no TOML, or a run names no experiment.
    """
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
        runs = [_run(path.parent, name, given) for name, given in written["runs"].items()]
        return Manifest(
            path.parent,
            path.parent / written["readme"],
            path.parent / written["page"],
            runs,
            written.get("simulations", {}),
            [path.parent / script for script in written.get("pictures", ())],
        )
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise ConfigurationError(f"{path}: {error}") from error


def _run(folder: Path, name: str, given: Mapping[str, Any]) -> Published:
    return Published(
        name,
        folder / given["experiment"],
        given.get("formats", {}),
        given.get("prepare", ()),
        [folder / needed for needed in given.get("needs", ())],
        given.get("quoted", True),
    )


def missing(manifest: Manifest, only: Sequence[str]) -> list[str]:
    """Say what is not there, before anything runs: it would be found after half an hour."""
    known = [run.name for run in manifest.runs] + list(manifest.simulations)
    problems = [f"{name}: no such run; known: {', '.join(known)}" for name in only]
    problems = [text for text, name in zip(problems, only, strict=True) if name not in known]
    for run in manifest.runs:
        if only and run.name not in only:
            continue
        wanted = [run.experiment, *run.needs]
        problems += [f"{run.name}: {path} is not there" for path in wanted if not path.exists()]
    return problems


def make_run(run: Published, manifest: Manifest) -> None:
    """Run the experiment and put what it leaves in the place of what is published.

    It is begun where the README stands, and by relative paths, as its reader would: what a run
    tells of where it began then holds in any checkout, and no folder of this machine is told.

    Raises:
        UsageError: a command ended otherwise than with an answer; nothing is replaced.
    """
    for command in run.prepare:
        _ended(run.name, command.split(), (0,), cwd=run.experiment.parent)
    begun_in, folder = manifest.readme.resolve().parent, manifest.folder.resolve()
    experiment = os.path.relpath(run.experiment, begun_in)
    # beside the place that it will have: what is told relative to it stays true
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{run.name}.") as made:
        output = os.path.relpath(made, begun_in)
        asked = [*_harness(), "run", experiment, "--output", output]
        _ended(run.name, asked, cwd=begun_in)
        for file, form in run.formats.items():
            report = [*_harness(), "report", output, "--format", form]
            _ended(run.name, [*report, "--output", f"{output}/{file}"], (0,), begun_in)
        (folder / run.name).mkdir(exist_ok=True)
        for file in (*KEPT, *run.formats):
            shutil.move(Path(made, file), folder / run.name / file)
    write_page(run, manifest)  # its commands name the folder that it lies in now


def write_pages(manifest: Manifest, only: Sequence[str]) -> None:
    """Write the pages of those stored runs again, or of all."""
    for run in manifest.runs:
        if (not only or run.name in only) and (manifest.folder / run.name).exists():
            write_page(run, manifest)


def write_page(run: Published, manifest: Manifest) -> None:
    """Write the page of a stored run again, as the code of today makes it."""
    begun_in = manifest.readme.resolve().parent
    folder = os.path.relpath(manifest.folder.resolve() / run.name, begun_in)
    page = [*_harness(), "report", folder, "--format", "html", "--output", f"{folder}/report.html"]
    _ended(run.name, page, (0,), begun_in)


def _harness() -> list[str]:
    return [sys.executable, "-m", "harness"]


def _ended(
    name: str, argv: Sequence[str], fine: Sequence[int] = _DECIDED, cwd: Path | None = None
) -> None:
    status = subprocess.run(argv, cwd=cwd, check=False).returncode  # noqa: S603 - the manifest's own commands
    if status not in fine:
        raise UsageError(f"{name}: {' '.join(argv)} ended with {status}; what is published stays")


@click.command()
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--only", multiple=True, metavar="NAME", help="Only this one; may be repeated.")
@click.option("--pages", is_flag=True, help="Run nothing: only write the runs' pages again.")
def main(manifest: Path, *, only: Sequence[str], pages: bool) -> None:
    """Make anew what MANIFEST says is published, and the documents that quote it."""
    try:
        published = read_manifest(manifest.resolve())
        if pages:
            write_pages(published, only)
            return
        if problems := missing(published, only):
            raise UsageError("\n".join(problems))
        for run in published.runs:
            if not only or run.name in only:
                make_run(run, published)
        for name, module in published.simulations.items():
            if not only or name in only:
                output = str(published.folder / name)
                _ended(name, [sys.executable, "-m", module, "--output", output], (0,))
        quoted = list(map(str, published.quoted))
        documents = [str(published.readme), str(published.page)]
        also = [f"--also={run}" for run in published.listed if run.exists()]
        readme_tables.main([*documents, *quoted, *also], standalone_mode=False)
        for script in published.pictures:
            _ended(script.name, [sys.executable, str(script), *quoted], (0,))
    except UsageError as error:
        raise click.UsageError(str(error)) from error


if __name__ == "__main__":
    main()
