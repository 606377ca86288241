"""The platform's life before the tests: a baseline of an exact size, the same bytes every time.

Rows arrive as an application writes them, one by one and mixed over the tables, so b-tree pages
are as full as in life (VACUUM would pack them, and then every insert splits one). The work is
linear in the size: values come from pools made once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from harness.backend import schema
from harness.errors import WorkloadError
from harness.workloads.platform_parts.words import Words, generator, make_words

SMALLEST_PAGES = 64
LARGEST_PAGES = 2**31  # far below SQLite's own limit of 2^32 - 2 pages
STARTED_AT = 1_500_000_000  # seconds since 1970, when the platform's life begins
_POOL = 3000
_OPEN = 48  # conversations that are going on at the same time
_STEP_PAGES = 8  # more than one step ever adds
_FINISH_PAGES = 2 * _STEP_PAGES  # from here on each step is checked, and undone if it overshoots
_PATIENCE = 500  # steps undone before another course is tried
_COURSES = 100


def build(path: Path, *, size_bytes: int, seed: int, journal_mode: str) -> None:
    """Write the baseline to ``path``, which must not exist or be empty.

    Raises WorkloadError for a size that cannot be made and for a path that is in use. The same
    arguments with the same SQLite and Faker give the same bytes. Nothing is synced to the disk.
    """
    pages = _pages(size_bytes)
    if journal_mode not in ("wal", "delete"):
        raise WorkloadError(f"journal mode {journal_mode!r} is neither 'wal' nor 'delete'")
    if path.exists() and path.stat().st_size:
        raise WorkloadError(f"{path} exists: a baseline is written to a new file only")
    try:
        connection = apsw.Connection(str(path))
        try:
            _write(connection, pages, seed, journal_mode)
        finally:
            connection.close()
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _pages(size_bytes: int) -> int:
    """Return the size in pages, or say which sizes are possible."""
    page = schema.PAGE_SIZE_BYTES
    pages, rest = divmod(size_bytes, page)
    if SMALLEST_PAGES <= pages <= LARGEST_PAGES and not rest:
        return pages
    near = sorted(
        {min(max(n, SMALLEST_PAGES), LARGEST_PAGES) * page for n in (pages, pages + bool(rest))}
    )
    raise WorkloadError(
        f"a baseline cannot be {size_bytes} bytes: it is whole pages of {page} bytes, at least"
        f" {SMALLEST_PAGES} of them; nearest possible: {' or '.join(map(str, near))}"
    )


def _write(connection: apsw.Connection, pages: int, seed: int, journal_mode: str) -> None:
    """Fill the empty database behind ``connection`` to exactly ``pages``."""
    run = connection.execute
    for setting in (
        f"page_size = {schema.PAGE_SIZE_BYTES}",
        "encoding = 'UTF-8'",
        "auto_vacuum = NONE",
        "locking_mode = EXCLUSIVE",  # no -shm, and nobody sees half a baseline
        "synchronous = OFF",
        "secure_delete = OFF",
        "foreign_keys = OFF",  # parents are always written first; checking costs half the time
        "cache_size = -65536",
        "journal_mode = OFF",
        f"user_version = {schema.USER_VERSION}",
        f"application_id = {schema.APPLICATION_ID}",
    ):
        run(f"PRAGMA {setting}")
    run("BEGIN")
    run(schema.SCHEMA)
    life = _Life(connection, seed)
    life.found()
    while (left := pages - _page_count(connection)) > _FINISH_PAGES:
        for _ in range(1 + (left - _FINISH_PAGES) // _STEP_PAGES):
            life.step()
    run("COMMIT")
    run("PRAGMA journal_mode = MEMORY")  # finishing undoes steps, which needs a journal
    run("BEGIN")
    _finish(connection, life, pages)
    run("COMMIT")
    run(f"PRAGMA journal_mode = {journal_mode}")


def _page_count(connection: apsw.Connection) -> int:
    """Pages of the database as the open transaction sees it."""
    return int(connection.pragma("page_count"))


def _finish(connection: apsw.Connection, life: _Life, pages: int) -> None:
    """Grow to exactly ``pages``, if need be by another course of events from here on.

    Rarely one page is missing and whatever happens next adds two: a b-tree of one page that
    overflows becomes three. Then all that happened here is undone.
    """
    start = life.state()
    for _ in range(_COURSES):
        connection.execute("SAVEPOINT course")
        if _grow_to(connection, life, pages):
            connection.execute("RELEASE course")
            return
        connection.execute("ROLLBACK TO course")
        connection.execute("RELEASE course")
        life.go_back(start)
    raise WorkloadError(f"no course of events out of {_COURSES} ends at exactly {pages} pages")


def _grow_to(connection: apsw.Connection, life: _Life, pages: int) -> bool:
    """Let steps happen until ``pages``, undoing those that go beyond; False when none fits."""
    patience = _PATIENCE
    while patience and _page_count(connection) < pages:
        before = life.state()
        connection.execute("SAVEPOINT step")
        life.step()
        if _page_count(connection) > pages:
            connection.execute("ROLLBACK TO step")
            life.go_back(before)
            patience -= 1
        connection.execute("RELEASE step")
    return patience > 0


class _Life:
    """What happens on the platform, step by step; ids are counted along with AUTOINCREMENT."""

    def __init__(self, connection: apsw.Connection, seed: int) -> None:
        self._run: Callable[..., Any] = connection.cursor().execute
        self._draw = generator("life", seed).random
        self._bits = generator("tokens", seed).getrandbits
        self._words: Words = make_words(seed, _POOL, long_bodies=True)
        self._now = STARTED_AT
        self._users = self._tags = self._conversations = self._messages = 0
        self._bots: list[int] = []  # integrations of bot n + 1
        self._integrations: list[int] = []  # bot of integration n + 1
        self._open: list[tuple[int, int]] = []  # (conversation, its last message or 0)

    def state(self) -> dict[str, Any]:
        """Return what ``go_back`` needs; the generators are not part of it and go on."""
        return {k: copy.copy(v) for k, v in vars(self).items() if isinstance(v, int | list)}

    def go_back(self, state: dict[str, Any]) -> None:
        """Forget what happened since ``state``."""
        vars(self).update(copy.deepcopy(state))

    def found(self) -> None:
        """Put the first rows into every table."""
        for _ in range(12):
            self._add_tag()
        for _ in range(4):
            self._sign_up()
            self._add_bot(self._users, is_default=0)
        for _ in range(4):
            self._integrate()
        for _ in range(_OPEN):
            self._converse()
        for _ in range(2 * _OPEN):
            self._write_message()

    def step(self) -> None:
        """Let one thing happen; mostly somebody writes a message."""
        self._now += int(self._draw() * 20)
        kind = self._draw()
        if kind < 0.900:
            self._write_message()
        elif kind < 0.975:
            self._converse()
        elif kind < 0.985:
            self._integrate()
        elif kind < 0.993:
            self._add_bot(self._any(self._users), is_default=0)
        elif kind < 0.999:
            self._sign_up()
        else:
            self._add_tag()

    def _any(self, count: int) -> int:
        """Draw an id from 1 to ``count``."""
        return 1 + int(self._draw() * count)

    def _pick(self, pool: tuple[Any, ...]) -> Any:
        return pool[int(self._draw() * len(pool))]

    def _sign_up(self) -> None:
        self._users += 1
        name, locale = self._pick(self._words.people)
        domain = self._pick(("example.com", "example.net", "example.org"))
        email = f"{self._pick(self._words.accounts)}{self._users}@{domain}"
        role = self._pick(("owner", "admin", "member", "member"))
        self._run(schema.ADD_USER, (email, name, role, locale, self._now, self._now))
        label = self._pick(self._words.nouns)
        token = f"live_{self._bits(128):032x}"
        # the founder's token is the one that tests work with
        scopes = schema.ALL_SCOPES if self._users == 1 else schema.READ_SCOPES
        self._run(schema.ADD_TOKEN, (self._users, token, label, scopes, self._now))
        self._add_bot(self._users, is_default=1)

    def _add_bot(self, user: int, *, is_default: int) -> None:
        self._bots.append(0)
        bot = len(self._bots)
        name = f"{self._pick(self._words.bots)} {bot}"  # the number keeps (user, name) unique
        slogan = self._pick(self._words.slogans)
        self._run(schema.ADD_BOT, (user, name, slogan, "draft", is_default, self._now))
        for tag in sorted({self._any(self._tags), self._any(self._tags)}):
            self._run(schema.ADD_BOT_TAG, (bot, tag))

    def _integrate(self) -> None:
        """Connect a bot to a channel it does not have yet, and set it live."""
        bot = self._any(len(self._bots))
        taken = self._bots[bot - 1]
        if taken == len(schema.CHANNELS):
            return
        self._bots[bot - 1] = taken + 1
        self._integrations.append(bot)
        config = f'{{"workspace": "{self._pick(self._words.nouns)}", "retries": {taken}}}'
        self._run(schema.ADD_INTEGRATION, (bot, schema.CHANNELS[taken], config, self._now))
        if taken == 0:
            self._run(schema.SET_BOT_STATUS, ("live", self._now, bot))

    def _add_tag(self) -> None:
        self._tags += 1
        name = f"{self._pick(self._words.nouns)}-{self._tags}"
        self._run(schema.ADD_TAG, (name, f"#{self._bits(24):06x}"))

    def _converse(self) -> None:
        """Open a conversation; when enough are open, in the place of one that is closed."""
        integration: int | None = self._any(len(self._integrations))
        bot = self._integrations[(integration or 1) - 1]
        if self._draw() < 0.2:  # a preview, not on any channel
            integration, bot = None, self._any(len(self._bots))
        self._conversations += 1
        visitor = self._pick(self._words.people)[0]
        self._run(schema.ADD_CONVERSATION, (bot, integration, visitor, self._now))
        fresh = (self._conversations, 0)
        if len(self._open) < _OPEN:
            self._open.append(fresh)
            return
        place = int(self._draw() * _OPEN)
        self._run(schema.CLOSE_CONVERSATION, (self._now, self._open[place][0]))
        self._open[place] = fresh

    def _write_message(self) -> None:
        place = int(self._draw() * len(self._open))
        conversation, last = self._open[place]
        author = self._any(self._users) if self._draw() < 0.25 else None
        reply_to = last if last and self._draw() < 0.3 else None
        self._messages += 1
        self._open[place] = (conversation, self._messages)
        body = self._pick(self._words.bodies)
        self._run(schema.ADD_MESSAGE, (conversation, author, reply_to, body, self._now))
