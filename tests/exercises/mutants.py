"""Mutants of a solution: each has one thing of it changed, as a learner or a slip of the hand might change it.

mutmut and cosmic-ray mutate a package's files and run its test suite for each mutant in a process of its own. Here
the mutated text is a snippet from a notebook, and its judge is one call of `check`: that takes only these lines.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Iterator

SWAPS: dict[type, tuple[type, ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.FloorDiv: (ast.Div,),
    ast.Mod: (ast.FloorDiv,),
    ast.MatMult: (ast.Mult,),
    ast.USub: (ast.UAdd,),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
}
NAMES = {
    "min": ("max",),
    "max": ("min",),
    "argmin": ("argmax",),
    "argmax": ("argmin",),
    "mean": ("max", "median"),
    "median": ("mean",),
    "sum": ("mean", "max"),
    "any": ("all",),
    "all": ("any",),
    "ceil": ("floor", "round"),
    "cdf": ("pdf",),
    "pdf": ("cdf",),
    "log": ("exp",),
    "maximum": ("minimum",),
    "accumulate": ("reduce",),
    "suggest_float": ("suggest_int",),
    "suggest_int": ("suggest_float",),
    "COMPLETE": ("PRUNED", "FAIL"),
    "RUNNING": ("COMPLETE", "WAITING"),
    "FAIL": ("COMPLETE", "PRUNED"),
    "sorted": ("list",),
    "len": ("max",),
    "validation_accuracy": ("validation_loss", "train_loss"),
    "validation_loss": ("validation_accuracy",),
    "TPESampler": ("RandomSampler",),
    "RandomSampler": ("TPESampler",),
    "normal": ("uniform",),
}
Change = Callable[[], None]


def mutants(code: str) -> Iterator[tuple[str, str]]:
    """What was changed, as the lines before and after, and the mutant's code; no two have the same code."""
    before = ast.unparse(ast.parse(code))
    seen = {before}
    nodes = list(ast.walk(ast.parse(code)))
    words = {part for node in nodes if isinstance(node, ast.Raise) for part in ast.walk(node)}  # an error's own
    for place, node in enumerate(nodes):
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.FormattedValue) and node in words:
            continue
        for number in range(len(changes(node))):
            tree = ast.parse(code)
            changes(list(ast.walk(tree))[place])[number]()
            text = ast.unparse(ast.fix_missing_locations(tree))
            if text not in seen:
                seen.add(text)
                yield told(before, text), text


def told(before: str, after: str) -> str:
    """The lines that differ: `old -> new`."""
    lines = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]
    old, new = (" / ".join(line[2:].strip() for line in lines if line[0] == sign) for sign in "-+")
    return f"{old} -> {new}"


def changes(node: ast.AST) -> list[Change]:
    """What can be changed in one node of a tree, in its place."""
    return [change for kind in (operators, names, constants, calls, containers, statements) for change in kind(node)]


def operators(node: ast.AST) -> Iterator[Change]:
    """Other operators and bounds; conditions turned round."""
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.UnaryOp | ast.AugAssign):
        for swap in SWAPS.get(type(node.op), ()):
            yield lambda swap=swap: setattr(node, "op", swap())
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            for swap in SWAPS.get(type(operator), ()):
                yield lambda place=place, swap=swap: node.ops.__setitem__(place, swap())
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.comprehension) and node.ifs:
        yield node.ifs.clear


def names(node: ast.AST) -> Iterator[Change]:
    """Other reductions, states, metrics and suggestions."""
    attribute = {ast.Attribute: "attr", ast.Name: "id"}.get(type(node))
    for other in NAMES.get(getattr(node, attribute), ()) if attribute else ():
        yield lambda other=other: setattr(node, attribute, other)


def constants(node: ast.AST) -> Iterator[Change]:
    """Off by one, doubled, another word, the other truth; an end left out of a slice."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield lambda: setattr(node, "value", not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        for value in (node.value + 1, node.value - 1, node.value * 2):
            yield lambda value=value: setattr(node, "value", value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield lambda: setattr(node, "value", node.value + "x")
    if isinstance(node, ast.Slice):
        for end in ("lower", "upper"):
            if getattr(node, end):
                yield lambda end=end: setattr(node, end, None)


def calls(node: ast.AST) -> Iterator[Change]:
    """Arguments left out or swapped."""
    if not isinstance(node, ast.Call):
        return
    for values in (node.args, node.keywords):
        for place in range(len(values)):
            yield lambda values=values, place=place: values.pop(place)
    if len(node.args) > 1 and ast.unparse(node.func) not in ("min", "max"):
        yield lambda: node.args.__setitem__(slice(2), node.args[1::-1])


def containers(node: ast.AST) -> Iterator[Change]:
    """An item left out."""
    if isinstance(node, ast.List | ast.Tuple) and isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
        for place in range(len(node.elts)):
            yield lambda place=place: node.elts.pop(place)
    if isinstance(node, ast.Dict):
        for place in range(len(node.keys)):
            yield lambda place=place: (node.keys.pop(place), node.values.pop(place))


def statements(node: ast.AST) -> Iterator[Change]:
    """A line left out, also one inside a loop or a condition."""
    for block in ("body", "orelse"):
        lines = getattr(node, block, None)
        for place in range(len(lines)) if isinstance(lines, list) else ():
            yield lambda lines=lines, place=place: lines.__setitem__(place, ast.Pass())
