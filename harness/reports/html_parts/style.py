"""The style sheet of the HTML report: both themes and paper, wide screens and phones.

Colours of series and outcomes come from harness.analysis.drawn.colours: people who cannot tell red
from green can tell them apart. Each series has a dash pattern and a mark of its own besides, for
paper without colours.
"""

from __future__ import annotations

from harness.reports.figures import look

_LIGHT = """
  --page: #f7f8fa; --card: #fff; --ink: #1b2330; --quiet: #556070; --line: #dfe3e9;
  --grid: #e6e9ee; --axis: #7d8896; --good: #0f7a43; --good-soft: #dff3e7; --bad: #b3261e;
  --bad-soft: #fbe3e1; --open: #8a5a00; --open-soft: #fbefd5; --set: #1d5fa8;
  --set-soft: #e0edfb; --none: #556070; --band1: #bcd9ee; --band2: #7fb5dc;
  --band3: #3f8cc2; --masked: #d55e00; --other: #e8b23a; --surfaced: #0072b2;
  --waiting: #d5dae1; """ + look.variables("light")
_DARK = """
  --page: #11151b; --card: #1a2029; --ink: #e6eaf0; --quiet: #a3afbd; --line: #2d3642;
  --grid: #29313c; --axis: #8996a6; --good: #6fd69c; --good-soft: #153725; --bad: #ff9a90;
  --bad-soft: #4a1d1a; --open: #f0c060; --open-soft: #40310f; --set: #8bbcf5;
  --set-soft: #17314e; --none: #a3afbd; --band1: #28507a; --band2: #3a77ad;
  --band3: #6ab8f5; --masked: #ff8b3d; --other: #e8b23a; --surfaced: #4f9bd4;
  --waiting: #3a4452; """ + look.variables("dark")
