"""`sagamore twin`: the payment twin, a strict card provider on loopback; its arguments are its own."""

import argparse
from argparse import Namespace

from sagamore.cli.parser import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """The command. No character begins an option, so that all arguments go to the twin, `--help` too."""
    parser = subparsers.add_parser(
        "twin", help="a card provider on loopback, for demos and tests", add_help=False, prefix_chars="\0"
    )
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    parser.set_defaults(run=_twin)


def _twin(args: Namespace) -> int:
    from sagamore.twin.__main__ import main

    return main(args.arguments)
