"""What people write on the platform: pools of values made once by Faker, in three languages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random

from faker import Faker

LOCALES = ("en_US", "de_DE", "ja_JP")
LONG_ONE_IN = 200  # a message that is a pasted log and needs overflow pages
_PROVIDERS = ["faker.providers.person", "faker.providers.lorem", "faker.providers.company"]


@dataclass(frozen=True, slots=True)
class Words:
    """Pools to draw from; ``people`` holds (name, locale)."""

    people: tuple[tuple[str, str], ...]
    accounts: tuple[str, ...]  # what stands before the @ of an address, ASCII
    bots: tuple[str, ...]
    slogans: tuple[str, ...]
    nouns: tuple[str, ...]
    bodies: tuple[str, ...]


def generator(purpose: str, seed: int) -> Random:
    """Return a generator of its own for ``purpose``, the same in every process."""
    return Random(f"platform {purpose} {seed}")  # noqa: S311 - test data, not secrets


@lru_cache(maxsize=4)
def make_words(seed: int, size: int, *, long_bodies: bool) -> Words:
    """Make pools of about ``size`` values each; the same seed and Faker make the same values."""
    random = generator("words", seed)
    fakers = {place: Faker(place, providers=_PROVIDERS, use_weighting=False) for place in LOCALES}
    for place, faker in fakers.items():
        faker.seed_instance(f"{place} {seed}")
    english = fakers["en_US"]
    places = [LOCALES[int(random.random() ** 2 * 3)] for _ in range(size)]  # mostly English
    sentences = {
        place: [faker.sentence(9) for _ in range(size // 4)] for place, faker in fakers.items()
    }
    bodies = [_join(sentences[place], random, 1 + random.random() ** 2 * 12) for place in places]
    if long_bodies:
        for index in range(0, size, LONG_ONE_IN):
            log = _join(sentences["en_US"], random, 60 + random.random() * 90)
            bodies[index] = log.replace(" ", "\n", 20)
    return Words(
        people=tuple((fakers[place].name(), place) for place in places),
        accounts=tuple(
            f"{english.first_name()}.{english.last_name()}".lower() for _ in range(size)
        ),
        bots=tuple(
            dict.fromkeys(f"{english.first_name()} {english.bs().split()[-1]}" for _ in places)
        ),
        slogans=tuple(english.catch_phrase() for _ in range(size)),
        nouns=tuple(dict.fromkeys(english.word() for _ in range(size))),
        bodies=tuple(bodies),
    )


def _join(sentences: list[str], random: Random, count: float) -> str:
    """Join ``count`` sentences drawn from a pool, rounded down."""
    return " ".join(sentences[int(random.random() * len(sentences))] for _ in range(int(count)))