_PAGE = """
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
.frame { max-width: 90rem; margin: 0 auto }
main { padding: 1.5rem 1rem 4rem; min-width: 0 }
[hidden] { display: none !important }
section { scroll-margin-top: 5.5rem } .condition > div { scroll-margin-top: 7.5rem }
h1 { font-size: 1.7rem; line-height: 1.25; margin: .5rem 0 .25rem; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .25rem }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; overflow-wrap: anywhere }
p { margin: .1rem 0 .6rem; color: var(--quiet) }
main p, .findings { max-width: 56rem }
small { font-size: .85rem; font-weight: 400; color: var(--quiet) }
a { color: var(--set) }
.question { font-size: 1.1rem; color: var(--ink); max-width: 52rem }
.tiles { display: grid; gap: .6rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)) }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: .3rem .7rem; color: var(--quiet); font-size: .85rem }
.tile strong { display: block; font-size: 1.5rem; line-height: 1.3; color: var(--ink);
  font-variant-numeric: tabular-nums }
.tile.good strong { color: var(--good) } .tile.bad strong { color: var(--bad) }
.tile.open strong { color: var(--open) }
.verdict-line { font-size: 1.1rem; font-weight: 600; color: var(--ink); margin: .6rem 0;
  border-left: .35rem solid var(--line); padding-left: .7rem }
.verdict-line.good { border-color: var(--good) } .verdict-line.bad { border-color: var(--bad) }
.verdict-line.open { border-color: var(--open) }
.findings { margin: .4rem 0; padding: 0; list-style: none }
.findings li { border-left: .35rem solid var(--line); padding: .1rem 0 .1rem .7rem;
  margin: .3rem 0; overflow-wrap: anywhere }
.findings .good { border-color: var(--good) } .findings .bad { border-color: var(--bad) }
.findings .open { border-color: var(--open) }
.word { color: inherit; text-decoration: underline dotted }
.policy h3 { margin: .8rem 0 .2rem } .policy .tiles { margin: 0 }
.policy.apart { border-left: .35rem solid var(--line); padding-left: .7rem }
.alike { padding-left: 1.4rem } .alike > li { margin: .5rem 0; overflow-wrap: anywhere }
.alike ul { font-size: .85rem; color: var(--quiet); overflow-wrap: anywhere }
.sweep, .condition, .folded { margin: .25rem 0 }
.sweep > .condition { margin-left: 1rem }
.condition > div { padding: 0 0 .6rem 1rem; border-left: 1px solid var(--line);
  margin-left: .3rem }
.condition dl { padding: .2rem 0; font-variant-numeric: tabular-nums }
.condition > summary > .name, .sweep > summary > .name { font-weight: 600 }
.folded > summary h2 { display: inline; margin: 0 }
.folded { border-top: 1px solid var(--line); padding: .4rem 0 0; margin-top: .6rem }
.contents { position: sticky; top: 0; z-index: 2; background: var(--page); display: flex;
  gap: .4rem 1rem; padding: .4rem 1rem; border-bottom: 1px solid var(--line); align-items: center }
.contents ul { list-style: none; display: flex; gap: 1.1rem; margin: 0; padding: .2rem 0;
  font-size: .9rem; overflow-x: auto; white-space: nowrap; min-width: 0 }
#filter { font-size: .9rem; white-space: nowrap } #filter output { color: var(--quiet) }
#filter input { font: inherit; width: 9rem; padding: .15rem .5rem; color: var(--ink);
  background: var(--card); border: 1px solid var(--axis); border-radius: .4rem }
@media screen and (min-width: 75rem) {
  .frame { display: grid; grid-template-columns: 14rem minmax(0, 1fr) }
  .contents { align-self: start; flex-direction: column; align-items: stretch; border: 0;
    max-height: 100vh; overflow-y: auto; padding-top: 2rem }
  .contents ul { flex-direction: column; gap: .4rem; white-space: normal }
  #filter input { width: 100% } #filter label { display: block }
  #filter { white-space: normal }
  section { scroll-margin-top: 3rem } .condition > div { scroll-margin-top: 4rem }
}
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  overflow-x: auto; container-type: inline-size }
.card.long { overflow: clip }
details { margin: .5rem 0 }
summary { cursor: pointer; padding: .3rem 0; overflow-wrap: anywhere }
summary > span:not(.badge, .name) { color: var(--quiet) }
"""
_TABLES = """
table { border-collapse: collapse; width: 100%; font-size: .92rem }
th, td { padding: .5rem .75rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line) }
td > span, .name { unicode-bidi: isolate }
th { color: var(--quiet); font-weight: 600; white-space: nowrap }
tbody tr:last-child > * { border-bottom: 0 }
.figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.measured, .reliability, .data-safety { font-variant-numeric: tabular-nums }
.whole { white-space: nowrap }
.why, .detail { color: var(--quiet) }
td.condition, td.claim, .detail, .question, .why, .cause { overflow-wrap: anywhere }
@container (min-width: 56.01rem) { td.condition, td.claim { min-width: 11rem } }
.badge { display: inline-block; padding: .05rem .55rem; border-radius: 1rem; white-space: nowrap;
  font-weight: 600; font-size: .85rem; background: var(--line); color: var(--quiet) }
.supported, .not-refuted { background: var(--good-soft); color: var(--good) }
.refuted { background: var(--bad-soft); color: var(--bad) }
.undecided { background: var(--open-soft); color: var(--open) }
.set-point, .control { background: var(--set-soft); color: var(--set) }
code { font: .85rem/1.4 ui-monospace, Consolas, monospace; overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0;
  padding: .75rem }
dt { color: var(--quiet) }
dd { margin: 0; overflow-wrap: anywhere }
.small th, .small td { padding: .3rem .4rem; white-space: normal; overflow-wrap: anywhere }
.small td.figure { white-space: nowrap } .stack th, .stack td.figure { white-space: normal }
.first { overflow-wrap: anywhere; min-width: 6rem } .small .first { min-width: 0 }
h4 { margin: .8rem 0 .3rem; font-size: .95rem }
.drawn { table-layout: fixed }
.drawn th, .drawn td { padding: .3rem .75rem; vertical-align: middle; overflow-wrap: anywhere }
.drawn thead { position: sticky; top: 0; background: var(--card); z-index: 1 }
.drawn .name { width: 24% } .drawn .figure { width: 5.6rem } .drawn .reliability { width: 16rem }
.drawn .verdict { width: 8.5rem } .drawn .drawing { padding: 0 1.4rem }
.drawn td.name { overflow-wrap: anywhere }
"""
_FIGURES = """
.strip { display: block; overflow: visible }
.figure-svg { display: block; width: 100%; height: auto; max-width: 27rem; margin: 0 auto }
.key { vertical-align: middle; margin-right: .3rem; overflow: visible }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .85rem; margin: .4rem 0 }
.legend > span { overflow-wrap: anywhere; min-width: 0 }
.multiples { display: grid; gap: .8rem; margin: .6rem 0;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)) }
.pair { grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)) }
.multiples figure { margin: 0; padding: .6rem .7rem; overflow: hidden; min-width: 0 }
.multiples figcaption { font-size: .92rem; overflow-wrap: anywhere }
.multiples figcaption .name { display: block; color: var(--quiet); max-height: 6em;
  overflow: auto }
.multiples figure p { font-size: .85rem; margin: .3rem 0 0; overflow-wrap: anywhere }
.multiples .next { color: var(--ink) }
svg text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--quiet);
  font-variant-numeric: tabular-nums }
svg .start { text-anchor: start } svg .middle { text-anchor: middle }
svg .end { text-anchor: end }
svg .note { fill: var(--ink); paint-order: stroke; stroke: var(--card); stroke-width: 4px;
  stroke-linejoin: round }
.grid { stroke: var(--grid) } .tick, .axis { stroke: var(--axis) }
.claim { stroke: var(--ink); stroke-width: 1.6; stroke-dasharray: 4 3 }
.fill.good { fill: var(--good) } .fill.bad { fill: var(--bad) } .fill.open { fill: var(--open) }
.fill.none { fill: var(--none) } rect.fill { opacity: .5 }
.stroke { fill: none; stroke-width: 2 }
.stroke.good { stroke: var(--good) } .stroke.bad { stroke: var(--bad) }
.stroke.open { stroke: var(--open) } .stroke.none { stroke: var(--none) }
.stroke.empty { fill: var(--card) } .ringed { stroke: var(--card); stroke-width: 1.5 }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round } .walk { stroke: var(--ink) }
.curve.thin { stroke-width: 1.4 }
.target { stroke: var(--ink); stroke-width: 1.3; stroke-dasharray: 8 3 2 3 }
svg .holds-note { fill: var(--good) } svg .breaks-note { fill: var(--bad) }
.holds { stroke: var(--good); stroke-width: 2 }
.breaks { stroke: var(--bad); stroke-width: 2; stroke-dasharray: 7 3 }
.s0 { stroke: var(--s0) } .s1 { stroke: var(--s1) } .s2 { stroke: var(--s2) }
.s3 { stroke: var(--s3) } .s4 { stroke: var(--s4) } .s5 { stroke: var(--s5) }
.curve.s1 { stroke-dasharray: 9 3 } .curve.s2 { stroke-dasharray: 3 3 }
.curve.s3 { stroke-dasharray: 9 3 2 3 } .curve.s4 { stroke-dasharray: 14 4 }
.curve.s5 { stroke-dasharray: 5 2 1 2 1 2 }
.curve.expected { stroke-dasharray: 2 4; stroke-width: 2 } .curve.alone { stroke-dasharray: none }
.mark { stroke-width: 1.6; fill: var(--card) } .mark.hollow { fill: none }
.mark.s0:not(.hollow) { fill: var(--s0) } .mark.s1:not(.hollow) { fill: var(--s1) }
.mark.s2:not(.hollow) { fill: var(--s2) } .mark.s3:not(.hollow) { fill: var(--s3) }
.mark.s5:not(.hollow) { fill: var(--s5) }
.range { stroke-width: 1.6; fill: none }
.area { stroke: none }
.area.s0 { fill: var(--s0) } .area.s1 { fill: var(--s1) } .area.s2 { fill: var(--s2) }
.area.s3 { fill: var(--s3) } .area.s4 { fill: var(--s4) } .area.s5 { fill: var(--s5) }
.area.ribbon { opacity: .2 } .area.strata { fill: var(--quiet); opacity: .28 }
.strata-line { fill: none; stroke: var(--quiet); stroke-width: 1.4 }
.supported-area { fill: var(--good-soft) } .refuted-area { fill: var(--bad-soft) }
.edge { fill: none; stroke-width: 1.3 } .edge.good { stroke: var(--good); stroke-dasharray: 6 3 }
.edge.bad { stroke: var(--bad); stroke-dasharray: 2 2 }
.p99 { fill: var(--band1) } .p95 { fill: var(--band2) } .p75 { fill: var(--band3) }
.median { stroke: var(--ink); stroke-width: 2.4 } .reach { stroke: var(--axis) }
.slowest { stroke: var(--axis); stroke-width: 1.4 }
.ledger.surfaced { fill: var(--surfaced) } .ledger.masked { fill: var(--masked) }
.ledger.other { fill: var(--other) }
.ledger.waiting { fill: var(--waiting); stroke: var(--axis); stroke-width: .6 }
"""
# A table that its place is too narrow for becomes a block for each row, on a screen or on paper.
_STACKED = """
@container (max-width: WIDTH) {
  TABLE thead { display: none }
  TABLE, TABLE tbody { display: block }
  TABLE tr { display: flex; flex-wrap: wrap; gap: .1rem .7rem; align-items: baseline;
    padding: .4rem .7rem; border-bottom: 1px solid var(--line); font-size: .88rem }
  TABLE tbody tr:last-child { border-bottom: 0 }
  TABLE tr::before { content: ""; flex: 0 0 100%; order: 1 }
  TABLE td { display: block; border: 0; padding: 0; text-align: left; white-space: normal;
    overflow-wrap: anywhere; min-width: 0 }
  TABLE td:not(:first-child, .verdict) { order: 2 }
  TABLE td:first-child { flex: 1 1 60%; font-weight: 600 }
  TABLE td::before { content: attr(data-heading) " "; color: var(--quiet); font-size: .8rem }
  TABLE td:first-child::before, TABLE td.verdict::before, TABLE td.why::before { content: none }
  TABLE td.why, TABLE td.replay, TABLE td.outcomes { flex: 1 1 100% }
}
"""


