"""Arguments: a parser whose errors are one line, the arguments that commands share, and text into values."""

import argparse
import getpass
import os
import secrets
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, TypeVar

import msgspec

from sagamore.cli.channels import COMPOSED
from sagamore.engine.errors import InvalidInput
from sagamore.opening import check_path
from sagamore.order_operations import WAIT_MS_MAX

N = TypeVar("N", int, float, Decimal)

LIST_ROWS_MAX = 10_000  # what is held in memory and shown at once; more come with --before


class UsageError(Exception):
    """The command line itself will not do; the text says what would."""


class Parser(argparse.ArgumentParser):
    """Raises UsageError where argparse prints its usage and exits. No abbreviations: they break when options come."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options | {"allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        """Refuse."""
        command = self.prog.removeprefix("sagamore").strip()
        raise UsageError(f"{command}: {message}".removeprefix(": ") + f" (see `{self.prog} --help`)")


Subparsers: TypeAlias = "argparse._SubParsersAction[Parser]"


def command(subparsers: Subparsers, name: str, about: str, *, json: bool = True) -> Parser:
    """A parser for a command on a directory; with `--json` if it prints facts."""
    parser = subparsers.add_parser(name, help=about, description=about)
    parser.add_argument(
        "--dir", type=path, default=Path(os.environ.get("SAGAMORE_DIR") or "shop"), metavar="DIR",
        help="the data directory; by default $SAGAMORE_DIR, else ./shop",
    )  # fmt: skip
    if json:
        parser.add_argument("--json", action="store_true", help="JSON: one object, for lists one a line")
    return parser


def group(subparsers: Subparsers, name: str, about: str) -> Subparsers:
    """A command that only has commands of its own."""
    return subparsers.add_parser(name, help=about, description=about).add_subparsers(metavar="COMMAND", required=True)


def add_owner(parser: Parser) -> None:
    """How this process composes the shop, if no other process runs it."""
    parser.add_argument(
        "--payments", metavar="PROVIDER",
        help="if nobody runs the shop: simulated, or a payment twin's http://127.0.0.1:PORT; by default payments wait",
    )  # fmt: skip
    parser.add_argument(
        "--channels", metavar="LIST",
        help=f"if nobody runs the shop: how users are told, of {', '.join(COMPOSED)}; by default nobody is",
    )  # fmt: skip
    parser.add_argument(
        "--app", metavar="MODULE:FACTORY", help="the host's composition: called with DIR, returns Sagamore.open(…)"
    )


def add_list(parser: Parser) -> None:
    """How much of a list, and from where."""
    parser.add_argument(
        "--limit", type=between(1, LIST_ROWS_MAX, quantity), default=50, help="1 to 10,000; by default 50"
    )
    parser.add_argument("--before", default="", metavar="ID", help="go on after this one, the last that was shown")


def add_key(parser: Parser) -> None:
    """The idempotency key."""
    parser.add_argument(
        "--key", default="cli-" + secrets.token_hex(12),
        help="idempotency key: the command is done once, however often it is given; by default a new one",
    )  # fmt: skip


def add_data(parser: Parser) -> None:
    """An event's fields."""
    parser.add_argument(
        "--data", type=json_object, default={}, metavar="JSON", help="the event's fields, an object; by default {}"
    )


def add_by(parser: Parser) -> None:
    """Who does it."""
    parser.add_argument("--by", default=user_name(), help="who does it, for the records; by default the login name")


def add_wait(parser: Parser, until: str) -> None:
    """How long to wait, and for what."""
    parser.add_argument(
        "--wait", type=between(0, WAIT_MS_MAX / 1000, float), metavar="SECONDS",
        help=until,
    )  # fmt: skip


def user_name() -> str:
    """The login name, or `cli` where there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "cli"


def parts(text: str, count: int, shape: str) -> list[str]:
    """The parts of `PRODUCT:QTY:PRICE`; colons beyond those belong to the first. Raises InvalidInput."""
    found = text.rsplit(":", count - 1)
    if len(found) != count:
        raise InvalidInput("argument", text, f"write {shape}")
    return found


def whole(field: str, text: str) -> int:
    """A whole number. Raises InvalidInput."""
    digits = text.removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18 and len(text) - len(digits) <= 1):
        raise InvalidInput(field, text, "a whole number")
    return int(text)


def path(text: str) -> Path:
    """A path that the file system can be asked for, for argparse."""
    try:
        return check_path(text)
    except InvalidInput:
        raise argparse.ArgumentTypeError(f"{text!r} is no path") from None


def quantity(text: str) -> int:
    """A whole number, for argparse."""
    try:
        return whole("quantity", text)
    except InvalidInput:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def readable(text: str) -> Path:
    """A file or a pipe, for argparse."""
    file = path(text)
    if not file.exists() or file.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no file")
    return file


def json_object(text: str) -> dict[str, Any]:
    """An event's data. Raises InvalidInput."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (ValueError, RecursionError) as error:
        raise InvalidInput("--data", text, f"a JSON object: {error}") from error


def between(least: float, most: float, read: Callable[[str], N]) -> Callable[[str], N]:
    """A number within these bounds, for argparse."""

    def bounded(text: str) -> N:
        try:
            number = read(text)
            if least <= number <= most:
                return number
        except (ValueError, ArithmeticError):
            pass
        raise argparse.ArgumentTypeError(f"{text!r} is not {least:,g} to {most:,g}")

    return bounded


def aware_time(text: str) -> datetime:
    """RFC 3339 with an offset, for argparse."""
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not None:
            return time
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is no time with an offset, as 2026-01-31T12:00:00Z")
