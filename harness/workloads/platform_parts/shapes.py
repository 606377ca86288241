"""The shapes of test data on the platform: what tests make, call by call.

A shape prepares sets of values, and writes one of them as the application would: one transaction
for each call to its API. What is unique in a set gets the draw's own mark, in a name space that no
baseline uses: addresses at e2e.test (RFC 2606 keeps .test for tests), tokens that begin with
test_, tags that begin with e2e-.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

from harness.backend import schema
from harness.errors import WorkloadError
from harness.steps import Entity
from harness.workloads.platform_parts.words import Words

TESTED_AT = 1_700_000_000  # seconds since 1970, when every test runs
USER_CHANGED = 3  # a baseline of any size has this user

Values = tuple[Any, ...]
Made = list[tuple[str, Any]]  # (table, id), or (table, (bot, tag)), in the order made


@dataclass(frozen=True, slots=True)
class Seen:
    """What was there before the test: the last row of audit_log, and the user that it changes."""

    last_audit: int
    role: str
    updated_at: int


class Shape(ABC):
    """One kind of test data."""

    changes_baseline: ClassVar[bool]

    @abstractmethod
    def prepare(self, words: Words, random: Random) -> Values:
        """Draw one set of values."""

    @abstractmethod
    def write(self, connection: Any, values: Values, mark: str, seen: Seen | None) -> Made:
        """Write one set and return the rows made; ``seen`` is there if it changes the baseline."""

    def look(self, connection: Any) -> Seen | None:
        """Read what cleaning up will need to know, where this shape changes the baseline."""
        if not self.changes_baseline:
            return None
        row = connection.execute(_LOOK, (USER_CHANGED,)).fetchone()
        if row is None:
            raise WorkloadError(f"not a platform baseline: it has no user {USER_CHANGED}")
        return Seen(*row)


_LOOK = (
    "SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'audit_log'), role, updated_at"
    " FROM users WHERE id = ?"
)


def entities(seen: Seen | None, made: Made) -> tuple[Entity, ...]:
    """List what a cleanup has to undo, in the order made.

    What triggers wrote stands first and the changed user second: undone in reverse order, the
    audit rows go last, also the one that putting the user back writes.
    """
    changed: tuple[Entity, ...] = ()
    if seen is not None:
        before = (("role", seen.role), ("updated_at", seen.updated_at))
        changed = (
            Entity("audit_log", (("id", seen.last_audit),), after=True),
            Entity("users", (("id", USER_CHANGED),), before=before),
        )
    return changed + tuple(
        Entity(table, (("bot_id", key[0]), ("tag_id", key[1])))
        if table == "bot_tags"
        else Entity(table, (("id", key),))
        for table, key in made
    )


class Rehearsal:
    """Stands where a connection does: hands out the ids AUTOINCREMENT would, and counts bytes."""

    def __init__(self, last: dict[str, int]) -> None:
        """Begin after the ``last`` id of each table, as sqlite_sequence has them."""
        self._last = dict(last)
        self._id = 0
        self.payload_bytes = 0

    def cursor(self) -> Rehearsal:
        """Return itself: there is nothing to iterate over."""
        return self

    def execute(self, sql: str, bindings: Values = ()) -> None:
        """Count the bytes bound: UTF-8 for text, 8 for a number, none for NULL."""
        for value in bindings:
            if isinstance(value, str):
                self.payload_bytes += len(value.encode())
            elif value is not None:
                self.payload_bytes += 8
        if sql.startswith("INSERT INTO "):
            table = sql.split(" ", 3)[2]
            self._id = self._last[table] = self._last.get(table, 0) + 1

    def last_insert_rowid(self) -> int:
        """Return the id of the row last written."""
        return self._id


@contextmanager
def _call(connection: Any, run: Any) -> Iterator[None]:
    """Run one call to the API as one transaction; an error leaves none open."""
    run("BEGIN IMMEDIATE")
    try:
        yield
        run("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some errors make SQLite roll back by itself
            run("ROLLBACK")
        raise


def _user(words: Words, random: Random) -> Values:
    """Draw (account, name, locale)."""
    return random.choice(words.accounts), *random.choice(words.people)


def _bots(words: Words, random: Random, count: int) -> Values:
    """Draw (name, description) of ``count`` bots; no two names are the same."""
    return tuple((name, random.choice(words.slogans)) for name in random.sample(words.bots, count))


def _configs(words: Words, random: Random, count: int) -> Values:
    """Draw the settings of ``count`` integrations."""
    return tuple(
        f'{{"workspace": "{random.choice(words.nouns)}", "retries": 3}}' for _ in range(count)
    )


def _user_row(user: Values, mark: str, role: str) -> Values:
    """Return the bindings of ADD_USER."""
    account, name, locale = user
    return f"{account}.{mark}@e2e.test", name, role, locale, TESTED_AT, TESTED_AT


class Accounts(Shape):
    """Users with their bots and integrations, in a call for each kind of row; no trigger fires.

    A call for each kind, not for each row: for one user, three bots and two integrations 10 pages
    are written to the WAL instead of 19, which took a third off the time.
    """

    changes_baseline = False

    def __init__(self, users: int, bots: tuple[int, ...], integrations: tuple[int, ...]) -> None:
        """Take how many users; by position, whose each bot is and which bot's each integration."""
        self._users, self._bots, self._integrations = users, bots, integrations

    def prepare(self, words: Words, random: Random) -> Values:
        """Draw (users, bots, configs)."""
        people = tuple(_user(words, random) for _ in range(self._users))
        bots = _bots(words, random, len(self._bots))
        return people, bots, _configs(words, random, len(self._integrations))

    def write(self, connection: Any, values: Values, mark: str, seen: Seen | None) -> Made:
        """Write the rows in three transactions."""
        run, last_id = connection.cursor().execute, connection.last_insert_rowid
        people, bots, configs = values
        users: list[int] = []
        with _call(connection, run):
            for number, person in enumerate(people):
                own = mark if self._users == 1 else f"{mark}.{number}"
                run(schema.ADD_USER, _user_row(person, own, "owner"))
                users.append(last_id())
        made: Made = [("users", user) for user in users]
        bot_ids: list[int] = []
        with _call(connection, run):
            for number, (name, slogan) in enumerate(bots):
                owner = self._bots[number]
                first = self._bots.index(owner) == number
                run(schema.ADD_BOT, (users[owner], name, slogan, "draft", first, TESTED_AT))
                bot_ids.append(last_id())
        made += [("bots", bot) for bot in bot_ids]
        with _call(connection, run):
            for number, config in enumerate(configs):
                bot = bot_ids[self._integrations[number]]
                run(schema.ADD_INTEGRATION, (bot, schema.CHANNELS[number], config, TESTED_AT))
                made.append(("integrations", last_id()))
        return made


