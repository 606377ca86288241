"""The version, and where the package lies."""

from __future__ import annotations

import tomllib
from importlib.metadata import version

import harness
from harness.version import PACKAGE, VERSION


def test_it_is_what_was_packed() -> None:
    """The package says the version that pyproject.toml gives it."""
    assert harness.__version__ == VERSION == version("reliability-harness")
    project = PACKAGE.parent / "pyproject.toml"
    assert tomllib.loads(project.read_text())["project"]["version"] == VERSION
