"""An experiment's TOML file: its values, its line numbers, and the merging of its tables."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.errors import ConfigurationError
from harness.experiment.written import no_experiment

Keys = tuple[int | str, ...]
WHOLE = ("rate", "lasting", "each")  # tables that are one value: replaced, never merged
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(#.*)?")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_MOST_NAMED = 3  # conditions that have one mistake
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([\w-]+)""")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "did you mean ...? " for the nearest choice, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}? " if near else ""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where (keys and indices from the top), and what."""

    keys: Keys
    message: str
    condition: str = ""  # its name, where it is one condition's

    @property
    def in_condition(self) -> bool:
        """Whether it is a condition's; its keys go on inside that."""
        return len(self.keys) > 1 and self.keys[0] == "conditions"

    def moved(self, sources: Sequence[int]) -> Problem:
        """Point at the [[conditions]] as written, where ``each`` multiplied them."""
        if len(self.keys) > 1 and self.keys[0] == "conditions" and isinstance(self.keys[1], int):
            return replace(self, keys=("conditions", sources[self.keys[1]], *self.keys[2:]))
        return self


@dataclass(frozen=True)
class Document:
    """A TOML file with the overrides of the command line already in its values."""

    path: Path
    values: dict[str, Any]
    overridden: tuple[str, ...] = ()
    lines: dict[Keys, int] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, overrides: Sequence[str] = ()) -> Document:
        """Read and parse; ConfigurationError when there is no such file or it is no TOML."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            said = no_experiment.advice(Path(path), error)
            raise ConfigurationError(f"{path}: cannot be read: {said}") from error
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{path}: not TOML: {error}") from error
        return cls(Path(path), values, _overridden(values, overrides), dict(_scan(text)))

    def error(self, problems: Sequence[Problem]) -> ConfigurationError:
        """Say everything that is wrong, one mistake a line, however many conditions meet it."""
        mistakes: dict[tuple[str, Keys, str], list[Problem]] = {}
        for problem in problems:
            inside = problem.keys[2:] if problem.in_condition else problem.keys
            mistake = (self._line(problem.keys), inside, problem.message)
            mistakes.setdefault(mistake, []).append(problem)
        return ConfigurationError("\n".join(map(self._sentence, mistakes.values())))

    def _sentence(self, problems: Sequence[Problem]) -> str:
        """Say one mistake; where several conditions have it, of where they have it from."""
        problem = problems[0]
        keys = problem.keys
        dotted = ".".join(map(str, keys[2:] if problem.in_condition else keys)) or "the condition"
        place = f"{self.path}{self._line(keys)}: "
        inside = f"defaults.{dotted}" if problem.in_condition else dotted
        by_set = any(inside == key or inside.startswith(f"{key}.") for key in self.overridden)
        among = list(
            dict.fromkeys((one.keys[1], one.condition) for one in problems if one.in_condition)
        )
        several = f" (in {_listed([name for _, name in among])})" if len(among) > 1 else ""
        if several and self._place(keys)[:1] == ("defaults",):
            dotted = inside
        elif several and len({index for index, _ in among}) == 1:
            place += f"condition {self._written_name(keys[1])!r}: "
        elif problem.in_condition:
            place += f"condition {problem.condition or keys[1]!r}: "
        return f"{place}{dotted}{' (by --set)' if by_set else ''}: {problem.message}{several}"

    def _written_name(self, index: int | str) -> str:
        """Name a [[conditions]] as the file does, whatever ``each`` made of it."""
        written = self.values.get("conditions")
        one = written[index] if isinstance(written, list) and isinstance(index, int) else {}
        return str(one.get("name", index)) if isinstance(one, dict) else str(index)

    def _line(self, keys: Keys) -> str:
        place = self._place(keys)
        return f":{self.lines[place]}" if place else ""

    def _place(self, keys: Keys) -> Keys:
        """Find what of the file a problem at ``keys`` is of; () where nothing of it says so."""
        places = [keys]
        if len(keys) > 2 and keys[0] == "conditions":
            swept = (*keys[:2], "each")
            for place in ((*swept, *keys[2:]), (*swept, keys[2], "*", *keys[4:])):
                if place in self.lines:  # what is swept replaces what else is written
                    return place
            places += [(*swept, *keys[2:]), ("defaults", *keys[2:])]
        for place in places[1:] if keys not in self.lines else ():
            for line in self.lines:  # of a table that only dotted keys name, the first of them
                if line[: len(place)] == place:
                    return line
        for length in range(len(keys), 0, -1):
            for place in places:
                shorter = place[: len(place) - (len(keys) - length)]
                if shorter in self.lines and len(shorter) > (shorter[0] == "defaults"):
                    return shorter
        return ()


def _listed(names: Sequence[str]) -> str:
    """Name conditions: all of a few, of many the first."""
    shown = names if len(names) <= _MOST_NAMED else names[: _MOST_NAMED - 1]
    parts = [f"{name!r}" for name in shown]
    if len(shown) < len(names):
        parts.append(f"{len(names) - len(shown)} more conditions")
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Merge tables key by key; rate, lasting and lists are replaced whole."""
    result = dict(under)
    for key, value in over.items():
        old = result.get(key)
        both = isinstance(value, dict) and isinstance(old, dict) and key not in WHOLE
        result[key] = merged(old, value) if both else value  # type: ignore[arg-type]  # old: dict
    return result