class Complex(Shape):
    """A team with its bots, channels and conversations, and a change to a user of the baseline.

    45 rows over 8 tables, conversations four messages deep; triggers write 9 rows of audit_log.
    """

    changes_baseline = True

    # by position: the user of a token and of a bot, the bot of an integration, ...
    tokens = (0, 0, 1, 2)
    bots = ((0, True), (0, False), (0, False), (1, True), (2, True))  # (user, is default)
    integrations = (0, 0, 1, 3)
    bot_tags = ((0, 1), (1,), (2,), (0,), (2,))  # the tags of each bot
    conversations = ((0, 0, 4), (0, 1, 3), (1, 2, 2), (2, None, 2), (3, 3, 2), (4, None, 1))

    def prepare(self, words: Words, random: Random) -> Values:
        """Draw (users, nouns for tags and labels, bots, configs, (visitor, messages)...)."""
        return (
            tuple(_user(words, random) for _ in range(3)),
            tuple(random.sample(words.nouns, 3)),
            _bots(words, random, len(self.bots)),
            _configs(words, random, len(self.integrations)),
            tuple(
                (random.choice(words.people)[0], tuple(random.choices(words.bodies, k=count)))
                for _, _, count in self.conversations
            ),
        )

    def write(self, connection: Any, values: Values, mark: str, seen: Seen | None) -> Made:
        """Write 45 rows and one change in 13 transactions."""
        made: Made = []
        people, nouns, bots, configs, talks = values
        users = self._add_team(connection, made, people, nouns, mark, seen)
        tags = self._add_tags(connection, made, nouns, mark)
        bot_ids = self._add_bots(connection, made, bots, users, tags)
        integrations = self._integrate(connection, made, configs, bot_ids)
        for (bot, integration, _), talk in zip(self.conversations, talks, strict=True):
            channel = None if integration is None else integrations[integration]
            _converse(connection, made, bot_ids[bot], channel, users, talk)
        return made

    def _add_team(
        self,
        connection: Any,
        made: Made,
        people: Values,
        nouns: Values,
        mark: str,
        seen: Seen | None,
    ) -> list[int]:
        """Promote or demote the baseline's user, then sign up users with their tokens."""
        run, last_id = connection.cursor().execute, connection.last_insert_rowid
        users: list[int] = []
        role = "admin" if seen is not None and seen.role == "owner" else "owner"
        run(schema.SET_USER_ROLE, (role, TESTED_AT, USER_CHANGED))
        for position, person in enumerate(people):
            with _call(connection, run):
                run(schema.ADD_USER, _user_row(person, f"{mark}.{position}", "owner"))
                user = last_id()
                users.append(user)
                made.append(("users", user))
                for number, owner in enumerate(self.tokens):
                    if owner == position:
                        token = f"test_{mark}_{number}"
                        rights = (schema.READ_SCOPES, TESTED_AT)
                        run(schema.ADD_TOKEN, (user, token, nouns[position], *rights))
                        made.append(("api_tokens", last_id()))
        return users

    def _add_tags(self, connection: Any, made: Made, nouns: Values, mark: str) -> list[int]:
        """Add the tags in one call."""
        run, last_id = connection.cursor().execute, connection.last_insert_rowid
        tags: list[int] = []
        with _call(connection, run):
            for noun in nouns:
                run(schema.ADD_TAG, (f"e2e-{noun}-{mark}", "#2f80ed"))
                tags.append(last_id())
                made.append(("tags", tags[-1]))
        return tags

    def _add_bots(
        self, connection: Any, made: Made, bots: Values, users: list[int], tags: list[int]
    ) -> list[int]:
        """Add the bots with their tags in one call."""
        run, last_id = connection.cursor().execute, connection.last_insert_rowid
        added: list[int] = []
        plan = zip(self.bots, self.bot_tags, bots, strict=True)
        with _call(connection, run):
            for (user, default), mine, (name, slogan) in plan:
                run(schema.ADD_BOT, (users[user], name, slogan, "draft", default, TESTED_AT))
                bot = last_id()
                added.append(bot)
                made.append(("bots", bot))
                for tag in mine:
                    run(schema.ADD_BOT_TAG, (bot, tags[tag]))
                    made.append(("bot_tags", (bot, tags[tag])))
        return added

    def _integrate(
        self, connection: Any, made: Made, configs: Values, bots: list[int]
    ) -> list[int]:
        """Connect bots to channels in one call; connecting sets a bot live."""
        run, last_id = connection.cursor().execute, connection.last_insert_rowid
        added: list[int] = []
        plan = zip(schema.CHANNELS, self.integrations, configs, strict=False)
        with _call(connection, run):
            for channel, bot, config in plan:
                run(schema.ADD_INTEGRATION, (bots[bot], channel, config, TESTED_AT))
                added.append(last_id())
                made.append(("integrations", added[-1]))
                run(schema.SET_BOT_STATUS, ("live", TESTED_AT, bots[bot]))
        return added


def _converse(
    connection: Any, made: Made, bot: int, channel: int | None, users: list[int], talk: Values
) -> None:
    """Hold a conversation: each message answers the one before, every second is a person's."""
    run, last_id = connection.cursor().execute, connection.last_insert_rowid
    visitor, bodies = talk
    with _call(connection, run):
        run(schema.ADD_CONVERSATION, (bot, channel, visitor, TESTED_AT))
        conversation = last_id()
        made.append(("conversations", conversation))
        last: int | None = None
        for number, body in enumerate(bodies):
            author = users[number % len(users)] if number % 2 else None
            run(schema.ADD_MESSAGE, (conversation, author, last, body, TESTED_AT + number))
            last = last_id()
            made.append(("messages", last))


SHAPES: dict[str, Shape] = {
    "simple": Accounts(1, bots=(0, 0, 0), integrations=(0, 1)),
    "team": Accounts(2, bots=(0, 0, 0, 1, 1), integrations=(0, 1, 3)),
    "complex": Complex(),
}
