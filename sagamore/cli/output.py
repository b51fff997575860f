"""What commands print: facts, tables and JSON, on standard output; errors, a line each, on standard error.

Text that came from outside may hold characters that steer a terminal: they are shown as escapes.
"""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from sagamore.views import MoneyView


def say(line: str = "") -> None:
    """A line."""
    print(line)


def complain(message: str) -> None:
    """A line on standard error, however many the message has."""
    print(f"sagamore: {printable(message)}", file=sys.stderr)


def show(view: msgspec.Struct, as_json: bool) -> None:
    """One thing: a field a line, leaving out what is empty; or JSON."""
    if as_json:
        say(msgspec.json.encode(view).decode())
        return
    for field in view.__struct_fields__:
        value = getattr(view, field)
        values = value if isinstance(value, tuple) else (value,)
        for each in values:
            if each not in (None, "", {}):
                say(f"{_label(field):<14} {text_of(each)}")


def show_list(views: Sequence[msgspec.Struct], columns: Mapping[str, str], as_json: bool) -> None:
    """Many things: a table of the fields that `columns` names, under its headings; or JSON, one a line."""
    if as_json:
        for view in views:
            say(msgspec.json.encode(view).decode())
        return
    rows = [[text_of(getattr(view, field)) for field in columns] for view in views]
    if not sys.stdout.isatty() or not _rich_table(list(columns.values()), rows):
        _plain_table(list(columns.values()), rows)


def text_of(value: object) -> str:
    """A value in one line for people."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case MoneyView():
            return str(value)
        case msgspec.Struct():
            pairs = ((_label(field), getattr(value, field)) for field in value.__struct_fields__)
            return ", ".join(f"{label} {text_of(each)}" for label, each in pairs if each not in (None, "", ()))
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


def _plain_table(headings: list[str], rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _rich_table(headings: list[str], rows: list[list[str]]) -> bool:
    """Whether rich is installed and has drawn it."""
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    table = Table(box=None, pad_edge=False, header_style="bold")
    for n, heading in enumerate(headings):
        widest = max(len(row[n]) for row in rows) if n == 0 and rows else None  # an id, to be copied whole
        table.add_column(heading, no_wrap=True, min_width=widest)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
    return True
