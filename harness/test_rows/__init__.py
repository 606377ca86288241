"""Rows for any schema: ``create = "auto"``."""
