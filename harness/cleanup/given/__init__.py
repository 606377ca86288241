"""Cleanups that people give and do not name: a command line, an action of their project."""
