"""The defects that can be planted in a source file, each a replacement of one piece of its text."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any"}
_CALL_OR_CHANGE = (ast.Raise, ast.AugAssign, ast.Delete)


class Mutant(NamedTuple):
    """One defect: ``text`` stands in place of the bytes from ``start`` to ``end``."""

    line: int  # from 1
    what: str
    start: int
    end: int
    text: str

    def of(self, source: str) -> str:
        """Give the source with the defect."""
        written = source.encode()
        return (written[: self.start] + self.text.encode() + written[self.end :]).decode()


def mutants(source: str) -> list[Mutant]:
    """List the defects that can be planted in a module, in the order of its text.

    Types, names, texts for people, imports and decorators stay as they are.

    Raises:
        SyntaxError: it is no Python.
    """
    begins = [0]
    for line in source.encode().splitlines(keepends=True):
        begins.append(begins[-1] + len(line))
    found = []
    for node in _code(ast.parse(source)):
        for place, what, text in _edits(node):
            start = begins[place.lineno - 1] + place.col_offset
            end = begins[place.end_lineno - 1] + place.end_col_offset
            found.append(Mutant(place.lineno, what, start, end, text))
    return sorted(set(found), key=lambda mutant: (mutant.start, mutant.end, mutant.what))


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what is executed; not types, decorators, nor what is within an f-string."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr):
                yield from _code(child)


# What is replaced, how it is called, and by which text.
Edit = tuple[Any, str, str]


def _edits(node: ast.AST) -> Iterator[Edit]:
    if isinstance(node, ast.stmt):
        yield from _statements(node)
    elif edits := _OF_EXPRESSIONS.get(type(node)):
        yield from edits(node)


def _within(node: ast.AST) -> str:
    return f"({ast.unparse(node)})"


def _statements(node: ast.stmt) -> Iterator[Edit]:
    if isinstance(node, ast.If | ast.While):
        yield node.test, "condition negated", f"(not {_within(node.test)})"
    elif isinstance(node, ast.Return):
        if node.value is not None and ast.unparse(node.value) != "None":
            yield node, "returns None", "return None"
    elif isinstance(node, ast.Break | ast.Continue):
        other = "continue" if isinstance(node, ast.Break) else "break"
        yield node, f"{other} instead", other
    elif isinstance(node, _CALL_OR_CHANGE) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        yield node, "statement dropped", "pass"
    elif isinstance(node, ast.Assign) and not any(
        isinstance(name, ast.Name | ast.Tuple) for name in node.targets
    ):
        yield node, "assignment dropped", "pass"


def _comparisons(node: ast.Compare) -> Iterator[Edit]:
    for number, old in enumerate(node.ops):
        for new in _COMPARISONS[type(old)]:
            changed = copy.deepcopy(node)
            changed.ops[number] = new()
            yield node, f"{type(old).__name__} became {new.__name__}", _within(changed)


def _combinations(node: ast.BoolOp) -> Iterator[Edit]:
    changed = copy.deepcopy(node)
    changed.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield node, f"{type(changed.op).__name__.lower()} instead", _within(changed)
    for number in range(len(node.values)):
        kept = copy.deepcopy(node)
        del kept.values[number]
        left = kept if len(kept.values) > 1 else kept.values[0]
        yield node, f"part {number + 1} of the condition dropped", _within(left)


def _calculations(node: ast.BinOp) -> Iterator[Edit]:
    if any(isinstance(side, ast.JoinedStr) or _is_text(side) for side in (node.left, node.right)):
        return  # texts are joined or formatted
    changed = copy.deepcopy(node)
    changed.op = _ARITHMETIC.get(type(node.op), type(node.op))()
    if type(changed.op) is not type(node.op):
        what = f"{type(node.op).__name__} became {type(changed.op).__name__}"
        yield node, what, _within(changed)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _signs(node: ast.UnaryOp) -> Iterator[Edit]:
    if isinstance(node.op, ast.Not | ast.USub):
        sign = "not" if isinstance(node.op, ast.Not) else "minus"
        yield node, f"{sign} dropped", _within(node.operand)


def _choices(node: ast.IfExp) -> Iterator[Edit]:
    yield node.test, "condition negated", f"(not {_within(node.test)})"


def _filters(node: ast.comprehension) -> Iterator[Edit]:
    for condition in node.ifs:
        yield condition, "condition dropped", "True"


def _constants(node: ast.Constant) -> Iterator[Edit]:
    if isinstance(node.value, bool):
        yield node, f"{not node.value} instead", str(not node.value)
    elif isinstance(node.value, int | float):
        for step in (1, -1):
            yield node, f"{step:+d}", f"({node.value + step})"


def _calls(node: ast.Call) -> Iterator[Edit]:
    if isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
        other = _FUNCTIONS[node.func.id]
        yield node.func, f"{other} instead", other
    for number, (one, other_one) in enumerate(zip(node.args, node.args[1:], strict=False)):
        if isinstance(one, ast.Starred) or isinstance(other_one, ast.Starred):
            continue
        changed = copy.deepcopy(node)
        pair = slice(number, number + 2)
        changed.args[pair] = reversed(changed.args[pair])
        if ast.unparse(changed) != ast.unparse(node):
            yield node, f"arguments {number + 1} and {number + 2} swapped", _within(changed)


_OF_EXPRESSIONS: dict[type[ast.AST], Callable[[Any], Iterator[Edit]]] = {
    ast.Compare: _comparisons,
    ast.BoolOp: _combinations,
    ast.BinOp: _calculations,
    ast.UnaryOp: _signs,
    ast.IfExp: _choices,
    ast.comprehension: _filters,
    ast.Constant: _constants,
    ast.Call: _calls,
}
