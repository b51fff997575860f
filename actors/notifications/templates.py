"""Templates: an event's data into the parts of a message, in the user's language.

Looked for are the locale, then what it is a variety of, then the default one: de-AT, de, en. All parts of a message
come from one locale, so that nobody gets a German subject above an English text. Within it each file comes from the
first folder that has it, the built-in ones last. Rendering is pure, reads no file, and keeps to a budget; what may be
written in a template says template_language.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType

import msgspec
from jinja2 import Template, TemplateSyntaxError, UndefinedError

from sagamore.actors.notifications.channel import CannotSend, Channel
from sagamore.actors.notifications.template_budget import METER, Budget, Exhausted, Meter
from sagamore.actors.notifications.template_files import Source, read_folder
from sagamore.actors.notifications.template_filters import Wrong
from sagamore.actors.notifications.template_language import Compiled, Language
from sagamore.engine.errors import InvalidInput
from sagamore.engine.text import ERROR_CHARACTERS_MAX, storable

BUILT_IN = Path(__file__).parent / "builtin"
VERSION_DIGITS = 12
BUDGET = Budget()


class Rendered(msgspec.Struct, frozen=True):
    """`parts`: (name, text), in the channel's order; `version`: of the sources they came from."""

    parts: tuple[tuple[str, str], ...]
    version: str


class TemplateView(msgspec.Struct, frozen=True):
    """A template that is there."""

    event_type: str
    channel: str
    locale: str
    parts: tuple[str, ...]
    version: str


class _Message:
    """The parts of one event type, channel and locale."""

    def __init__(self, locale: str) -> None:
        self.locale = locale
        self.parts: dict[str, Compiled] = {}
        self.sources: dict[str, str] = {}
        self.version = ""


class Templates:
    """Those of one program, compiled. `folders` in order of precedence; `channels` are the program's, whose parts files
    may be for; without them, files for channels of unknown names are taken as they are.

    Raises InvalidInput, with file and line, for what is no template, or no part of its channel."""

    def __init__(
        self, folders: Sequence[Path] = (), *, default_locale: str = "en", budget: Budget = BUDGET,
        channels: Iterable[Channel] | None = None,
    ) -> None:  # fmt: skip
        self._default, self._budget = default_locale, budget
        self._messages: dict[tuple[str, str, str], _Message] = {}
        language = Language()
        built_in = list(read_folder(BUILT_IN))
        known: dict[str, set[str]] = {}
        for source in built_in:
            known.setdefault(source.channel, set()).add(source.part)
        for channel in channels or ():
            known[channel.name] = {*channel.parts, *channel.optional}
        for folder in folders:
            sources = list(read_folder(folder))
            for source in sources:
                _check_part(source, known, closed=channels is not None)
            self._add(language, sources)
        self._add(language, built_in)
        for message in self._messages.values():
            body = msgspec.json.encode(sorted(message.sources.items()))
            message.version = sha256(body).hexdigest()[:VERSION_DIGITS]

    def _add(self, language: Language, sources: Sequence[Source]) -> None:
        shelf = _Shelf(language, sources)
        for source in sources:
            compiled = shelf.compiled(source)
            if source.channel:
                key = (source.event_type, source.channel, source.locale.lower())
                message = self._messages.setdefault(key, _Message(source.locale))
                if source.part not in message.parts:
                    message.parts[source.part] = compiled
                    message.sources |= {source.name: source.text, **compiled.uses}

    def views(self) -> list[TemplateView]:
        """All that there are, by event type, channel and locale."""
        return [
            TemplateView(event_type, channel, message.locale, tuple(sorted(message.parts)), message.version)
            for (event_type, channel, _), message in sorted(self._messages.items())
        ]

    def render(
        self, event_type: str, channel: Channel, locale: str, data: Mapping[str, object], *, user_id: str
    ) -> Rendered:
        """The parts that the channel needs and those that it may have. Raises CannotSend: template_missing,
        missing_variable, template_budget, template_failed."""
        if not channel.parts:
            return Rendered((), "")
        message = self._message(event_type, channel.name, locale, channel.parts)
        for part in channel.parts:
            if part not in message.parts:
                raise self._missing(event_type, channel.name, locale, (part,))
        names = [part for part in (*channel.parts, *channel.optional) if part in message.parts]
        return self._render(message, names, data, user_id)

    def preview(
        self, event_type: str, channel: str, locale: str, data: Mapping[str, object], *, user_id: str
    ) -> Rendered:
        """All parts that there are for a channel of that name. Raises CannotSend as `render`."""
        message = self._message(event_type, channel, locale, ("*",))
        return self._render(message, sorted(message.parts), data, user_id)

    def _message(self, event_type: str, channel: str, locale: str, parts: Sequence[str]) -> _Message:
        for each in self._locales(locale):
            message = self._messages.get((event_type, channel, each.lower()))
            if message is not None:
                return message
        raise self._missing(event_type, channel, locale, parts)

    def _locales(self, locale: str) -> list[str]:
        """de-AT, de, en: each once."""
        found: dict[str, str] = {}
        while locale:
            found.setdefault(locale.lower(), locale)
            locale = locale.rpartition("-")[0]
        found.setdefault(self._default.lower(), self._default)
        return list(found.values())

    def _missing(self, event_type: str, channel: str, locale: str, parts: Sequence[str]) -> CannotSend:
        *others, last = self._locales(locale)
        where = f"{', '.join(others)} or {last}" if others else last
        return CannotSend("template_missing", f"no template {event_type}/{channel}.{parts[0]} for {where}")

    def _render(self, message: _Message, names: Sequence[str], data: Mapping[str, object], user_id: str) -> Rendered:
        meter = Meter(self._budget)
        try:
            variables: dict[str, object] = {name: _plain(value, name) for name, value in data.items()}
            variables |= {"user_id": user_id, METER: meter}
            parts = tuple((name, _text(message.parts[name], variables, meter)) for name in names)
            meter.check_output(parts)
        except Exhausted as error:
            raise CannotSend("template_budget", _at(error)) from error
        except UndefinedError as error:
            raise CannotSend("missing_variable", _at(error)) from error
        except Exception as error:  # a template may fail in any way; its turn must not
            raise CannotSend("template_failed", _at(error)) from error
        return Rendered(parts, message.version)