def _stacked(table: str, width: str) -> str:
    return _STACKED.replace("TABLE", table).replace("WIDTH", width)


_PHONE = """
@media (max-width: 60rem) {
  .drawn, .drawn thead, .drawn tbody, .drawn tr { display: block }
  .drawn tr { padding: .45rem .75rem; border-bottom: 1px solid var(--line) }
  .drawn tbody tr:last-child { border-bottom: 0 }
  .drawn thead tr > :not(.drawing) { display: none }
  .drawn th, .drawn td { border: 0; padding: 0 }
  .drawn .name, .drawn .drawing { display: block; width: auto }
  .drawn .drawing { padding: .15rem .5rem }
  .drawn td.name { font-weight: 600; font-size: .9rem }
  .drawn td.figure, .drawn td.reliability, .drawn td.verdict { display: inline-block; width: auto;
    margin-right: .9rem; font-size: .85rem; text-align: left }
  .drawn td.figure::before { content: attr(data-heading) " "; color: var(--quiet) }
}
@media screen and (max-width: 44rem) {
  main { padding: 1rem .8rem 3rem }
  .small { font-size: .8rem } .small th, .small td { padding: .25rem }

  .tiles { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .3rem }
  .tile { padding: .2rem .4rem; font-size: .75rem; line-height: 1.2 }
  .tile strong { font-size: 1.1rem }
  .contents { padding: .3rem .8rem }
  #filter input { width: 6.5rem }
  #filter output { display: none }
  .card dl { grid-template-columns: 1fr; gap: 0 }
  .card dt { margin-top: .4rem }
}
"""
_PAPER = """
@media print {
  @page { margin: 14mm }
  body { background: none; font-size: 10pt }
  main { padding: 0 }
  .contents { display: none }
  .card, .card.long { overflow: visible }
  .drawn thead { position: static }
  .drawn .drawing { padding: 0 1rem }
  .folded:not([open]) > summary h2::after { content: " (folded away: open it before printing)";
    font-size: .8rem; font-weight: 400; color: var(--quiet) }
  summary { list-style: none }
  tr, figure, .tile, .policy { break-inside: avoid }
  h2, h3, summary { break-after: avoid }
  table { font-size: .8rem }
  th, td { padding: .2rem .4rem; overflow-wrap: break-word }
  th, th.figure, td.figure, .whole { white-space: normal }
  .stack { font-size: .72rem }
  .stack th, .stack td { padding: .2rem }
  .tiles { grid-template-columns: repeat(6, minmax(0, 1fr)); gap: .3rem }
  .tile { padding: .2rem .4rem; font-size: .75rem }
  .tile strong { font-size: 1rem }
  .badge { font-size: .7rem; padding: 0 .3rem } code { font-size: .72rem }
  .sweep, .condition, .folded { margin: .1rem 0 } summary { padding: .1rem 0 }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact }
}
"""

STYLE = (
    f":root {{ color-scheme: light dark;{_LIGHT} }}\n"
    # paper is light whatever the screen is
    f"@media screen and (prefers-color-scheme: dark) {{ :root {{{_DARK} }} }}\n"
    f"{_PAGE}{_TABLES}{_stacked('.stack', '56rem')}{_stacked('.many', '80rem')}{_FIGURES}"
    f"{look.RULES}{_PHONE}{_PAPER}"
)
