"""The verbs, by what they work on: parse, call, print. No logic."""
