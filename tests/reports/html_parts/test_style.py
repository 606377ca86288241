import re

import pytest

from harness.reports.figures import chart, paths
from harness.reports.html_parts.style import STYLE

LIGHT = re.search(r":root \{(.*?)\}", STYLE, re.DOTALL)
DARK = re.search(r"prefers-color-scheme: dark\) \{ :root \{(.*?)\}", STYLE, re.DOTALL)


def colours(theme: re.Match[str] | None) -> dict[str, str]:
    """Return the variables of a theme."""
    assert theme is not None
    return dict(re.findall(r"--(\w[\w-]*): (#\w+)", theme[1]))


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG 2.2 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(one * 2 for one in colour[1:])
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_lines_can_be_told_from_what_is_behind(theme: re.Match[str] | None) -> None:
    """Text has the contrast of WCAG AA (4.5), what is drawn that of graphics (3)."""
    known = colours(theme)
    for name in ("ink", "quiet", "good", "bad", "open", "set"):
        assert contrast(known[name], known["card"]) >= 4.5, name
    for name in ("good", "bad", "open", "set"):
        assert contrast(known[name], known[f"{name}-soft"]) >= 4.5, name
    for name in ("s0", "s1", "s2", "s3", "s4", "s5", "axis", "surfaced", "masked"):
        assert contrast(known[name], known["card"]) >= 3, name


def test_both_themes_know_every_colour() -> None:
    """No colour of one theme is missing in the other, and none is used that neither has."""
    light, dark = colours(LIGHT), colours(DARK)
    assert light.keys() == dark.keys()
    assert set(re.findall(r"var\(--([\w-]+)\)", STYLE)) <= light.keys()
    rules = STYLE[STYLE.index("* { box-sizing") :]
    assert not re.findall(r": #\w{3,6}\b", rules)


def test_no_text_in_a_figure_is_smaller_than_eleven() -> None:
    """The page has 16 px, figures 11 px, and nothing anywhere is below that."""
    assert [int(one) for one in re.findall(r"font(?:-size)?: (\d+)px", STYLE)] == [16, 11]
    # on a phone of 360 px a card leaves 310 px: a figure no wider than that never shrinks
    assert {paths.WIDTH, chart.CARD.width, chart.NARROW.width} == {310.0}
    assert all(float(one) * 16 >= 11 for one in re.findall(r"font-size: ([\d.]+)rem", STYLE))


def test_paper_is_light_and_says_what_is_folded_away() -> None:
    """The dark theme is of screens alone; what is folded stays so on paper, which says that."""
    assert "@media screen and (prefers-color-scheme: dark)" in STYLE
    paper = STYLE[STYLE.index("@media print") :]
    assert "(folded away: open it before printing)" in paper
    assert "details-content" not in paper
