"""Put results into documents: ``python -m harness.reports.published.readme README.md PAGE.md RUN``.

The README has the answer in short, the page every sentence and table, and which runs there are.
Between their pairs of markers everything is replaced by what the runs' summary.json say; with
--check nothing is written, and the exit status is 1 when a document says anything else.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from harness.analysis.summary import read_summary
from harness.errors import MeasurementError, UsageError
from harness.reports.markdown import escape, render_table
from harness.reports.published.said import BEGIN as SAID_BEGIN
from harness.reports.published.said import END as SAID_END
from harness.reports.published.said import said_block, short_block
from harness.reports.words import by_strata, decided, joint_failures, silent_cleanups
from harness.reports.words.scenario import scenario
from harness.reports.words.stage import FINE, stage
from harness.reports.words.tables import WALL, Table, claims
from harness.results.folder import read_run
from harness.results.reading import SUMMARY
from harness.statistics.digits import milliseconds

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
RUNS_BEGIN, RUNS_END = "<!-- published: begin -->", "<!-- published: end -->"
WIDTH = 100  # columns of a story
_COSTS = ("backup", "restore", "verify")


def readme_table(summary: Mapping[str, Any]) -> str:
    """Return the Markdown table of one summary.

    The claims table where the experiment has one, with what a project's own cleanups did not say;
    else the stories, as a terminal shows them; else where curves hold, what strata estimate and
    whether cleanup and restore fail independently; else what failed together where causes are
    shared; else what each recovery costs at each size, from
    conditions named ``recovery/size_bytes``. UsageError for a summary that has none of these.
    """
    if summary["rows"]:
        table = claims(summary)
        return "\n".join([table.about, "", *render_table(table), *_unsaid(summary)])
    if summary.get("stories"):
        return "\n\n".join(_told(kept) for kept in summary["stories"])
    tables = [*_rare(summary), *_swept(summary), *_independent(summary)]
    if tables:
        return "\n\n".join("\n".join(render_table(table)) for table in tables)
    if any((condition.get("together") or {}).get("causes") for condition in summary["conditions"]):
        rows = joint_failures.rows(summary["conditions"])
        figures = frozenset(joint_failures.HEADINGS[1:-1])
        return "\n".join(
            render_table(
                Table(joint_failures.TITLE, joint_failures.HEADINGS, rows, figures=figures)
            )
        )
    return "\n".join([WALL, "", *render_table(_costs(summary))])


def _unsaid(summary: Mapping[str, Any]) -> list[str]:
    """Give the table of what a project's own cleanups did not say, where they are its own."""
    rows = silent_cleanups.rows(summary["conditions"])
    if not rows:
        return []
    figures = frozenset(silent_cleanups.HEADINGS[1:-1])
    return [
        "",
        *render_table(
            Table(silent_cleanups.TITLE, silent_cleanups.HEADINGS, rows, figures=figures)
        ),
    ]


def _rare(summary: Mapping[str, Any]) -> Iterator[Table]:
    """Give what strata estimate beside what was counted at the same rate."""
    for condition in summary["conditions"]:
        rows = list(by_strata.beside_brute_force(condition, summary))
        headings = ("fault rate", "counted", "cycles", "by number of faults", by_strata.ALIKE)
        if rows:
            yield Table(condition["name"], headings, rows, figures=frozenset({"cycles"}))


def _swept(summary: Mapping[str, Any]) -> Iterator[Table]:
    """Give up to where each curve holds and from where it breaks; not where strata say more."""
    if any(condition.get("strata") for condition in summary["conditions"]):
        return
    rows = [
        (decided.named(curve), curve["frontier"]["sentence"])
        for curve in summary.get("curves") or ()
    ]
    if rows:
        yield Table("frontiers", ("curve", "fault rate of each slot"), rows)


def _independent(summary: Mapping[str, Any]) -> Iterator[Table]:
    """Give what independence predicts beside what was measured, where that is the question."""
    if summary.get("curves"):
        return
    for shown in decided.shown(summary):
        if shown.title == decided.INDEPENDENCE:
            yield Table(*shown)


def _told(kept: Mapping[str, Any]) -> str:
    """Tell one story in plain text."""
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None, legacy_windows=False)
    console.print(stage(scenario(kept), WIDTH, FINE))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
    return "```text\n" + "\n".join(line.rstrip() for line in text.splitlines()) + "\n```"


