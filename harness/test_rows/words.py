"""What people write into columns: pools made once by Faker, found by a column's name."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from random import Random
from uuid import UUID

from faker import Faker

SIZE = 16  # values of a pool
_PROVIDERS = [
    "faker.providers.address",
    "faker.providers.color",
    "faker.providers.company",
    "faker.providers.internet",
    "faker.providers.job",
    "faker.providers.lorem",
    "faker.providers.person",
    "faker.providers.phone_number",
]
_START_S = 1_600_000_000  # September 2020: the first of the days drawn from, in Unix time
_DAYS = 1500

# The first whose expression is found in a column's name, in lower case, counts.
_KINDS: tuple[tuple[str, str], ...] = (
    (r"e_?mail", "email"),
    (r"uuid|guid", "uuid"),
    (r"json|meta|settings|options|params|payload|attributes", "json"),
    (r"(^|_)(url|uri|website|homepage|link|href)|photopath", "url"),
    (r"slug|handle", "slug"),
    (r"passw|digest|hash|token|secret|checksum|(^|_)key$", "token"),
    (r"(^|_)ip(_|$)|ip_?addr", "ipv4"),
    (r"user_?name|login|nick", "user_name"),
    (r"first_?name|given", "first_name"),
    (r"last_?name|surname|family", "last_name"),
    (r"phone|mobile|fax|(^|_)tel(_|$)", "phone_number"),
    (r"company|organi[sz]ation|vendor|supplier", "company"),
    (r"country_?code|(^|_)iso", "country_code"),
    (r"country", "country"),
    (r"city|town", "city"),
    (r"post_?code|postal|zip", "postcode"),
    (r"state|region|province|district", "city"),
    (r"street|address", "street_address"),
    (r"locale|lang", "locale"),
    (r"colou?r", "hex_color"),
    (r"job|position|role", "job"),
    (r"currency", "currency"),
    (r"_at$|datetime|timestamp|created|updated|modified|_on$", "datetime"),
    (r"date|birth|day$", "date"),
    (r"(^|_)time$", "time"),
    (r"body|text|content|description|comment|message|notes?$|bio|summary", "sentence"),
    (r"title|subject|headline|caption", "title"),
    (r"name|label", "name"),
)
_OF_TYPES: tuple[tuple[str, str], ...] = (
    ("UUID", "uuid"),
    ("JSON", "json"),
    ("DATETIME", "datetime"),
    ("TIMESTAMP", "datetime"),
    ("DATE", "date"),
    ("TIME", "time"),
)


def kind_of(name: str, declared: str) -> str:
    """Say what a column holds by its declared type, where that says it, else by its name."""
    for word, kind in _OF_TYPES:
        if word in declared:
            return kind
    lower = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return next((kind for part, kind in _KINDS if re.search(part, lower)), "word")


@lru_cache(maxsize=256)
def pool(kind: str, seed: int) -> tuple[str, ...]:
    """Make the pool of a kind; the same seed and Faker make the same values."""
    random = Random(f"words {kind} {seed}")  # noqa: S311 - test data, not secrets
    faker = _faker()
    faker.seed_instance(f"{kind} {seed}")
    generator = _OWN.get(kind)
    if generator:
        return tuple(generator(random) for _ in range(SIZE))
    if kind == "title":
        return tuple(faker.sentence(4).rstrip(".") for _ in range(SIZE))
    if kind == "sentence":
        return tuple(faker.sentence(9) for _ in range(SIZE))
    make: Callable[[], str] = getattr(faker, kind)
    return tuple(str(make()) for _ in range(SIZE))


@cache
def _faker() -> Faker:
    return Faker("en_US", providers=_PROVIDERS, use_weighting=False)


def _day(random: Random) -> str:
    from datetime import UTC, datetime  # noqa: PLC0415 - few kinds are days

    when = datetime.fromtimestamp(_START_S + random.randrange(_DAYS * 86_400), UTC)
    return when.strftime("%Y-%m-%d %H:%M:%S")


_OWN: dict[str, Callable[[Random], str]] = {
    "uuid": lambda random: str(UUID(int=random.getrandbits(128), version=4)),
    "json": lambda random: f'{{"number": {random.randrange(1000)}}}',
    "token": lambda random: f"{random.getrandbits(160):040x}",
    "datetime": _day,
    "date": lambda random: _day(random)[:10],
    "time": lambda random: _day(random)[11:],
    "locale": lambda random: random.choice(("en", "de", "fr", "ja", "es")),
    "currency": lambda random: random.choice(("EUR", "USD", "JPY", "GBP")),
}

__all__ = ["SIZE", "kind_of", "pool"]