class _Shelf:
    """One folder being compiled: shared files before those that include them."""

    def __init__(self, language: Language, sources: Iterable[Source]) -> None:
        self._language = language
        self._shared = {source.name: source for source in sources if not source.channel}
        self._done: dict[str, Compiled] = {}
        self._open: list[str] = []

    def compiled(self, source: Source) -> Compiled:
        """Raises InvalidInput."""
        if source.name not in self._done:
            self._open.append(source.name)
            try:
                compiled = self._language.compiled(source.text, source.name, str(source.path), self._included)
            except TemplateSyntaxError as error:
                raise InvalidInput(
                    f"template {source.path}:{error.lineno}", _line(source.text, error.lineno), str(error.message)
                ) from error
            except (ValueError, RecursionError, SyntaxError, MemoryError) as error:  # of Python's own compiler
                why = f"less nesting, or numbers: {type(error).__name__}: {error}"
                raise InvalidInput(f"template {source.path}", source.name, why) from error
            self._open.pop()
            if not source.channel:
                compiled.uses = {**compiled.uses, source.name: source.text}
            self._done[source.name] = compiled
        return self._done[source.name]

    def _included(self, name: str) -> Compiled | None:
        source = self._shared.get(name)
        if source is None or name in self._open:
            return None
        return self.compiled(source)


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number - 1].strip() if number <= len(lines) else ""


def _check_part(source: Source, known: Mapping[str, set[str]], *, closed: bool) -> None:
    if source.channel in known:
        if source.part not in known[source.channel]:
            parts = ", ".join(sorted(known[source.channel])) or "none"
            raise InvalidInput(
                f"template {source.path}", source.path.name, f"the parts of {source.channel} are: {parts}"
            )
    elif closed and source.channel:
        channels = ", ".join(sorted(filter(None, known)))
        raise InvalidInput(f"template {source.path}", source.path.name, f"the channels are: {channels}")


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
