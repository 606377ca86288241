"""Between client and backend: a proxy, and what strikes there have in common."""
