"""What comes of a run whose cycles are all stored: summary, page, the last screen, verdicts.

Of a shard nothing is judged: a part of the cycles proves nothing, whichever part it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from harness import registry
from harness.errors import MeasurementError
from harness.experiment.run import verdicts
from harness.experiment.run.under_way import UnderWay
from harness.printable import printable
from harness.results import shards
from harness.results.folder import REPORT
from harness.results.store import Store
from harness.terminal import Fitted, command, labelled, wrapped

_HARNESS_ERROR = MeasurementError.exit_code


def concluded(
    folder: Path, console: Console, resume: Sequence[tuple[str, ...]] = ()
) -> list[verdicts.Verdict]:
    """Write summary and report, say on one screen what came of it; return the verdicts.

    Args:
        folder: of a run whose cycles are stored.
        console: where people read.
        resume: the command that goes on with it, option by option; () where there is none.

    Raises:
        MeasurementError: the cycles are damaged, or a file cannot be written.
    """
    from harness.analysis import summary  # noqa: PLC0415 - pandas is slow to import
    from harness.results import reading  # noqa: PLC0415 - pandas is slow to import

    summary.write(reading.Results(folder))
    try:
        html = registry.find("reports", "html")().render(folder)
        (folder / REPORT).write_text(html, encoding="utf-8")
    except OSError as error:
        raise MeasurementError(f"{folder / REPORT}: cannot be written: {error}") from error
    brief = registry.find("reports", "brief")(width=console.width, resume=resume)
    console.out(brief.render(folder).rstrip("\n"), highlight=False)
    return verdicts.of_run(reading.Results(folder))


def shard_ended(run: UnderWay, cycles: range) -> int:
    """Say what a shard has stored; return 4 where any of its cycles is a harness error, else 0."""
    store = Store(run.folder)
    try:
        spoiled = {
            name: number
            for name in store.conditions()
            if (number := sum(1 for _ in store.spoiled(name)))
        }
    finally:
        store.close()
    run.say(f"{run.configured.name}: {shards.named(cycles)}, stored in {run.folder}")
    for name, number in spoiled.items():
        run.say(f"  harness error  {name}: in {number:,} cycle{'' if number == 1 else 's'}")
    status = _HARNESS_ERROR if spoiled else 0
    means = (
        "harness error: the measurement itself is in doubt"
        if spoiled
        else "its cycles ran. A shard is not judged: that is done once it is merged with the others"
    )
    foot: dict[str, Fitted] = {
        "exit status": lambda width: wrapped(f"{status}: {means}", width),
        "next": lambda width: command(
            ["harness", "merge", str(run.folder), "DIR...", "--output", "DIR"], width
        ),
    }
    for line in labelled(foot, run.console.width):
        run.console.out(printable(line), highlight=False)
    return status
