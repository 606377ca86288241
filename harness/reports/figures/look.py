"""The style of the figures: colours of series and outcomes, wide and narrow drawings."""

from __future__ import annotations

from collections.abc import Iterator

from harness.analysis.drawn.colours import OUTCOMES, SERIES


def variables(theme: str) -> str:
    """Return the colours of a theme, light or dark, as variables of a style sheet."""
    named = {f"s{order}": colour for order, colour in enumerate(SERIES[theme])}
    named |= {_dashed(name): colour for name, colour in OUTCOMES[theme].items()}
    return " ".join(f"--{name}: {colour};" for name, colour in named.items())


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _classes() -> Iterator[str]:
    for order in range(len(SERIES["light"])):
        yield f".mark.s{order}:not(.hollow) {{ fill: var(--s{order}) }}"
    for name in OUTCOMES["light"]:
        yield f".end-{_dashed(name)} {{ fill: var(--{_dashed(name)}) }}"


_RULES = """
.figure-svg.wide { max-width: 60rem } .figure-svg.wide ~ .legend { justify-content: center }
@media screen and (max-width: 44rem) { .figure-svg.wide { display: none } }
@media screen and (min-width: 44.01rem) { .figure-svg.narrow { display: none } }
@media print { .figure-svg.narrow { display: none } }
figure.hero { margin: .6rem 0; padding: .6rem .7rem }
figure.hero p, figure.hero li { font-size: .85rem } figure.hero ul { margin: .3rem 0 0;
  padding-left: 1.2rem; color: var(--quiet) }
.area.band { opacity: .17 } .leader { stroke-width: 1; fill: none; opacity: .7 }
svg text.end { font-weight: 400 }  /* the end of a story is bold */
svg .said { fill: var(--ink) } svg .said.first { font-weight: 600 }
.part { stroke: var(--card); stroke-width: .8 }
.curve.foretold { stroke: var(--quiet); stroke-width: 1.6 }
.bound { stroke-width: 1.8; fill: none }
.step-bar { fill: var(--s0) } .step-bar.bad { fill: var(--bad) }
.struck { stroke: var(--bad); stroke-width: 2; fill: none }
.cycle-line .why { display: block } .cycle-line td { vertical-align: top }
.cycle-line .why { overflow-wrap: anywhere; font-size: .85rem }
.cycle-line .cross { color: var(--bad) } .cycle-line .drawn .name { width: 7rem }
.stack th { white-space: normal }
.facets { display: grid; gap: .6rem; margin: .6rem 0;
  grid-template-columns: repeat(auto-fill, minmax(9.2rem, 1fr)) }
.facets figure { margin: 0; padding: .4rem .3rem; min-width: 0; overflow: hidden }
.facets .figure-svg { max-width: 13rem } .facets figcaption { font-size: .85rem;
  overflow-wrap: anywhere; text-align: center }
.drawn .name { width: 20% } .drawn .reliability { width: 13rem }  /* a drawing needs room */
.drawn .wide-figure { width: 8.6rem; white-space: normal } .drawn .ended { white-space: normal }
.rate-asked[hidden] { display: none }
.rate-asked { display: flex; flex-wrap: wrap; gap: .4rem; align-items: baseline;
  margin: .4rem 0 }
.rate-asked input { font: inherit; width: 6rem; padding: .15rem .4rem; color: var(--ink);
  background: var(--card); border: 1px solid var(--axis); border-radius: .3rem }
"""

RULES = "\n".join(_classes()) + _RULES
