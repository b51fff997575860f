"""One rendering: the parts of a message from the data of an event, within a budget. Pure."""

from collections.abc import Mapping, Sequence
from types import TracebackType

import msgspec
from jinja2 import Template, UndefinedError

from sagamore.actors.notifications.channel import CannotSend
from sagamore.actors.notifications.template_budget import METER, Budget, Exhausted, Meter
from sagamore.actors.notifications.template_filters import Wrong
from sagamore.actors.notifications.template_gate import Compiled
from sagamore.engine.text import ERROR_CHARACTERS_MAX, storable

USER_ID = "user_id"
"""What templates may read beside the fields of an event."""


class Rendered(msgspec.Struct, frozen=True):
    """`parts`: (name, text), in the channel's order; `version`: of the sources they came from."""

    parts: tuple[tuple[str, str], ...]
    version: str


def render_parts(
    parts: Mapping[str, Compiled], names: Sequence[str], data: Mapping[str, object], user_id: str, budget: Budget
) -> tuple[tuple[str, str], ...]:
    """These of the parts. Raises CannotSend: missing_variable, template_budget, template_failed."""
    meter = Meter(budget)
    try:
        variables: dict[str, object] = {name: _plain(value, name) for name, value in data.items()}
        variables |= {USER_ID: user_id, METER: meter}
        found = tuple((name, _text(parts[name], variables, meter)) for name in names)
        meter.check_output(found)
    except Exhausted as error:
        raise CannotSend("template_budget", _at(error)) from error
    except UndefinedError as error:
        raise CannotSend("missing_variable", _at(error)) from error
    except Exception as error:  # a template may fail in any way; its turn must not
        raise CannotSend("template_failed", _at(error)) from error
    return found


def _text(compiled: Compiled, variables: dict[str, object], meter: Meter) -> str:
    meter.step(compiled.weight)
    context = compiled.template.new_context(variables, shared=True)
    return "".join(map(meter.text, compiled.template.root_render_func(context)))


def _plain(value: object, name: str) -> object:
    """A value with nothing in it but what JSON has. Raises TypeError."""
    if type(value) in (str, int, float, bool, type(None)):
        return value
    if isinstance(value, list | tuple):
        return [_plain(each, name) for each in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(each, name) for key, each in value.items()}
    raise TypeError(f"{name} has a {type(value).__name__} in it, which is no JSON")


def _at(error: Exception) -> str:
    """What went wrong, and the file and line of the template."""
    place, trace = "", error.__traceback__
    while trace is not None:
        place = _place(trace) or place
        trace = trace.tb_next
    kind = "" if isinstance(error, Exhausted | UndefinedError | Wrong) else f"{type(error).__name__}: "
    return storable(f"{place}{kind}{error}")[:ERROR_CHARACTERS_MAX]


def _place(trace: TracebackType) -> str:
    template = trace.tb_frame.f_globals.get("__jinja_template__")
    if not isinstance(template, Template):
        return ""
    return f"{template.name}:{template.get_corresponding_lineno(trace.tb_lineno)}: "
