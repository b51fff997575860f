"""The commands, in the order in which help shows them. A new one is a file here and a name in COMMANDS."""

import argparse
from typing import Any, NoReturn

from sagamore.cli import (
    alerts,
    audiences,
    audit,
    dead_letters,
    demo,
    health,
    notifications,
    notify,
    orders,
    payments,
    replay,
    serve,
    stock,
    templates,
    trace,
    twin,
    users,
)
from sagamore.cli.output import say
from sagamore.cli.parser import Parser

COMMANDS = (
    demo, replay, orders, stock, payments, notify, notifications, users, audiences, templates, trace, dead_letters,
    alerts, health, audit, serve, twin,
)  # fmt: skip


class _Version(argparse.Action):
    """Looks for the installed package only when asked: that takes longer than many a command."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        """Say it and end."""
        from sagamore import __version__

        say(f"sagamore {__version__}")
        parser.exit()


def build_parser() -> Parser:
    """All commands."""
    parser = Parser("sagamore", description="Orders, payments, stock and notifications in one directory.")
    parser.add_argument("--version", action=_Version, nargs=0, help="show it and exit")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser
