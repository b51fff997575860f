"""The commands, in the order in which help shows them. A new one is a file here and a name in COMMANDS."""

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
from sagamore.cli.parser import Parser

COMMANDS = (
    demo, replay, orders, stock, payments, notify, notifications, users, audiences, templates, trace, dead_letters,
    alerts, health, audit, serve, twin,
)  # fmt: skip


def build_parser() -> Parser:
    """All commands."""
    parser = Parser("sagamore", description="Orders, payments, stock and notifications in one directory.")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser
