"""The folder for what guards keep out of the tests' reach, as the platform has it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE, _OF_PLATFORM = "HARNESS_STATE_DIR", "XDG_STATE_HOME"
_NAME = "reliability-harness"


def default_folder() -> Path | None:
    """Give the folder of this user; None where there is no home of theirs to have it in."""
    return state_folder()[0]


def state_folder() -> tuple[Path | None, str]:
    """Give that folder, and the variable that names it, or "".

    https://specifications.freedesktop.org/basedir-spec: XDG_STATE_HOME counts when it is absolute.
    """
    given = os.environ.get(VARIABLE)
    if given:
        return Path(os.path.abspath(given)), VARIABLE
    home = os.path.expanduser("~")
    state = os.environ.get(_OF_PLATFORM, "")
    if sys.platform != "darwin" and os.path.isabs(state):
        return Path(state, _NAME), _OF_PLATFORM
    if not _is_of_this_user(home):  # with sudo it may still be another's
        return None, ""
    if sys.platform == "darwin":
        return Path(home, "Library", "Application Support", _NAME), ""
    return Path(home, ".local", "state", _NAME), ""


def _is_of_this_user(home: str) -> bool:
    try:
        return os.path.isabs(home) and os.stat(home).st_uid == os.geteuid()
    except OSError:
        return False
