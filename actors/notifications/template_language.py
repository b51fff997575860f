"""The language of templates: jinja2's, without what a message does not need.

There are text, `{{ }}` of values and filters, `if`, `for`, `set` and `include` of a shared file. There are no calls, no
macros, no inheritance, no slices, no literals that hold anything but constants: so no Python object is in reach, values
have no cycles and do not grow, and what remains can be counted. jinja2's sandbox is the second wall behind that.
"""

from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sagamore.actors.notifications.template_budget import meter_of
from sagamore.actors.notifications.template_filters import FILTERS, TESTS, compare, each, number_of, shown
from sagamore.actors.notifications.template_gate import Compiled, Gate, Included
from sagamore.actors.notifications.template_variables import variables_of

_OF_LOOPS = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"})
VARIABLE_BYTES = 64


class Scope(Context):
    """An include in a loop copies all variables: that is counted."""

    def get_all(self) -> dict[str, Any]:
        """For jinja2: what an included file sees."""
        meter_of(self).spend(VARIABLE_BYTES * len(self.parent))
        return super().get_all()


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
        reads = variables_of(tree, path, included)
        gate = Gate(included, self._include, path)
        gate.visit(tree)
        code = self.compile(tree, name, path)
        template = self.template_class.from_code(self, code, self.globals)
        return Compiled(template, gate.weight, gate.uses, gate.depth, reads)

    def _include(self, key: str, template: Template) -> None:
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
