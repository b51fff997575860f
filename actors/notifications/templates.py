"""Templates: an event's data into the parts of a message, in the user's language.

Looked for are the locale, then what it is a variety of, then the same of the default one: de-AT, de, en-GB, en. All
parts of a message come from one locale, so that nobody gets a German subject above an English text. Within it each file
comes from the first folder that has it, the built-in ones last. No file is read later on. What may be written in a
template says template_language.py, what becomes of it rendering.py, and what a program cannot do without
template_needs.py.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec
from jinja2 import TemplateSyntaxError

from sagamore.actors.notifications.channel import CannotSend, Channel
from sagamore.actors.notifications.event_type import EventType
from sagamore.actors.notifications.locale import with_wider
from sagamore.actors.notifications.rendering import USER_ID, Rendered, render_parts
from sagamore.actors.notifications.template_budget import Budget
from sagamore.actors.notifications.template_files import Source, file_name, read_folder
from sagamore.actors.notifications.template_gate import Compiled
from sagamore.actors.notifications.template_language import Language
from sagamore.engine.errors import InvalidInput

BUILT_IN = Path(__file__).parent / "builtin"
VERSION_DIGITS = 12
BUDGET = Budget()


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
        self._messages: dict[tuple[str, str], dict[str, _Message]] = {}
        """By event type and channel, then by locale in small letters."""
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
        for _, message in self._all():
            body = msgspec.json.encode(sorted(message.sources.items()))
            message.version = sha256(body).hexdigest()[:VERSION_DIGITS]

    def _add(self, language: Language, sources: Sequence[Source]) -> None:
        shelf = _Shelf(language, sources)
        for source in sources:
            compiled = shelf.compiled(source)
            if source.channel:
                by_locale = self._messages.setdefault((source.event_type, source.channel), {})
                message = by_locale.setdefault(source.locale.lower(), _Message(source.locale))
                if source.part not in message.parts:
                    message.parts[source.part] = compiled
                    message.sources |= {source.name: source.text, **compiled.uses}

    def _all(self) -> Iterator[tuple[tuple[str, str], _Message]]:
        return ((key, message) for key, by_locale in self._messages.items() for message in by_locale.values())

    def views(self) -> list[TemplateView]:
        """All that there are, by event type, channel and locale."""
        views = [
            TemplateView(event_type, channel, message.locale, tuple(sorted(message.parts)), message.version)
            for (event_type, channel), message in self._all()
        ]
        return sorted(views, key=lambda view: (view.event_type, view.channel, view.locale.lower()))

    def missing(self, event_type: str, channel: Channel, *, default_only: bool = False) -> list[str]:
        """The files without which some user cannot be told of such an event there, by their names below a folder: in
        the default locale, and in others that have but a part of them."""
        if not channel.parts:
            return []
        by_locale = self._messages.get((event_type, channel.name), {})
        default = next((by_locale[each] for each in self._locales("") if each in by_locale), _Message(self._default))
        return [
            file_name(event_type, message.locale, channel.name, part)
            for message in dict.fromkeys((default, *(() if default_only else by_locale.values())))
            for part in channel.parts
            if part not in message.parts
        ]

    def check_variables(self, fields: Mapping[str, Collection[str]]) -> None:
        """`fields`: of the data of each event type. Raises InvalidInput for a variable that is none of them."""
        for (event_type, _), message in self._all():
            for compiled in message.parts.values():
                for name, place in compiled.reads.items() if event_type in fields else ():
                    if name not in fields[event_type] and name != USER_ID:
                        right = f"a field of {event_type}: {', '.join(fields[event_type]) or 'none'}; or {USER_ID}"
                        raise InvalidInput(f"template {place}", name, right)

    def check_locale(self) -> None:
        """Raises InvalidInput for a default locale that nothing is written in."""
        written = {message.locale.lower(): message.locale for _, message in self._all()}
        if not any(each in written for each in self._locales("")):
            raise InvalidInput(
                "locale", self._default, f"one that templates are written in: {', '.join(sorted(written.values()))}"
            )

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
        return Rendered(render_parts(message.parts, names, data, user_id, self._budget), message.version)

    def preview(
        self, event_type: str, channel: str, locale: str, data: Mapping[str, object], *, user_id: str,
        known: EventType | None = None,
    ) -> Rendered:  # fmt: skip
        """All parts that there are for a channel of that name; of a type that is `known`, defaults need not be given.
        Raises CannotSend as `render`, and names all variables that are missing."""
        message = self._message(event_type, channel, locale, ("*",))
        names = sorted(message.parts)
        given = known.filled(data) if known else data
        try:
            return Rendered(render_parts(message.parts, names, given, user_id, self._budget), message.version)
        except CannotSend as error:
            reads = dict.fromkeys(name for part in names for name in message.parts[part].reads)
            missing = [name for name in reads if name not in given and name != USER_ID]
            if error.code != "missing_variable" or not missing:
                raise
            fields = f"; the fields of {event_type} are: {', '.join(known.fields)}" if known else ""
            raise CannotSend(error.code, f"{error.message}; missing: {', '.join(missing)}{fields}") from error

    def _message(self, event_type: str, channel: str, locale: str, parts: Sequence[str]) -> _Message:
        by_locale = self._messages.get((event_type, channel), {})
        for each in self._locales(locale):
            if each in by_locale:
                return by_locale[each]
        raise self._missing(event_type, channel, locale, parts)

    def _locales(self, locale: str) -> dict[str, str]:
        """de-AT, de, en: each once, by its small letters."""
        wanted = (*with_wider(locale), *with_wider(self._default))
        return {each.lower(): each for each in wanted if each}

    def _missing(self, event_type: str, channel: str, locale: str, parts: Sequence[str]) -> CannotSend:
        *others, last = self._locales(locale).values()
        where = f"{', '.join(others)} or {last}" if others else last
        return CannotSend("template_missing", f"no template {event_type}/{channel}.{parts[0]} for {where}")


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
