"""Intervals, sequential verdicts, timings. Imports nothing of the project."""
