"""Measure whether a test database really comes back clean, and guard it while tests run."""

__version__ = "0.1.0"
