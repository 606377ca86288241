"""How each verdict was reached: failures over cycles, between the two lines that decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.reports.figures.scale import LinearScale, Tick, fitting, width_px
from harness.reports.figures.svg import Point, figure, label, line, mark, path, sample, steps
from harness.reports.html_parts.markup import badge, clean, fold, plain_table
from harness.statistics.digits import percent, percent_interval

TITLE = "How each verdict was reached"
ABOUT = (
    "The line climbs by one at each failure. Below the lower line the claim is supported, above "
    "the upper one it is refuted, in between more cycles are needed; both may be looked at after "
    "every cycle."
)
OPEN_MOST = 8  # figures shown without a click
FURTHEST = 12  # times the cycles that ran: how far ahead the way to a verdict is still drawn
BEHIND = 2.5  # times the cycles that decided: what came later would only press them together
WIDTH, HEIGHT = 310.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 34.0, 300.0, 12.0, 152.0
Boundary = list[tuple[float, float]]  # (cycle, failures), by failures
Claimed = tuple[Mapping[str, Any], Mapping[str, Any]]  # a condition and one of its claims


def paths(conditions: Sequence[Mapping[str, Any]]) -> str:
    """Return a figure for each claim of each condition, as HTML; "" where there is none."""
    claims = [
        (condition, claim) for condition in conditions for claim in condition.get("claims") or ()
    ]
    if not claims:
        return ""
    legend = (
        f'<p class="legend"><span>{sample("curve walk")} failures</span>'
        f"<span>{sample('area refuted-area')} refuted</span>"
        f"<span>{sample('area supported-area')} supported</span></p>"
    )
    # one word a verdict: those that somebody has to look at first
    order = {"refuted": 0, "undecided": 1, "not measured": 2, "not refuted": 3, "supported": 4}
    ranked = sorted(claims, key=lambda pair: order.get(pair[1].get("verdict") or "", 5))
    first = f'<div class="multiples">{"".join(map(_card, ranked[:OPEN_MOST]))}</div>'
    rest = ranked[OPEN_MOST:]
    more = f'<div class="multiples">{"".join(map(_card, rest))}</div>' if rest else ""
    return (
        legend + first + (fold(f"{len(rest)} more verdicts", more) if rest else "") + _data(claims)
    )


def _card(claimed: Claimed) -> str:
    condition, claim = claimed
    following = claim.get("next")
    said = claim.get("why") or ""
    ahead = f'<p class="next">{clean(following)}</p>' if following else ""
    return (
        f'<figure class="card"><figcaption>{badge(claim.get("verdict"))} '
        f"<strong>{clean(claim['claim'])}</strong>"
        f'<span class="name">{clean(condition["name"])}</span></figcaption>'
        f"{_drawing(condition, claim)}<p>{clean(said)}</p>{ahead}</figure>"
    )


def _data(claims: Sequence[Claimed]) -> str:
    headings = ("condition", "claim", "verdict", "failures", "cycles", "decided at", "measured",
                "confidence of this verdict", "method")  # fmt: skip
    every = plain_table(headings, (_row(*pair) for pair in claims), stack=True)
    return fold("All verdicts as a table", every)


def _row(condition: Mapping[str, Any], claim: Mapping[str, Any]) -> tuple[str, ...]:
    known = claim.get("estimate") is not None and claim.get("lower") is not None
    measured = percent(claim["estimate"]) if known else "-"
    interval = f" {percent_interval(claim['lower'], claim['upper'])}" if known else ""
    at, sure = claim.get("decided_at_cycle"), claim.get("confidence")
    return (
        condition["name"],
        claim["claim"],
        claim.get("verdict") or "-",
        _count(claim.get("failures")),
        _count(claim.get("cycles")),
        _count(at),
        measured + interval,
        percent(sure) if sure is not None else "-",
        claim.get("method") or "-",
    )


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _drawing(condition: Mapping[str, Any], claim: Mapping[str, Any]) -> str:
    way = claim.get("path") or {}
    cycles, failures = claim.get("cycles") or 0, claim.get("failures") or 0
    support = [(float(at), float(k)) for k, at in way.get("support_boundary") or ()]
    refute = [(float(at), float(k)) for k, at in way.get("refute_boundary") or ()]
    if not cycles or not (support or refute):
        return ""
    failed_at = [float(at) for at in way.get("failures_at") or ()]
    walked = float(failed_at[-1] if len(failed_at) < failures and failed_at else cycles)
    last = _last_cycle(claim, walked, support)
    walked, failed_at = min(walked, last), [at for at in failed_at if at <= last]
    highest = max(float(len(failed_at)), 2.0)
    highest += max(1.0, round(highest / 6))
    across, up = LinearScale(0, last), LinearScale(-0.5, highest)

    def place(at: float, count: float) -> Point:
        return (
            LEFT + across.at(at) * (RIGHT - LEFT),
            BOTTOM - up.at(count) * (BOTTOM - TOP),
        )

    walk = [(0.0, 0.0), *((at, float(k)) for k, at in enumerate(failed_at, 1)),
            (walked, float(len(failed_at)))]  # fmt: skip
    body = _areas(support, refute, last, highest, place) + _axes(across, up, place, cycles)
    body += path([place(*corner) for corner in steps(walk)], "curve walk")
    decided = claim.get("decided_at_cycle")
    if decided and decided <= last:
        count = sum(at <= decided for at in failed_at)
        body += mark(place(float(decided), float(count)), 0)
    return figure(
        f"{condition['name']}: {claim['claim']}: {claim.get('verdict')}",
        f"{failures:,} failures in {cycles:,} cycles. {claim.get('why') or ''}",
        WIDTH, HEIGHT, body,
    )  # fmt: skip


def _last_cycle(claim: Mapping[str, Any], walked: float, support: Boundary) -> float:
    """Return how far the axis goes: past what decided, or to the next support if not too far."""
    decided = claim.get("decided_at_cycle")
    if decided:
        return min(walked, max(BEHIND * float(decided), 20.0))
    if claim.get("verdict") != "undecided":
        return walked
    ahead = [at for at, count in support if count >= (claim.get("failures") or 0)]
    following = min(ahead, default=walked)
    return max(walked, following * 1.04) if following <= walked * FURTHEST else walked


def _areas(support: Boundary, refute: Boundary, last: float, highest: float, place: Any) -> str:
    """Return the two areas where the claim is decided, each with its edge."""
    drawn = ""
    # counts are whole: the edges run half-way between one that decides and one that does not
    inside = [(at, k + 0.5) for at, k in support if at <= last and k + 0.5 <= highest]
    if inside:
        edge = steps([(inside[0][0], -0.5), *inside, (last, inside[-1][1])])
        corners = [place(*corner) for corner in edge]
        drawn += path([*corners, place(last, -0.5)], "area supported-area", closed=True)
        drawn += path(corners, "edge good")
    edge = _refuting(refute, last, highest)
    if edge:
        corners = [place(*corner) for corner in edge]
        around = [*corners, place(edge[-1][0], highest), place(0.0, highest)]
        drawn += path(around, "area refuted-area", closed=True) + path(corners, "edge bad")
    return drawn


def _refuting(refute: Boundary, last: float, highest: float) -> Boundary:
    """Return the edge above which a claim is refuted: k failures do so up to their cycle."""
    edge: Boundary = []
    for at, k in refute:
        if at <= 0 or k - 0.5 > highest:
            continue
        start = edge[-1][0] if edge else 0.0
        edge += [(start, k - 0.5), (min(at, last), k - 0.5)]
        if at >= last:
            return edge
    # here the given boundary ends, or the figure does: further right nothing is refuted yet
    return [*edge, (edge[-1][0], highest)] if edge else []


def _axes(across: LinearScale, up: LinearScale, place: Any, cycles: int) -> str:
    length = RIGHT - LEFT
    ticks = fitting([Tick(across.at(x), f"{x:,.0f}") for x in across.ticks()], length)
    drawn = line((LEFT, BOTTOM), (RIGHT, BOTTOM), "axis") + line(
        (LEFT, TOP), (LEFT, BOTTOM), "axis"
    )
    for tick in ticks:
        x = LEFT + tick.at * length
        drawn += line((x, BOTTOM), (x, BOTTOM + 4), "axis")
        wide = width_px(tick.label) / 2
        x = min(x, WIDTH - 2 - wide)
        drawn += label((x, BOTTOM + 16), tick.label) if tick.label else ""
    for count in up.ticks(4):
        if count == round(count):
            y = place(0.0, count)[1]
            drawn += line((LEFT - 4, y), (LEFT, y), "axis")
            drawn += label((LEFT - 6, y + 4), f"{count:,.0f}", "end")
    shown = across.high
    said = "cycles" if shown >= cycles else f"cycles, the first {shown:,.0f} of {cycles:,}"
    return drawn + label(((LEFT + RIGHT) / 2, HEIGHT - 4), said)
