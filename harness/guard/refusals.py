"""What the guard must not touch: production, what it cannot write, what it cannot lock.

A guard writes a baseline over a database. Whoever points it at the wrong one loses data, so what
looks wrong is refused before anything is written, and each refusal says what to do instead.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence

from harness.databases.engine import Address, Given
from harness.errors import UsageError
from harness.guard.target import Target, target_of

# Whole words, so that "product", "alive" and "webmaster" are nobody's business.
SIGNS = ("prod", "production", "prd", "live", "master")
SIGNS_VARIABLE = "HARNESS_PRODUCTION_SIGNS"  # more of them, comma between
ENVIRONMENTS = (
    "NODE_ENV",
    "RAILS_ENV",
    "RACK_ENV",
    "DJANGO_ENV",
    "DJANGO_SETTINGS_MODULE",
    "FLASK_ENV",
    "APP_ENV",
    "MIX_ENV",
    "ASPNETCORE_ENVIRONMENT",
)
OVERRIDE = "--i-know"
ABSENT_OK = "--absent-ok (pytest: --guard-absent-ok, Python: absent_ok=True)"


def check(
    database: Given | Address | Target,
    *,
    signs: Sequence[str] = (),
    override: bool = False,
    absent_ok: bool = False,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Raise UsageError, with the reason and the way out, for what must not be guarded.

    Args:
        database: as it was given.
        signs: more words that mean production, beside ``SIGNS`` and the environment's.
        override: the user knows: what only looks wrong (production, a network file system) is
            let pass; what cannot work (no database, no right to write, a link) is not.
        absent_ok: there need not be a database yet.
        environment: of the process; None is its real one.
    """
    environment = os.environ if environment is None else environment
    target = target_of(database)
    target.refuse_name()
    if not override:
        signs = (*signs, *environment.get(SIGNS_VARIABLE, "").split(","))
        _refuse_production(target, environment, (*SIGNS, *signs))
    target.refuse_place(override=override, absent_ok=absent_ok)


def _refuse_production(
    target: Target, environment: Mapping[str, str], signs: Sequence[str]
) -> None:
    for place in target.names():
        sign = sign_in(place, signs)
        if sign is not None:
            raise UsageError(
                f"{place} looks like production (the word {sign!r} in its path): tests must not "
                f"run against it. Guard a copy of it, or say {OVERRIDE} if it is a test database."
            )
    for name in ENVIRONMENTS:
        value = environment.get(name, "")
        if sign_in(value, signs) is not None:
            raise UsageError(
                f"{name}={value} says that this is production: tests must not run here. Set "
                f"{name} to test, or say {OVERRIDE} if {target.address} is a test database all "
                "the same."
            )


def sign_in(text: str, signs: Iterable[str]) -> str | None:
    """Return the first of ``signs`` that stands in ``text`` as a whole word or row of words."""
    words = _words(text)
    for sign in signs:
        sign_words = _words(sign)
        if sign_words.strip() and sign_words in words:
            return sign.strip()
    return None


def _words(text: str) -> str:
    """Return the words in lower case with a space on either side; prodDb7 is three of them."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)
    return " " + " ".join(re.findall(r"[^\W\d_]+|\d+", text.casefold())) + " "
