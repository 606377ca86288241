import re

from harness.outcomes import TIMINGS
from harness.reports.figures.timings import points, timings
from harness.statistics.digits import milliseconds
from tests.reports.samples import HOSTILE, condition


def _slower(name: str, times: float) -> dict[str, object]:
    one = condition(name)
    for step in ("restore", "cycle"):
        kept = one["distributions_ms"][step]
        kept["values"] = [ms * times for ms in kept["values"]]
        one["timings_ms"][step] |= {
            key: one["timings_ms"][step][key] * times for key in ("p50", "p95", "p99", "max")
        }
    return dict(one)


def test_the_biggest_difference_comes_first() -> None:
    """Steps are in the order of how far apart their conditions are, which is said."""
    page = timings([_slower("slow", 30), condition("fast")])
    steps = re.findall(r"<strong>(\w+)</strong>", page)
    assert set(steps[:2]) == {"restore", "cycle"}
    assert "(slow): 30 times" in page
    first = page[: page.index("</details>")]
    assert first.index('data-heading="condition" class="name"><span>fast') < first.index(
        'data-heading="condition" class="name"><span>slow'
    )


def test_a_strip_has_its_bands_in_order() -> None:
    """p1 to p99 is around p5 to p95, that around p25 to p75, and the slowest stands last."""
    page = timings([condition("one")])
    strip = page[page.index("one, backup") :]
    bars = {
        kind: (float(x), float(x) + float(width))
        for x, width, kind in re.findall(
            r'<rect x="([\d.]+)%" width="([\d.]+)%"[^>]*class="band (\w+)"', strip[:3000]
        )
    }
    assert bars["p99"][0] < bars["p95"][0] < bars["p75"][0]
    assert bars["p75"][1] < bars["p95"][1] < bars["p99"][1]
    slowest = re.search(r'<circle cx="([\d.]+)%"', strip)
    assert slowest is not None
    assert float(slowest[1]) > bars["p99"][1]


def test_older_runs_show_the_quantiles_they_have() -> None:
    """Without distributions the strip is made from p50, p95, p99 and max."""
    old = condition("old")
    del old["distributions_ms"]
    assert set(points(old, "backup")) == {0.5, 0.95, 0.99, 1.0}
    page = timings([old])
    assert "band p95" in page
    assert '<rect x="' in page


def test_the_processors_time_stands_beside_the_walls() -> None:
    """In a column of its own where it was kept, a dash where not of this one; else no column."""
    one, other = condition("one"), condition("other")
    del other["cpu_ms"]
    page = timings([one, other])
    assert page.count('<td data-heading="CPU p50" class="figure"><span>-</span></td>') == len(
        TIMINGS
    )
    assert f"<span>{milliseconds(one['cpu_ms']['backup']['p50'])}</span>" in page
    assert "CPU p50" not in timings([other])


def test_what_took_no_place_has_no_strip() -> None:
    """A step of count 0 is not there, and a run without any has no section."""
    one = condition("one")
    for figures in one["timings_ms"].values():
        figures["count"] = 0
    assert timings([one]) == ""


def test_hostile_names_stay_text() -> None:
    """No name makes an element, in the summary line, the title or the row."""
    assert "<b " not in timings([condition(HOSTILE), _slower(HOSTILE + "2", 3)])
