"""Experiments: written, planned, run cycle by cycle; and begun from a database of one's own."""
