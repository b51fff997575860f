"""What a template may be written with: the tree of a source is let through, or refused with its line.

On its way the counting is put into it, and it is weighed: see template_budget.py.
"""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from jinja2 import Template, TemplateSyntaxError, nodes
from jinja2.visitor import NodeTransformer

from sagamore.actors.notifications.template_filters import FILTERS, TESTS
from sagamore.engine.message import INTEGER_MAX

_ALLOWED = frozenset({
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.Include,
    nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Getattr, nodes.Getitem,
    nodes.Filter, nodes.Test, nodes.Keyword, nodes.Concat, nodes.Compare, nodes.CondExpr, nodes.And, nodes.Or,
    nodes.Not, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos,
})  # fmt: skip
_LITERALS = (nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair)
SHARED = "_shared/"
INCLUDES_MAX = 10  # one within another: each takes some of Python's stack
INCLUDE_STEPS = 10


class Compiled:
    """One file, ready to render. `weight`: its steps outside of loops; `uses`: the names and sources of what it
    includes, directly or not; `depth`: how many files that is, one within another; `reads`: the variables that it must
    be given, with path and line."""

    def __init__(
        self, template: Template, weight: int, uses: Mapping[str, str], depth: int, reads: Mapping[str, str]
    ) -> None:
        self.template, self.weight, self.uses, self.depth, self.reads = template, weight, uses, depth, reads


Included = Callable[[str], "Compiled | None"]
"""A shared file by its name, as `_shared/footer.html`; None if there is none."""


class Gate(NodeTransformer):
    """Refuses what is not of the language, puts the counting into the rest, and weighs it."""

    def __init__(self, included: Included, include: Callable[[str, Template], None], path: str) -> None:
        self._included, self._include, self._path = included, include, path
        self.weight, self.depth = 0, 0
        self.uses: dict[str, str] = {}

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        """Anything: is it of the language?"""
        if type(node) not in _ALLOWED:
            self._refuse(node, f"templates have no {type(node).__name__}")
        self.weight += 1
        return super().generic_visit(node, *args, **kwargs)

    def visit_For(self, node: nodes.For) -> nodes.Node:
        """A round costs what its body weighs."""
        if node.recursive:
            self._refuse(node, "templates have no recursive loops")
        values = self.visit(node.iter)
        outside, self.weight = self.weight, 1
        node.target = self.visit(node.target)
        node.test = self.visit(node.test) if node.test else None
        node.body = self.visit_list_of(node.body)
        inside, self.weight = self.weight, outside + 1
        node.else_ = self.visit_list_of(node.else_)
        node.iter = self._filter("$each", values, nodes.Const(inside))
        return node

    def visit_list_of(self, children: list[nodes.Node]) -> list[nodes.Node]:
        """Each of them."""
        return [self.visit(child) for child in children]

    def visit_Include(self, node: nodes.Include) -> nodes.Node:
        """Of a shared file whose name stands there."""
        name = node.template.value if isinstance(node.template, nodes.Const) else None
        if not isinstance(name, str) or not name.startswith(SHARED) or node.ignore_missing or not node.with_context:
            self._refuse(node, f'include takes the name of a shared file, as "{SHARED}footer.txt", and no more')
        suffix = "." + self._path.rpartition(".")[2]
        if not name.endswith(suffix):
            self._refuse(node, f"what is included here must be a {suffix} file, which is escaped alike")
        found = self._included(name)
        if found is None:
            self._refuse(node, f"there is no {name} in this folder, or it includes itself")
        if found.depth == INCLUDES_MAX:
            self._refuse(node, f"include at most {INCLUDES_MAX} files within one another")
        self.weight += INCLUDE_STEPS + found.weight
        self.depth = max(self.depth, found.depth + 1)
        self.uses.update(found.uses)
        key = found.template.filename
        assert key is not None
        self._include(key, found.template)
        node.template = nodes.Const(key)
        return node

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Node:
        """Without an `else` it is empty, not missing."""
        node.expr2 = node.expr2 or nodes.Const("")
        return self.generic_visit(node)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        """Counted."""
        if len(node.ops) != 1:
            self._refuse(node, "compare two values at a time, and join with `and`")
        (operand,) = node.ops
        self.weight += 1
        return self._filter("$compare", self.visit(node.expr), nodes.Const(operand.op), self.visit(operand.expr))

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        """Counted."""
        self.weight += 1
        node.nodes = [self._filter("$text", self.visit(child)) for child in node.nodes]
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:
        """Of the list."""
        return self._named(node, "filter", FILTERS)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:
        """Of the list."""
        return self._named(node, "test", TESTS)

    def visit_Const(self, node: nodes.Const) -> nodes.Node:
        """A number within 63 bits."""
        if isinstance(node.value, int) and abs(node.value) > INTEGER_MAX:
            self._refuse(node, "a number beyond 63 bits")
        return self.generic_visit(node)

    def visit_List(self, node: nodes.List) -> nodes.Node:
        """Of constants: a list of variables could hold one many times, and that one others."""
        if not all(isinstance(child, _LITERALS) for child in node.iter_child_nodes()):
            self._refuse(node, "a list or object that is written out holds constants only")
        return self.generic_visit(node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        """Or the names of a loop."""
        return self.visit_List(node) if node.ctx == "load" else self.generic_visit(node)  # type: ignore[arg-type]

    visit_Dict = visit_List

    def visit_Pair(self, node: nodes.Pair) -> nodes.Node:
        """Of an object."""
        return self.visit_List(node)  # type: ignore[arg-type]

    def _named(self, node: Any, what: str, known: Mapping[str, object]) -> nodes.Node:
        if node.name not in known:
            self._refuse(node, f"there is no {what} {node.name!r}, only {', '.join(sorted(known))}")
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            self._refuse(node, "arguments are written out")
        return self.generic_visit(node)

    def _filter(self, name: str, value: nodes.Expr, *arguments: nodes.Expr) -> nodes.Filter:
        return nodes.Filter(value, name, list(arguments), [], None, None, lineno=value.lineno)

    def _refuse(self, node: nodes.Node, why: str) -> NoReturn:
        lines = (each.lineno for each in (node, *node.find_all(nodes.Node)))  # not every node has one
        raise TemplateSyntaxError(why, next(filter(None, lines), 1))
