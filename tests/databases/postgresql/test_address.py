from __future__ import annotations

import getpass
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.databases.engine import Engine
from harness.databases.postgresql.address import PostgresDatabase, parsed
from harness.errors import UsageError
from tests.postgres import Databases

psycopg = pytest.importorskip("psycopg")

ENGINE = cast(Engine, SimpleNamespace(name="postgresql"))
# What a password, a user or a database may be called: everything but NUL.
ANY = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=15)
HOSTS = st.one_of(
    st.sampled_from(["localhost", "127.0.0.1", "db.internal", "::1", "fe80::1%eth0", "/run/p g"]),
    ANY.filter(lambda host: "," not in host),
)


def read(address: str) -> PostgresDatabase:
    """An address as it is given to --database."""
    return parsed(address, ENGINE, what="--database")


def refused(address: str) -> str:
    """Why an address is refused."""
    with pytest.raises(UsageError) as caught:
        read(address)
    return str(caught.value)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of libpq's in the environment."""
    for name in os.environ:
        if name.startswith("PG"):
            monkeypatch.delenv(name)


PLAIN = "postgres:pw@127.0.0.1:5433/shop"
WHERE = {"host": "127.0.0.1", "port": "5433", "user": "postgres", "dbname": "shop"}


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://{PLAIN}",
        f"postgres://{PLAIN}",
        f"POSTGRESQL://{PLAIN}",
        f"postgresql+asyncpg://{PLAIN}?ssl=disable&prepared_statement_cache_size=0",
        f"postgresql+psycopg://{PLAIN}",
        f"postgresql+psycopg2://{PLAIN}?application_name=e2e",
        "jdbc:postgresql://127.0.0.1:5433/shop?user=postgres&password=pw&currentSchema=public",
        f"postgresql://{PLAIN}?schema=public&connection_limit=1&pool_timeout=0",
        f"postgresql://{PLAIN}?pgbouncer=false",
        f"postgis://{PLAIN}?conn_max_age=600",
        f"psql://{PLAIN}",
        f"postgresql://{PLAIN}?pool=5&encoding=utf8&prepared_statements=false",
        f"postgresql://{PLAIN}?pool_max_conns=10&search_path=a",
        "postgresql:///?host=127.0.0.1&port=5433&username=postgres&database=shop&password=pw",
    ],
)
def test_frameworks_spellings_mean_the_same_database(address: str) -> None:
    """By scheme, driver and parameters of their own; none of these reaches libpq."""
    database = read(address)
    parameters = dict(database.parameters)
    for beside in ("sslmode", "application_name"):
        parameters.pop(beside, None)
    assert parameters == WHERE | {"password": "pw"}
    assert database.name == "shop"
    assert psycopg.conninfo.make_conninfo(**database.parameters)


@pytest.mark.parametrize(
    ("written", "mode"),
    [("ssl=disable", "disable"), ("ssl=true", "require"), ("sslmode=no-verify", "require"),
     ("ssl=verify-full", "verify-full"), ("sslmode=prefer", "prefer")],
)  # fmt: skip
def test_ssl_is_said_in_libpqs_words(written: str, mode: str) -> None:
    """As asyncpg, JDBC and Node write it."""
    assert read(f"postgresql://h/d?{written}").parameters["sslmode"] == mode


@pytest.mark.parametrize(
    ("address", "why"),
    [
        (f"ecto://{PLAIN}", "postgresql://"),
        (f"postgresql://{PLAIN}?pgbouncer=true", "the server itself"),
        (f"postgresql://{PLAIN}?ssl=perhaps", "sslmode=require"),
        (f"postgresql://{PLAIN}?sloppy=1", "the parameter 'sloppy'"),
        ("postgresql://one:1,two:2/shop", "several hosts (one,two)"),
        ("postgresql:///shop?hostaddr=127.0.0.1,127.0.0.2", "several hosts"),
        (f"postgresql://h/{'x' * 64}", "63 bytes"),
    ],
)
def test_what_is_not_taken_says_what_to_write(address: str, why: str) -> None:
    """And shows no password."""
    said = refused(address)
    assert why in said
    assert "--database" in said
    assert "pw" not in said


