"""What a server says, as a refusal: one sentence for people, without a password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from harness.databases.errors import explained
from harness.errors import RecoveryRefused, RestoreError, UsageError
from harness.hidden import without_passwords


@contextmanager
def as_refusal(what: str, kind: type[RestoreError | UsageError] = UsageError) -> Iterator[None]:
    """Turn what the server or a recovery says into one sentence for people.

    Args:
        what: that could not be done, and what is so because of that.
        kind: of error to raise.
    """
    try:
        yield
    except (psycopg.Error, OSError) as error:
        raise kind(f"{what}: {without_passwords(' '.join(explained(error).split()))}") from error
    except RecoveryRefused as error:
        raise kind(f"{what}: {error}") from error