def measured_block(summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """Return everything between the markers, for summaries by the path people find them at."""
    parts = []
    for place, summary in summaries.items():
        cycles = sum(condition["cycles"] for condition in summary["conditions"])
        about = (
            f"Measured in {cycles:,} cycle{'s' if cycles > 1 else ''}, from `{place}/{SUMMARY}`:"
        )
        parts += ["", about, "", readme_table(summary)]
    return "\n".join(parts) + "\n"


def published_block(runs: Mapping[str, Path]) -> str:
    """Return the table of the runs: which they are, what they ask, and where their reports are.

    Args:
        runs: each folder, by the path at which the page finds it.
    """
    lines = ["| run | asks |", "| --- | --- |"]
    for place, folder in runs.items():
        name = escape(Path(place).name)
        asks = escape(str(read_run(folder)["experiment"].get("question") or ""))
        lines.append(f"| [{name}]({place}/report.html) | {asks} |")
    return "\n".join(["", *lines, ""])


def in_short(text: str, summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a README with its block made anew; UsageError where it lacks the markers."""
    return _replaced(text, SAID_BEGIN, SAID_END, short_block(summaries))


def in_full(text: str, summaries: Mapping[str, Mapping[str, Any]], runs: Mapping[str, Path]) -> str:
    """Return the page with all its blocks made anew; UsageError where it lacks their markers.

    Args:
        text: of the page.
        summaries: of the runs that are quoted, by the path at which the page finds their folders.
        runs: the folders of all that are listed, by that path.
    """
    listed = _replaced(text, RUNS_BEGIN, RUNS_END, published_block(runs))
    said = _replaced(listed, SAID_BEGIN, SAID_END, said_block(summaries))
    return _replaced(said, BEGIN, END, measured_block(summaries))


def _replaced(text: str, begin: str, end: str, block: str) -> str:
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(end) < text.index(begin):
        raise UsageError(f"there must be one {begin} and, below it, one {end}")
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    return f"{before}{begin}\n{block}\n{end}{after}"


def _costs(summary: Mapping[str, Any]) -> Table:
    rows = []
    for condition in summary["conditions"]:
        recovery, _, size = condition["name"].rpartition("/")
        if not recovery or not size.isdecimal():
            raise UsageError(
                f"{summary['experiment']}: no rows, and condition {condition['name']!r} is no "
                "recovery/size_bytes; there is nothing to make a table of"
            )
        p50 = (milliseconds(condition["timings_ms"][step]["p50"]) for step in _COSTS)
        rows.append((recovery, f"{int(size):,}", *p50))
    headings = ("recovery", "database, bytes", *(f"{step} p50" for step in _COSTS))
    return Table(summary["experiment"], headings, rows, figures=frozenset(headings[1:]))


def documents(
    readme: Path, page: Path, runs: Sequence[Path], also: Sequence[Path] = ()
) -> dict[Path, tuple[str, str]]:
    """Return of both documents what they say and what they should.

    Args:
        readme: has the answer in short.
        page: has everything.
        runs: folders of the runs that are quoted.
        also: of more, which the page lists and does not quote.

    Raises:
        UsageError: a document lacks its markers, or a run a file.
        MeasurementError: a summary is damaged.
    """
    found = {run: read_summary(run / SUMMARY) for run in runs}
    old = {document: document.read_text(encoding="utf-8") for document in (readme, page)}
    try:
        in_page = {_seen_from(page, run): one for run, one in found.items()}
        listed = {_seen_from(page, run): run for run in (*runs, *also)}
        short = in_short(old[readme], {str(run): one for run, one in found.items()})
        return {
            readme: (old[readme], short),
            page: (old[page], in_full(old[page], in_page, listed)),
        }
    except UsageError as error:
        raise UsageError(f"{readme}, {page}: {error}") from error


def _seen_from(document: Path, run: Path) -> str:
    return Path(os.path.relpath(run, document.resolve().parent)).as_posix()


@click.command()
@click.argument("readme", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("page", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("runs", nargs=-1, required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--also",
    multiple=True,
    metavar="RUN",
    type=click.Path(file_okay=False, path_type=Path),
    help="One more that PAGE lists and does not quote; may be repeated.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 when a document differs.")
def main(
    readme: Path, page: Path, runs: Sequence[Path], also: Sequence[Path], *, check: bool
) -> None:
    """Put what RUNS measured into README, in short, and into PAGE, in full."""
    try:
        told = documents(readme, page, runs, also)
    except MeasurementError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    stale = [document for document, (old, new) in told.items() if old != new]
    if check and stale:
        for document in stale:
            click.echo(f"{document}: not what was measured; run this without --check", err=True)
        raise SystemExit(1)
    for document in stale:
        document.write_text(told[document][1], encoding="utf-8")


if __name__ == "__main__":
    main()
