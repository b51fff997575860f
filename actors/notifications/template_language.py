"""The language of templates: jinja2's, without what a message does not need.

There are text, `{{ }}` of values and filters, `if`, `for`, `set` and `include` of a shared file. There are no calls, no
macros, no inheritance, no slices, no literals that hold anything but constants: so no Python object is in reach, values
have no cycles and do not grow, and what remains can be counted. jinja2's sandbox is the second wall behind that.
"""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined, nodes
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from sagamore.actors.notifications.template_budget import meter_of
from sagamore.actors.notifications.template_filters import FILTERS, TESTS, compare, each, number_of, shown
from sagamore.engine.message import INTEGER_MAX

_ALLOWED = frozenset({
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.Include,
    nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Getattr, nodes.Getitem,
    nodes.Filter, nodes.Test, nodes.Keyword, nodes.Concat, nodes.Compare, nodes.CondExpr, nodes.And, nodes.Or,
    nodes.Not, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos,
})  # fmt: skip
_LITERALS = (nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair)
_OF_LOOPS = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"})
SHARED = "_shared/"
INCLUDES_MAX = 10  # one within another: each takes some of Python's stack
INCLUDE_STEPS = 10
VARIABLE_BYTES = 64


class Scope(Context):
    """An include in a loop copies all variables: that is counted."""

    def get_all(self) -> dict[str, Any]:
        """For jinja2: what an included file sees."""
        meter_of(self).spend(VARIABLE_BYTES * len(self.parent))
        return super().get_all()


class Compiled:
    """One file, ready to render. `weight`: its steps outside of loops; `uses`: the names and sources of what it
    includes, directly or not; `depth`: how many files that is, one within another."""

    def __init__(self, template: Template, weight: int, uses: Mapping[str, str], depth: int) -> None:
        self.template, self.weight, self.uses, self.depth = template, weight, uses, depth


Included = Callable[[str], "Compiled | None"]
"""A shared file by its name, as `_shared/footer.html`; None if there is none."""


class Language(ImmutableSandboxedEnvironment):
    """Compiles sources; knows no loader."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})
    intercepted_unops = frozenset({"+", "-"})
    context_class = Scope

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined, autoescape=lambda name: name is not None and name.endswith(".html"),
            finalize=shown, optimized=False, trim_blocks=True, lstrip_blocks=True, cache_size=0,
        )  # fmt: skip
        # Not optimized: constants would be computed while compiling, where nothing is counted.
        self.globals = {}
        self.filters = {**FILTERS, "$compare": compare, "$each": each, "$text": shown}
        self.tests = dict(TESTS)
        self._included: dict[str, Template] = {}

    def compiled(self, source: str, name: str, path: str, included: Included) -> Compiled:
        """Raises TemplateSyntaxError, which has the line."""
        if "\0" in source:
            raise TemplateSyntaxError("U+0000 cannot be stored", source[: source.index("\0")].count("\n") + 1)
        tree = self.parse(source, name, path)
        gate = _Gate(self, included, path)
        gate.visit(tree)
        code = self.compile(tree, name, path)
        template = self.template_class.from_code(self, code, self.globals)
        return Compiled(template, gate.weight, gate.uses, gate.depth)

    def include(self, key: str, template: Template) -> None:
        """Under this key `get_template` finds it."""
        self._included[key] = template

    # --- what compiled templates call ---

    def get_template(self, name: Any, parent: object = None, globals: object = None) -> Template:
        """For `include`: the gate has put the key there."""
        return self._included[name]

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Of an object of the data, a key; never a Python attribute, but those of `loop` that are plain."""
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """A key or an index."""
        for value in (obj, argument):
            if isinstance(value, Undefined):
                str(value)  # raises
        if isinstance(obj, LoopContext):
            if argument in _OF_LOOPS:
                return getattr(obj, argument)
        elif isinstance(obj, dict | list | tuple) and type(argument) in (str, int):
            try:
                return obj[argument]
            except (LookupError, TypeError):
                pass
        return self.undefined(obj=obj, name=argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Numbers only."""
        return number_of(self.binop_table[operator](number_of(left), number_of(right)))

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        """Numbers only."""
        return self.unop_table[operator](number_of(arg))


class _Gate(NodeTransformer):
    """Refuses what is not of the language, puts the counting into the rest, and weighs it."""

    def __init__(self, language: Language, included: Included, path: str) -> None:
        self._language, self._included, self._path = language, included, path
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
        self._language.include(key, found.template)
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