def _overridden(values: dict[str, Any], overrides: Sequence[str]) -> tuple[str, ...]:
    """Put every KEY=VALUE into ``values``; the keys, none of which may take another's place."""
    keys: list[str] = []
    for text in overrides:
        key = _override(values, text)
        for earlier in keys:
            if f"{earlier}.".startswith(f"{key}."):
                raise ConfigurationError(
                    f"--set {text}: takes the place of another --set {earlier}=...; which one is "
                    "meant? Give it once"
                )
        keys.append(key)
    return tuple(keys)


def _override(values: dict[str, Any], text: str) -> str:
    """Put one KEY=VALUE into ``values``; the key, what is in a list by its number.

    A bare word is a string.
    """
    key, equals, given = text.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        raise ConfigurationError(f"--set {text}: must be KEY=VALUE, the key dotted")
    try:
        value = tomllib.loads(f"value = {given}")["value"]
    except tomllib.TOMLDecodeError:
        value = given.strip()
    table: Any = values
    *steps, last = _as_spelt(values, parts)
    place: list[str] = []
    for part in steps:
        inner = _step(table, part, text)
        place.append(str(table.index(inner)) if isinstance(table, list) else part)
        table = inner
    if isinstance(table, list):
        raise ConfigurationError(f"--set {text}: {steps[-1]} is a list; name one by its number")
    table[last] = value
    return ".".join((*place, last))


def _as_spelt(table: Any, parts: Sequence[str]) -> list[str]:
    """Join what the file has as one quoted key: ``each`` has "faults.noop.rate" as its key."""
    if not parts or not isinstance(table, dict | list):
        return list(parts)
    if isinstance(table, list):
        return [parts[0], *_as_spelt(_in_list(table, parts[0]), parts[1:])]
    for length in range(len(parts), 0, -1):
        key = ".".join(parts[:length])
        if key in table:
            return [key, *_as_spelt(table[key], parts[length:])]
    return list(parts)


def _step(table: Any, part: str, text: str) -> Any:
    if isinstance(table, list):
        entry = _in_list(table, part)
        if entry is None:
            raise ConfigurationError(f"--set {text}: there is no {part!r} in the list")
        return entry
    inner = table.setdefault(part, {})
    if not isinstance(inner, dict | list):
        raise ConfigurationError(f"--set {text}: {part!r} is not a table")
    return inner


def _in_list(table: list[Any], part: str) -> Any:
    """Find one by its number or its name; None where there is none."""
    for index, entry in enumerate(table):
        if part == str(index) or (isinstance(entry, dict) and entry.get("name") == part):
            return entry
    return None


def _scan(text: str) -> Iterator[tuple[Keys, int]]:
    """Give the line of every key and header, found by reading line by line."""
    prefix: Keys = ()
    count: dict[Keys, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.fullmatch(line):
            prefix = _header_keys(header, count)
            yield prefix, number
        elif key := _KEY.match(line):
            yield _apart((*prefix, *_parts(key[1]))), number
            inner = line[key.end() :]
            for more in re.finditer(r"[{,]\s*([\w.\"'*-]+)\s*=", inner):
                yield _apart((*prefix, *_parts(key[1]), *_parts(more[1]))), number


def _apart(keys: Keys) -> Keys:
    """Take the quoted keys of ``each`` apart: "faults.noop.rate" is three."""
    if "each" not in keys:
        return keys
    after = keys.index("each") + 1
    return (*keys[:after], *(part for key in keys[after:] for part in str(key).split(".")))


def _header_keys(header: re.Match[str], count: dict[Keys, int]) -> Keys:
    """Name the table of a header; ``count`` numbers the tables of each list, also within one."""
    keys: Keys = ()
    parts = _parts(header[2])
    for depth, part in enumerate(parts, start=1):
        keys = (*keys, part)
        if header[1] == "[[" and depth == len(parts):
            count[keys] = count.get(keys, -1) + 1
        if keys in count:
            keys = (*keys, count[keys])
    return keys


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple("".join(part) for part in _PART.findall(dotted))
