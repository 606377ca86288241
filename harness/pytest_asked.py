"""What a session of pytest asks of its guard: options, then ini file, then pyproject.toml.

Loaded where a session is guarded, and nowhere else.
"""

from __future__ import annotations

import os
import shlex
from collections import Counter

import pytest

from harness.configured.settings import Settings
from harness.guard.configured import asked_with
from harness.guard.entrance import Asked


def asked_of(config: pytest.Config, settings: Settings) -> Asked:
    """Return what is asked; UsageError of pytest's, or of the guard's, for what cannot be."""
    _refuse_given_twice(config)
    option = config.option
    given = {
        "recoveries": option.guard_recovery,
        "signs": config.getini("guard_production_signs"),
        "i_know": option.guard_i_know,
        "allow_survivors": option.guard_allow_survivors,
        "end_survivors": option.guard_end_survivors,
        "survivors_wait_s": option.guard_survivors_wait,
        "wait_s": _wait_s(config),
        "absent_ok": option.guard_absent_ok or config.getini("guard_absent_ok"),
    }
    return Asked(**{"archives": False, **asked_with(given, settings)})


def _wait_s(config: pytest.Config) -> float | None:
    wait_s: float | None = config.option.guard_wait
    written = config.getini("guard_wait")
    try:
        return float(written) if wait_s is None and written is not None else wait_s
    except ValueError as error:
        raise pytest.UsageError(f"guard_wait: {error}") from None


def _refuse_given_twice(config: pytest.Config) -> None:
    """Refuse a value that another takes the place of, both given in one place.

    That the command line goes before PYTEST_ADDOPTS, and that before the ini file's addopts, is
    pytest's own way to override, and stays.
    """
    environment = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    for words in (config.invocation_params.args, environment, config.getini("addopts")):
        names = Counter(str(word).partition("=")[0] for word in words)
        for name, times in names.items():
            value = getattr(config.option, name.removeprefix("--").replace("-", "_"), None)
            one_value = isinstance(value, str | int | float) and not isinstance(value, bool)
            if name.startswith("--guard-") and times > 1 and one_value:
                raise pytest.UsageError(
                    f"{name} is given {times} times and takes one value: which one is meant? "
                    "Give it once."
                )
