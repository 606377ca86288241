"""Reports: one file a format; they read stored results and statistics, nothing that runs."""

HELPERS: tuple[str, ...] = ()
