from __future__ import annotations

import pytest

from harness.errors import BackupError
from harness.guard.per_test.on_server import EachTestOnServer

pytest.importorskip("psycopg")


def test_a_server_that_is_not_there() -> None:
    """It is said in one sentence, without a password, that there is no backup."""
    each = EachTestOnServer("postgresql://me:s3cret@127.0.0.1:1/shop")
    with pytest.raises(BackupError, match=r"no backup of .*shop could be taken") as raised:
        each.begin()
    assert "s3cret" not in str(raised.value)
    each.end()
