"""Which variables a template must be given, or it cannot be rendered: found in its tree, before anybody is told.

Not among them are those of its own loops and `set`, and those that it does without: given a `default` somewhere in it,
or asked there whether they are `defined`. An included file sees what is around it.
"""

from collections.abc import Mapping

from jinja2 import nodes
from jinja2.visitor import NodeVisitor

from sagamore.actors.notifications.template_gate import Included

_ASKED = ("defined", "undefined")


def variables_of(tree: nodes.Template, path: str, included: Included) -> Mapping[str, str]:
    """Each with the path and line where it is read first."""
    reader = _Reader()
    reader.visit(tree)
    found = {name: f"{path}:{line}" for name, line in reader.lines.items()}
    for file, of_loops in reader.includes:
        shared = included(file)
        for name, place in shared.reads.items() if shared else ():
            if name not in of_loops:
                found.setdefault(name, place)
    return {name: place for name, place in found.items() if name not in reader.own}


class _Reader(NodeVisitor):
    """`lines`: of the variables that are read; `own`: those that the file sets or does without; `includes`: files, each
    with the variables of the loops around it."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.own: set[str] = set()
        self.includes: list[tuple[str, frozenset[str]]] = []
        self._of_loops: frozenset[str] = frozenset()

    def visit_Name(self, node: nodes.Name) -> None:
        """Read, or set."""
        if node.ctx == "store":
            self.own.add(node.name)
        elif node.name not in self._of_loops:
            self.lines.setdefault(node.name, node.lineno)

    def visit_For(self, node: nodes.For) -> None:
        """Its variables are there in its body only."""
        self.visit(node.iter)
        targets = (node.target, *node.target.find_all(nodes.Name))
        outside = self._of_loops
        self._of_loops |= {"loop", *(target.name for target in targets if isinstance(target, nodes.Name))}
        for child in filter(None, (node.test, *node.body)):
            self.visit(child)
        self._of_loops = outside
        for child in node.else_:
            self.visit(child)

    def visit_Filter(self, node: nodes.Filter) -> None:
        """`default` is told what to do without it."""
        if node.name == "default" and isinstance(node.node, nodes.Name):
            self.own.add(node.node.name)
        self.generic_visit(node)

    def visit_Test(self, node: nodes.Test) -> None:
        """Whether it is there."""
        if node.name in _ASKED and isinstance(node.node, nodes.Name):
            self.own.add(node.node.name)
        self.generic_visit(node)

    def visit_Include(self, node: nodes.Include) -> None:
        """Of a file whose name stands there, as the gate will see to."""
        if isinstance(node.template, nodes.Const) and isinstance(node.template.value, str):
            self.includes.append((node.template.value, self._of_loops))
