"""What can be planted, and what stays as it is."""

from __future__ import annotations

import ast

import pytest

from tests.mutation.operators import mutants
from tests.mutation.sampling import ROOMS
from tests.mutation.test_choosing import ROOT


def _becomes(source: str) -> set[str]:
    return {mutant.of(source) for mutant in mutants(source)}


@pytest.mark.parametrize(
    ("source", "planted"),
    [
        ("a < 1", {"(a <= 1)", "(a >= 1)", "a < (2)", "a < (0)"}),
        ("a == b", {"(a != b)"}),
        ("a is None", {"(a is not None)"}),
        ("a not in b", {"(a in b)"}),
        ("a and b", {"(a or b)", "(a)", "(b)"}),
        ("a + b", {"(a - b)"}),
        ("a // b", {"(a * b)"}),
        ("not a", {"(a)"}),
        ("-a", {"(a)"}),
        ("True", {"False"}),
        ("0.5", {"(1.5)", "(-0.5)"}),
        ("f(a, b)", {"(f(b, a))", "pass"}),
        ("f(*a, b)", {"pass"}),
        ("max(a)", {"min(a)", "pass"}),
        ("x.y = a", {"pass"}),
        ("x += a", {"pass"}),
        ("x = a", set()),
        ("raise a", {"pass"}),
        ("if a:\n  b", {"if (not (a)):\n  b"}),
        ("while a:\n  break", {"while (not (a)):\n  break", "while a:\n  continue"}),
        ("def f():\n  return a", {"def f():\n  return None"}),
        ("def f():\n  return None", set()),
        ("x = [a for a in b if c]", {"x = [a for a in b if True]"}),
        ("x = a if b else c", {"x = a if (not (b)) else c"}),
    ],
)
def test_each_kind_of_defect(source: str, planted: set[str]) -> None:
    """Comparisons, conditions, arithmetic, constants, arguments, statements, what is returned."""
    assert _becomes(source) == planted


@pytest.mark.parametrize(
    "source",
    [
        "'''What it is.'''",
        "import a",
        "x: dict[str, 1]",
        "def f(a: 1) -> 2:\n  '''What it does.'''",
        "@f(a, b)\nclass C(g(a, b)):\n  d: e",
        "x = f'{a + 1} {b < c}'",
        "x = 'a' + b",
        "x = '%d' % b",
    ],
)
def test_what_is_for_people_and_types_stays(source: str) -> None:
    """No defect in texts, types, imports and decorators: no test need notice one."""
    assert _becomes(source) == set()


def test_letters_of_more_than_one_byte_shift_nothing() -> None:
    """Places are counted in bytes, as the parser does."""
    assert "x = 'é', (2)" in _becomes("x = 'é', 1")


@pytest.mark.parametrize("room", ROOMS)
def test_every_defect_of_a_room_is_python_and_other(room: str) -> None:
    """In each room's largest file: all can be compiled, and none is what stands there."""
    path = max((ROOT / "harness" / room).rglob("*.py"), key=lambda path: path.stat().st_size)
    source = path.read_text("utf-8")
    as_it_is = ast.dump(ast.parse(source))
    found = mutants(source)
    assert len(found) > 50
    for mutant in found[::5]:
        assert ast.dump(ast.parse(mutant.of(source))) != as_it_is, mutant