@pytest.mark.parametrize(
    "rest",
    [
        "pat:p@s/w0rd@h:1/shop",
        "pat:p@w0rd@h/shop",
        "pat:w0rd%zz@h/shop",
        "pat:w0rd%00@h/shop",
        "pat:w0rd%ff@h/shop",
        "pat:s/w0rd@h/shop",
        "pat:s?w0rd/x@h/shop",
        "pat:w0rd/shop",
        "pat:a b w0rd@h/shop",
        "h/shop?user=pat&password=x&w0rd",
        "h/shop?user=pat&password=x&w0rd=1",
        "h/shop?password=x@w0rd",
        "h/shop?password=w0rd%zz",
        "h/shop?w0rd",
        "h:w0rd/shop",
        "h/shop?port=w0rd",
        "[w0rd/shop",
        "pat:w0rd\n@h/shop",
    ],
)
def test_a_password_that_was_not_encoded_is_not_shown(rest: str) -> None:
    """No part of it, wherever it breaks the address; how to write it is said."""
    for scheme in ("postgresql", "postgres", "jdbc:postgresql", "postgresql+asyncpg"):
        said = refused(f"{scheme}://{rest}")
        assert "w0rd" not in said
        assert "encoded" in said


@pytest.mark.parametrize(
    ("rest", "password"),
    [("u:w#rd@h/d", "w#rd"), ("u:w?r=d@h/d", "w?r=d"), ("u:a:b@h/d", "a:b"),
     ("u:%40%2F%25%3A%23@h/d", "@/%:#"), ("h/d?user=u&password=a=b", "a=b"), ("u:a+b@h/d", "a+b")],
)  # fmt: skip
def test_a_password_is_what_libpq_takes_it_for(rest: str, password: str) -> None:
    """Also with characters that end other addresses."""
    database = read(f"postgresql://{rest}")
    assert database.parameters["password"] == password
    assert (database.name, database.parameters["host"]) == ("d", "h")
    assert password not in database.whole + str(database) + repr(database)


@given(ANY, ANY, ANY.filter(lambda name: len(name.encode()) < 64), HOSTS, st.integers(1, 65535))
def test_what_is_encoded_is_read_as_it_was(
    user: str, password: str, name: str, host: str, port: int
) -> None:
    """And without its password it is the same database again, whatever they are called."""
    parts = (user, f"s3cr{password}t", name, host)
    user, password, name, host = (quote(part, safe="") for part in parts)
    for address in (
        f"postgresql://{user}:{password}@{host}:{port}/{name}",
        f"postgres:///{name}?host={host}&port={port}&user={user}&password={password}",
    ):
        database = read(address)
        _same(database, user, password, host, name)


def _same(database: PostgresDatabase, user: str, password: str, host: str, name: str) -> None:
    parameters = dict(database.parameters)
    assert parameters.pop("password") == unquote(password)
    assert parameters["user"] == unquote(user)
    assert parameters["host"] == unquote(host)
    assert database.name == unquote(name)
    for shown in (str(database), repr(database), database.whole):
        assert "s3cr" not in shown
    assert read(database.whole).parameters == parameters
    assert read(database.named("a/b?c").whole).name == "a/b?c"


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_nothing_else_is_raised_and_no_word_of_a_password_shown(rest: str) -> None:
    """Whatever follows a password that was begun, also where it is taken for something else."""
    try:
        database = read(f"postgresql://u:s3cret{rest}")
        said = str(database) + database.whole
    except UsageError as error:
        said = str(error)
    assert "s3cret" not in said


def test_without_a_name_it_is_the_users() -> None:
    """As libpq does; the user is the system's where none is named."""
    assert read("postgresql://pat@h").name == "pat"
    assert read("postgresql://h/").parameters["user"] == getpass.getuser()
    assert read("postgresql:///").name == getpass.getuser()


