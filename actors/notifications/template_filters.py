"""What templates can do with values: filters, tests and operators, a closed list.

Each takes and gives text, numbers, lists and nothing else, is counted by the meter, and is the same for the same
values. None gives HTML that autoescaping would trust, asks for time or chance, or makes a text whose length is an
argument.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context
from jinja2.utils import url_quote

from sagamore.actors.notifications.template_budget import Meter, meter_of
from sagamore.engine.message import INTEGER_MAX

DECIMALS_MAX = 15  # of a float there are no more


class Wrong(Exception):
    """A value that does not fit what is done with it."""


def text_of(value: object) -> str:
    """As it is shown. Raises Wrong, UndefinedError."""
    if type(value) is str:
        return value
    if type(value) is int or type(value) is float:
        return str(value)
    if isinstance(value, Undefined):
        return str(value)  # raises
    if value is None:
        raise Wrong("null cannot be shown; `default` gives another value")
    raise Wrong(f"{_kind(value)} cannot be shown, only text and numbers")


def number_of(value: object) -> int | float:
    """Within 63 bits, so that no arithmetic grows. Raises Wrong, UndefinedError."""
    if isinstance(value, Undefined):
        str(value)  # raises
    if type(value) is int or type(value) is float:
        if type(value) is int and abs(value) > INTEGER_MAX:
            raise Wrong("a number beyond 63 bits")
        return value
    raise Wrong(f"{_kind(value)} is no number; `~` puts text together")


def list_of(value: object) -> list[Any]:
    """Raises Wrong, UndefinedError."""
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, Undefined):
        str(value)  # raises
    raise Wrong(f"{_kind(value)} is no list")


def _kind(value: object) -> str:
    kinds = {str: "text", bool: "yes or no", list: "a list", tuple: "a list", dict: "an object", type(None): "null"}
    return kinds.get(type(value), "this")


def _attribute(value: object, name: str) -> Any:
    if isinstance(value, dict) and name in value:
        return value[name]
    raise Wrong(f"{_kind(value)} in the list has no {name!r}")


def _column(values: object, name: str | None) -> list[Any]:
    return list_of(values) if name is None else [_attribute(each, name) for each in list_of(values)]


# --- filters: (meter, value, arguments); what they read has been counted ---


def _default(_: Meter, value: object, other: object = "", empty: bool = False) -> object:
    missing = isinstance(value, Undefined) or value is None
    return other if missing or (empty and not value) else value


def _replace(meter: Meter, value: object, old: object, new: object) -> str:
    text, found, put = text_of(value), text_of(old), text_of(new)
    meter.spend(len(text) + text.count(found) * len(put))
    return text.replace(found, put)


def _join(meter: Meter, value: object, separator: object = "", attribute: str | None = None) -> str:
    texts = [text_of(each) for each in _column(value, attribute)]
    between = text_of(separator)
    meter.step(len(texts))
    meter.spend(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def _truncate(_: Meter, value: object, length: int = 255, end: object = "…") -> str:
    text, tail = text_of(value), text_of(end)
    if type(length) is not int or length < len(tail):
        raise Wrong(f"truncate takes a length that has room for {tail!r}")
    return text if len(text) <= length else text[: length - len(tail)].rstrip() + tail


def _sort(meter: Meter, value: object, attribute: str | None = None, reverse: bool = False) -> list[Any]:
    values, keys = list_of(value), _column(value, attribute)
    meter.take(keys)
    keys = [key.lower() if isinstance(key, str) else number_of(key) for key in keys]
    order = sorted(range(len(values)), key=keys.__getitem__, reverse=bool(reverse))
    return [values[n] for n in order]


def _sum(meter: Meter, value: object, attribute: str | None = None) -> int | float:
    numbers = [number_of(each) for each in _column(value, attribute)]
    meter.step(len(numbers))
    return number_of(sum(numbers))


def _round(_: Meter, value: object, decimals: int = 0) -> float:
    if type(decimals) is not int or not 0 <= decimals <= DECIMALS_MAX:
        raise Wrong(f"round takes 0 to {DECIMALS_MAX} decimals")
    return round(float(number_of(value)), decimals)


def _end(value: object, n: int) -> object:
    values = list_of(value)
    if not values:
        raise Wrong("an empty list has no first or last")
    return values[n]


def _length(_: Meter, value: object) -> int:
    return len(value) if isinstance(value, str | dict) else len(list_of(value))


def _items(meter: Meter, value: object) -> list[tuple[Any, Any]]:
    if not isinstance(value, dict):
        raise Wrong(f"{_kind(value)} has no items")
    meter.step(len(value))
    return list(value.items())


def _counted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Counts what it reads and what it gives, and lets nothing missing pass; `default` alone is told of it."""

    @pass_context
    def call(context: Context, value: object, *arguments: object, **named: object) -> Any:
        meter = meter_of(context)
        if function is not _default or not isinstance(value, Undefined):
            meter.take(value)
        for each in (*arguments, *named.values()):
            meter.take(each)
        result = function(meter, value, *arguments, **named)
        meter.take(result)
        return result

    return call


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "capitalize": lambda _, value: text_of(value).capitalize(),
    "default": _default,
    "first": lambda _, value: _end(value, 0),
    "items": _items,
    "join": _join,
    "last": lambda _, value: _end(value, -1),
    "length": _length,
    "lower": lambda _, value: text_of(value).lower(),
    "replace": _replace,
    "reverse": lambda _, value: list_of(value)[::-1],
    "round": _round,
    "sort": _sort,
    "sum": _sum,
    "trim": lambda _, value: text_of(value).strip(),
    "truncate": _truncate,
    "upper": lambda _, value: text_of(value).upper(),
    "urlencode": lambda _, value: url_quote(text_of(value), for_qs=True),
}

FILTERS: Mapping[str, Callable[..., Any]] = {name: _counted(function) for name, function in _FUNCTIONS.items()}

TESTS: Mapping[str, Callable[[object], bool]] = {
    "defined": lambda value: not isinstance(value, Undefined),
    "undefined": lambda value: isinstance(value, Undefined),
    "even": lambda value: number_of(value) % 2 == 0,
    "odd": lambda value: number_of(value) % 2 == 1,
}

# --- operators ---

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "lteq": operator.le, "gt": operator.gt,
    "gteq": operator.ge,
}  # fmt: skip
_PLAIN = (str, int, float, bool, type(None))


@pass_context
def compare(context: Context, left: object, name: str, right: object) -> bool:
    """`==` and its like between plain values; `in` of a list, an object or a text."""
    meter = meter_of(context)
    meter.take(left)
    meter.take(right)
    if type(left) not in _PLAIN:
        raise Wrong(f"{_kind(left)} cannot be compared")
    if name in ("in", "notin"):
        if not isinstance(right, list | tuple | dict | str) or (isinstance(right, str) and type(left) is not str):
            raise Wrong(f"nothing can be in {_kind(right)}, or not this")
        return (left in right) == (name == "in")
    if type(right) not in _PLAIN:
        raise Wrong(f"{_kind(right)} cannot be compared")
    return _COMPARISONS[name](left, right)


@pass_context
def each(context: Context, values: object, weight: int) -> list[Any]:
    """What a loop goes over; a round costs `weight` steps."""
    found = list_of(values)
    meter_of(context).step(len(found) * weight)
    return found


@pass_context
def shown(context: Context, value: object) -> str:
    """What an expression becomes in text."""
    return meter_of(context).text(text_of(value))
