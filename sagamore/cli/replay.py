"""`sagamore replay FILE.csv`: real order history through a shop, in a directory of its own unless one is named."""

import argparse
import asyncio
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sagamore.actors.orders.settings import OrderSettings
from sagamore.app import Sagamore
from sagamore.cli.compose import provider_named
from sagamore.cli.output import printable, say
from sagamore.cli.parser import Subparsers, path
from sagamore.cli.run import run
from sagamore.replay import Plan, Player, Report, make_plan, read_rows
from sagamore.replay.progress import show_progress
from sagamore.replay.report import tell
from sagamore.settings import Settings

PASSES_MAX = 100_000  # days of playing; what bounds it is stock: one delivery of a product is for all passes
SECONDS_MAX = 86_400
SETTINGS = Settings(orders=OrderSettings(capture="at_once"))  # an invoice is paid when it is written


def add_parser(subparsers: Subparsers) -> None:
    """The command."""
    about = "real order history in the Online Retail columns, played through a shop"
    parser = subparsers.add_parser("replay", help=about, description=about)
    parser.add_argument("file", type=path, metavar="FILE.csv", help="InvoiceNo, StockCode, … as in doi:10.24432/C5BW33")
    parser.add_argument(
        "--dir", type=path, metavar="DIR", help="the data directory; by default one that is thrown away"
    )
    parser.add_argument(
        "--stock-share", type=_share, default=1.0, metavar="SHARE",
        help="every product gets this share of what all sales want of it, rounded up; by default 1.0",
    )  # fmt: skip
    parser.add_argument("--repeat", type=_passes, default=1, metavar="N", help="play it so often, under new numbers")
    parser.add_argument("--seconds", type=_seconds, metavar="S", help="begin nothing more after so many seconds")
    parser.add_argument("--payments", default="simulated", metavar="URL", help="a payment twin's; by default simulated")
    parser.add_argument("--json", action="store_true", help="JSON: one object")
    parser.set_defaults(run=_run)


def _run(args: Namespace) -> int:
    with open(args.file, newline="", encoding="utf-8-sig", errors="replace") as file:
        plan = make_plan(read_rows(file))
    with _directory(args.dir) as directory:
        report = run(_replay(args, plan, directory))
    if args.json:
        rate = {"linesPerSecond": round(report.lines_per_second)}
        say(msgspec.json.encode(msgspec.to_builtins(report) | rate).decode())
    else:
        for line in tell(report):
            say(printable(line))
    return 0


@contextmanager
def _directory(named: Path | None) -> Iterator[Path]:
    if named is not None:
        yield named
        return
    with tempfile.TemporaryDirectory(prefix="sagamore-replay-") as made:
        yield Path(made)


async def _replay(args: Namespace, plan: Plan, directory: Path) -> Report:
    async with Sagamore.open(directory, SETTINGS, payments=provider_named(args.payments)) as shop:
        player = Player(shop, plan)
        await player.stock(args.stock_share, args.repeat)
        showing = asyncio.create_task(show_progress(player.report, sys.stderr)) if sys.stderr.isatty() else None
        try:
            await player.play(args.repeat, args.seconds)
        finally:
            if showing is not None:
                showing.cancel()
                await asyncio.gather(showing, return_exceptions=True)
        return player.report


def _number(text: str, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not {least:g} to {most:,g}")
    return number


def _share(text: str) -> float:
    return _number(text, 0, 1_000)


def _seconds(text: str) -> float:
    return _number(text, 0.1, SECONDS_MAX)


def _passes(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= PASSES_MAX or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, 1 to {PASSES_MAX:,}")
    return int(text)
