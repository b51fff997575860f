"""What commands print: facts, tables and JSON, on standard output; errors, a line each, on standard error.

Text that came from outside may hold characters that steer a terminal: they are shown as escapes.
"""

import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from unicodedata import combining, east_asian_width

import msgspec

from sagamore.actors.card_numbers import hide_card_numbers
from sagamore.cli.streams import ERASE_TO_END, redraws
from sagamore.views import MoneyView

COMPLAINT_CHARACTERS_MAX = 1_000  # two paths and what to do about them
GAP = 2  # between columns


def say(line: str = "") -> None:
    """A line; what the terminal's encoding does not have is shown as an escape."""
    encoding = sys.stdout.encoding or "utf-8"
    print(line.encode(encoding, errors="backslashreplace").decode(encoding))


def complain(message: str) -> None:
    """A line on standard error, however many the message has; in place of a line of progress, if there is one. An
    argument in it may be long, or a card number."""
    line = hide_card_numbers(printable(message), product=True)
    if len(line) > COMPLAINT_CHARACTERS_MAX:
        half = COMPLAINT_CHARACTERS_MAX // 2
        line = f"{line[:half]}… ({len(line)} characters) …{line[-half:]}"
    end = ERASE_TO_END if redraws(sys.stderr) else ""
    print(f"sagamore: {line}{end}", file=sys.stderr)


def say_json(value: object) -> None:
    """A line of JSON."""
    print(msgspec.json.encode(value).decode())


def show(view: msgspec.Struct, as_json: bool) -> None:
    """One thing: a field a line, one of many values a line each, leaving out what is empty; or JSON."""
    if as_json:
        say_json(view)
        return
    for field in view.__struct_fields__:
        value = getattr(view, field)
        if isinstance(value, dict):
            value = tuple({key: each} for key, each in value.items())
        for each in value if isinstance(value, tuple) else (value,):
            if each not in (None, "", {}):
                say(f"{_label(field):<14} {text_of(each)}")


def show_list(views: Sequence[msgspec.Struct], columns: Mapping[str, str], as_json: bool) -> None:
    """Many things: a table of the fields that `columns` names, most important first, under its headings; or JSON, one a
    line."""
    if as_json:
        for view in views:
            say_json(view)
        return
    headings = list(columns.values())
    rows = [headings, *([text_of(getattr(view, field)) for field in columns] for view in views)]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    shown = _fitting(widths) if sys.stdout.isatty() else range(len(widths))
    for row in rows:
        say("".join(row[n] + " " * (widths[n] - _width(row[n]) + GAP) for n in shown).rstrip())
    if len(shown) < len(headings):
        left_out = (heading for n, heading in enumerate(headings) if n not in shown)
        say(f"no room for {', '.join(left_out)}: they need a wider terminal, or --json")


def text_of(value: object) -> str:
    """A value in one line for people."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%SZ")
        case MoneyView():
            return str(value)
        case msgspec.Struct():
            pairs = ((_label(field), getattr(value, field)) for field in value.__struct_fields__)
            return ", ".join(f"{label} {text_of(each)}" for label, each in pairs if each not in (None, "", ()))
        case tuple():
            return ", ".join(map(text_of, value))
        case dict():
            return ", ".join(f"{printable(str(key))} {text_of(each)}" for key, each in value.items())
    return printable(str(value))


def printable(text: str) -> str:
    """With escapes for what does not print, line ends too."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _label(field: str) -> str:
    return field.replace("_", " ")


def _fitting(widths: Sequence[int]) -> Sequence[int]:
    """The columns for which a line of the terminal has room, the first ones before others; cells are never cut."""
    room = shutil.get_terminal_size().columns + GAP
    shown: list[int] = []
    for n, width in enumerate(widths):
        if not shown or width + GAP <= room:
            shown.append(n)
            room -= width + GAP
    return shown


def _width(text: str) -> int:
    """How many places of a terminal it takes."""
    return sum(2 if east_asian_width(c) in "WF" else not combining(c) for c in text)
