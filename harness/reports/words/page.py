"""A scenario as a piece of the HTML report: the same steps and bars as on a terminal."""

from __future__ import annotations

from html import escape

from harness.reports.words.scenario import Line, Removal, Scenario

MARKS = {"good": "✓", "bad": "✗", "note": "•"}

STYLE = """
.scenario { border-left: .35rem solid var(--good); margin: 1.2rem 0; padding: .2rem 1rem .9rem }
.scenario.dirty { border-left-color: var(--bad); background: var(--bad-soft) }
.scenario h2 { margin-top: .8rem }
.scenario h2 small { color: var(--quiet); font-weight: 400; margin-left: .5rem }
.scenario ol { list-style: none; margin: .6rem 0; padding: 0 }
.scenario li { display: grid; grid-template-columns: 1.2rem 7.5rem minmax(0, 1fr);
  gap: .15rem .5rem }
.scenario li > * { overflow-wrap: anywhere }
.mark { font-weight: 700 }
.mark.good { color: var(--good) } .mark.bad { color: var(--bad) } .mark.note { color: var(--open) }
.removals { grid-column: 2 / -1; display: grid; gap: .1rem 1rem; margin: .2rem 0 .4rem;
  grid-template-columns: max-content 6rem max-content minmax(0, 1fr); align-items: start }
.bar { background: var(--line); border-radius: .3rem; height: .55rem; margin-top: .5rem;
  overflow: hidden }
.bar span { display: block; height: 100%; background: var(--good) }
.bar.bad span { background: var(--bad) }
.removals .failed { display: block }
.failed b { color: var(--bad) } .failed i { color: var(--quiet); font-style: normal }
.end { display: inline-block; font-weight: 700; padding: .1rem .7rem; border-radius: 1rem;
  background: var(--good-soft); color: var(--good) }
.dirty .end { background: var(--bad); color: var(--card) }
@media (max-width: 44rem) { .removals { grid-template-columns: minmax(0, 1fr) max-content }
  .removals .bar { display: none } .removals .entities { grid-column: 1 / -1 }
  .scenario li { grid-template-columns: 1.2rem 6.9rem minmax(0, 1fr) } }
"""


def page(story: Scenario) -> str:
    """Return the scenario as one section; everything in it is escaped."""
    lines = "\n".join(_step(line) for line in story.lines)
    return (
        f'<section class="card scenario {"clean" if story.clean else "dirty"}">\n'
        f"<h2>{escape(story.title)} <small>cycle {story.cycle:,}</small></h2>\n"
        f'<ol>\n{lines}\n</ol>\n<p>{escape(story.took)}</p>\n<span class="end">'
        f"{escape(story.end)}</span>\n</section>"
    )


def _step(line: Line) -> str:
    removals = "".join(_removal(removal) for removal in line.removals)
    below = f'<div class="removals">{removals}</div>' if removals else ""
    return (
        f'<li><span class="mark {line.state}">{MARKS[line.state]}</span>'
        f"<strong>{escape(line.step)}</strong><span>{escape(line.said)}</span>{below}</li>"
    )


def _removal(removal: Removal) -> str:
    share = removal.removed / removal.wanted if removal.wanted else 0.0
    failed = "".join(
        f'<span class="failed" title="{escape(error)}">{escape(entity)}: <b>{escape(reason)}</b> '
        f"<i>after {attempts} attempt{'' if attempts == 1 else 's'}</i></span>"
        for entity, reason, attempts, error in removal.failed
    )
    state = "bad" if removal.failed else "good"
    return (
        f'<span>{escape(removal.table)}</span><span class="bar {state}">'
        f'<span style="width:{share:.0%}"></span></span>'
        f'<span>{escape(removal.tally)}</span><span class="entities">{failed}</span>'
    )
