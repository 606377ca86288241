from collections.abc import Iterable
from itertools import combinations

import numpy as np
import pytest

from harness.analysis.drawn.colours import OUTCOMES, SAID, SERIES
from harness.outcomes import OUTCOMES as ENDS

# G. M. Machado and others, "A Physiologically-based Model for Simulation of Color Vision
# Deficiency", IEEE TVCG 15 (2009): deuteranopia, in linear RGB
_DEUTERANOPIA = np.array([
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
])  # fmt: skip
# B. Ottosson, OKLab (2020): equal distances look equally far apart
_CONES = np.array([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
])  # fmt: skip
_LAB = np.array([
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
])  # fmt: skip
SEEN_APART = 0.11  # the least difference that is noticed at all is about 0.02


def linear(colour: str) -> np.ndarray:
    """Return a colour's light, red, green and blue from 0 to 1."""
    values = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def seen(colour: str, deuteranopia: bool) -> np.ndarray:
    """Return where a colour stands in OKLab, as people see it."""
    light = linear(colour)
    if deuteranopia:
        light = np.clip(_DEUTERANOPIA @ light, 0, 1)
    return _LAB @ np.cbrt(_CONES @ light)


def nearest(colours: Iterable[str], deuteranopia: bool) -> float:
    """Return the distance of the two colours that are hardest to tell apart."""
    places = [seen(one, deuteranopia) for one in colours]
    return min(float(np.linalg.norm(a - b)) for a, b in combinations(places, 2))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("deuteranopia", [False, True])
def test_all_colours_keep_a_distance(theme: str, deuteranopia: bool) -> None:
    """Series among themselves, and outcomes, stay apart for those who see no red and green."""
    assert nearest(SERIES[theme], deuteranopia) > SEEN_APART
    assert nearest(OUTCOMES[theme].values(), deuteranopia) > SEEN_APART


def test_the_simulation_sees_what_is_confused() -> None:
    """A red and a green that are far apart for most are close for them: the check is checked."""
    pair = ("#b04a3c", "#6f7d2a")
    assert nearest(pair, deuteranopia=False) > SEEN_APART
    assert nearest(pair, deuteranopia=True) < SEEN_APART


def test_every_outcome_has_a_colour_and_words() -> None:
    """No outcome is left out of either theme or of the legend, and their order is the gravity."""
    for theme in OUTCOMES.values():
        assert tuple(theme) == ENDS
    assert tuple(SAID) == ENDS
    assert len(SERIES["light"]) == len(SERIES["dark"]) == 6
