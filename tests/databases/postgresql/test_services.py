from __future__ import annotations

from pathlib import Path

import pytest

from harness.databases.postgresql.services import service
from harness.errors import UsageError

FILE = """\
# [e2e] is below
[other]
host=no

[e2e]
  host=/run/p g
# port=1
port=2
port=3
dbname=a=b
[e2e]
user=late
"""


def test_a_service_is_what_stands_under_its_name(tmp_path: Path) -> None:
    """Comments are none of it, the first value and the first section count, as for libpq."""
    file = tmp_path / "services"
    file.write_text(FILE)
    found = service("e2e", what="x", environment={"PGSERVICEFILE": str(file)})
    assert found == {"host": "/run/p g", "port": "2", "dbname": "a=b"}


def test_the_systems_file_comes_second(tmp_path: Path) -> None:
    """It is read for what the user's own does not have."""
    (tmp_path / "own").write_text("[a]\nport=1\n")
    (tmp_path / "pg_service.conf").write_text("[a]\nport=2\n[b]\nport=3\n")
    environment = {"PGSERVICEFILE": str(tmp_path / "own"), "PGSYSCONFDIR": str(tmp_path)}
    assert service("a", what="x", environment=environment) == {"port": "1"}
    assert service("b", what="x", environment=environment) == {"port": "3"}


def test_one_that_is_nowhere_is_refused_with_where_it_was_looked_for(tmp_path: Path) -> None:
    """Both files are named, whether or not they are there."""
    environment = {"PGSERVICEFILE": str(tmp_path / "own"), "PGSYSCONFDIR": str(tmp_path)}
    with pytest.raises(UsageError, match=r"no service 'c' in .*own, .*pg_service.conf"):
        service("c", what="x", environment=environment)


def test_a_line_that_libpq_does_not_read_is_refused(tmp_path: Path) -> None:
    """With spaces around the sign for instance; no value of the file is shown."""
    file = tmp_path / "services"
    file.write_text("[a]\npassword = s3cret\n")
    with pytest.raises(UsageError, match="is no NAME=VALUE") as caught:
        service("a", what="x", environment={"PGSERVICEFILE": str(file)})
    assert "s3cret" not in str(caught.value)
