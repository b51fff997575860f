"""`sagamore serve`: run the shop until SIGTERM or SIGINT, for shops whose own programs do not, and for tests."""

import asyncio
import os
import signal
from argparse import Namespace

import msgspec

from sagamore.cli.compose import open_shop
from sagamore.cli.output import show
from sagamore.cli.parser import Subparsers, add_owner, command
from sagamore.cli.run import run


class Serving(msgspec.Struct, rename="camel"):
    """Said once the shop is open."""

    serving: str
    pid: int


def add_parser(subparsers: Subparsers) -> None:
    """The command."""
    parser = command(subparsers, "serve", "run the shop until SIGTERM or SIGINT")
    add_owner(parser)
    parser.set_defaults(run=lambda args: run(_serve(args)))


async def _serve(args: Namespace) -> int:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with open_shop(args) as shop:
        show(Serving(str(shop.path), os.getpid()), args.json)
        print(end="", flush=True)
        await stop.wait()
    return 0
