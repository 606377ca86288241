"""The command: `python -m tests.mutation --help`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tests.mutation
from tests.mutation.sampling import ROOMS, Placed, sample
from tests.mutation.trying import Copy, load

CHECKOUT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Try a sample of defects; 0 when enough were noticed, 1 when not, 2 for a refusal."""
    asked = _parsed(arguments)
    if os.geteuid() == 0:
        print(  # noqa: T201
            "tests.mutation does not run as root: a defect in code that removes files or gives "
            "them away would be let loose on this machine. Run it as an ordinary user, on a "
            "checkout that this user can read.",
            file=sys.stderr,
        )
        return 2
    drawn = sample(CHECKOUT, tuple(asked.rooms.split(",")), asked.sample, asked.seed)
    if asked.list:
        print(*drawn, sep="\n")  # noqa: T201
        return 0
    results = asked.results.resolve()
    load()
    jobs = []
    for job in range(asked.jobs):
        child = os.fork()
        if not child:
            _work(drawn[job :: asked.jobs], results, asked)
            os._exit(0)
        jobs.append(child)
    for child in jobs:
        os.waitpid(child, 0)
    return _told(drawn, read(results), asked.at_least)


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.mutation", description=tests.mutation.__doc__)
    add = parser.add_argument
    add("--sample", type=int, default=300, help="how many defects (300)")
    add("--seed", type=int, default=1, help="the same one draws the same defects (1)")
    add("--rooms", default=",".join(ROOMS), help=f"folders in harness ({','.join(ROOMS)})")
    add("--jobs", type=int, default=2, help="how many at a time (2)")
    add("--limit", type=float, default=600.0, help="seconds that one step of tests may take (600)")
    add(
        "--steps",
        type=int,
        default=4,
        help="of tests: 1 the file's own, 2 those of what imports it, 3 its room, 4 others' (4)",
    )
    add("--minutes", type=float, default=float("inf"), help="begin no other defect after that")
    add("--at-least", type=float, default=0.9, help="share that must be noticed (0.9)")
    add("--list", action="store_true", help="say what was drawn, and try nothing")
    add(
        "--results",
        type=Path,
        default=Path(tempfile.gettempdir(), "mutation.jsonl"),
        help="where each outcome is written, a line each; what was noticed is not "
        "tried again, nor what survived as many steps",
    )
    return parser.parse_args(arguments)


def _work(drawn: Sequence[Placed], results: Path, asked: argparse.Namespace) -> None:
    """Try defects one after the other, in a copy of the checkout that goes afterwards."""
    until = time.monotonic() + asked.minutes * 60
    with tempfile.TemporaryDirectory(prefix="mutation-", ignore_cleanup_errors=True) as folder:
        copy = Copy(CHECKOUT, Path(folder, "checkout"), asked.limit)
        for placed in drawn:
            if time.monotonic() > until:
                return
            if _is_known(read(results), placed, asked.steps):
                continue
            verdict = copy.judge(placed, asked.steps)
            found = {"name": str(placed), "text": placed.mutant.text, "steps": asked.steps}
            found |= verdict._asdict()
            with results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found) + "\n")


def _is_known(results: Sequence[dict[str, Any]], placed: Placed, steps: int) -> bool:
    """Whether it was noticed, or survived as many steps."""
    return any(
        known["name"] == str(placed) and (known["word"] != "survived" or known["steps"] >= steps)
        for known in results
    )


def read(results: Path) -> list[dict[str, Any]]:
    """Read the outcomes that there are."""
    if not results.exists():
        return []
    return [json.loads(line) for line in results.read_text("utf-8").splitlines()]


def _told(drawn: Sequence[Placed], found: Sequence[dict[str, Any]], at_least: float) -> int:
    """Print the share that was noticed, and a table of the others; the exit code."""
    named = {str(placed) for placed in drawn}
    last = {outcome["name"]: outcome for outcome in found}
    tried = [outcome for name, outcome in last.items() if name in named]
    counted = Counter(outcome["word"] for outcome in tried)
    noticed = len(tried) - counted["survived"]
    lines = [f"{noticed} of {len(tried)} noticed, of {len(drawn)} drawn: {dict(counted)}"]
    survived = sorted(
        (one["name"], one["text"].replace("|", "\\|")) for one in tried if one["word"] == "survived"
    )
    if survived:
        lines += ["", "| defect | becomes |", "|---|---|"]
        lines += [f"| {name} | `{text}` |" for name, text in survived]
    print(*lines, sep="\n")  # noqa: T201
    return 0 if tried and noticed >= at_least * len(tried) else 1


if __name__ == "__main__":
    sys.exit(main())