def test_variables_fill_what_is_missing_and_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is meant is the same once they are gone; what is shown is what was given."""
    for name, value in {"HOST": "h", "PORT": "77", "USER": "u", "DATABASE": "d"}.items():
        monkeypatch.setenv(f"PG{name}", value)
    database = read("postgresql:///shop")
    assert str(database) == "postgresql:///shop"
    assert database.whole == "postgresql://u@h:77/shop"
    assert read("postgresql://").name == "d"
    assert read("postgresql://x:1/y").whole == "postgresql://u@x:1/y"
    monkeypatch.setenv("PGHOSTADDR", "10.9.8.7")  # libpq goes there, whatever the host is called
    assert read("postgresql://x/y").parameters["hostaddr"] == "10.9.8.7"


def test_a_service_is_looked_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By parameter or variable; the address counts more, the variables less; no password shows."""
    file = tmp_path / "svc.conf"
    file.write_text("[e2e]\nhost=h\nport=7\nuser=u\ndbname=shop\npassword=s3cret\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    monkeypatch.setenv("PGPORT", "8")
    database = read("postgresql:///?service=e2e")
    assert (database.name, database.parameters["port"]) == ("shop", "7")
    assert database.whole == "postgresql://u@h:7/shop?service=e2e"
    assert "s3cret" not in str(database) + repr(database) + database.whole
    assert read("postgresql://x/y?service=e2e").whole == "postgresql://u@x:7/y?service=e2e"
    monkeypatch.setenv("PGSERVICE", "e2e")
    assert read("postgresql://").whole == database.whole
    assert "no service 'none'" in refused("postgresql:///?service=none")


def test_a_file_that_is_named_is_found_from_anywhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A certificate by a relative path is meant from where it was given."""
    monkeypatch.chdir(tmp_path)
    given_ = read("postgresql://h/d?sslrootcert=ca.pem").parameters["sslrootcert"]
    assert given_ == str(tmp_path / "ca.pem")
    assert read("postgresql://h/d?sslrootcert=system").parameters["sslrootcert"] == "system"


@pytest.mark.parametrize("name", ["My Shop", 'a"b', "it's", "50%25", "a/b?c=d&e", "--force", "ä=ö"])
def test_a_name_leads_to_its_database(databases: Databases, name: str) -> None:
    """The server itself says that it is the one, whatever it is called."""
    database = read(databases.make(name, ""))
    with psycopg.connect(**database.parameters) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == (name,)
    assert database.name == name


def test_a_socket_is_reached_by_its_folder(databases: Databases) -> None:
    """As a parameter, or encoded where the host stands."""
    folder, port = databases.server.sockets, databases.server.port
    if not folder:
        pytest.skip("the path is too long for a socket")
    for address in (
        f"postgresql:///postgres?host={folder}&port={port}&user=postgres",
        f"postgresql://postgres@{quote(folder, safe='')}:{port}/postgres",
        f"postgresql://postgres@/postgres?host={quote(folder, safe='')}&port={port}",
    ):
        database = read(read(address).whole)
        with psycopg.connect(**database.parameters) as connection:
            assert connection.info.host == folder


def test_without_the_driver_the_extra_is_named() -> None:
    """In one sentence; and the module itself needs no driver."""
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from harness.databases.postgresql.address import parsed\n"
        "from harness.errors import UsageError\n"
        "try: parsed('postgresql://u:s3cret@h/d', None, what='--database')\n"
        "except UsageError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'reliability-harness[postgres]'" in done.stdout
    assert "s3cret" not in done.stdout


def test_help_needs_no_driver() -> None:
    """Nor any other command that deals with no such address: its import takes its time."""
    code = (
        "import atexit, sys; sys.argv = ['harness', 'guard', '--help']\n"
        "atexit.register(lambda: print('psycopg' in sys.modules))\n"
        "from harness.cli import main; main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "--database" in done.stdout
    assert done.stdout.endswith("False\n"), done.stderr
