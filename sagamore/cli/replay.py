"""`sagamore replay FILE.csv`: real order history through a shop, in a directory of its own unless one is named."""

import tempfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec

from sagamore.actors.orders.settings import OrderSettings
from sagamore.app import Sagamore
from sagamore.cli.compose import provider_named
from sagamore.cli.output import printable, say, say_json
from sagamore.cli.parser import Subparsers, between, path, quantity, readable
from sagamore.cli.progress import draw, shown
from sagamore.cli.run import run
from sagamore.replay import Plan, Player, Report, make_plan, read_rows
from sagamore.replay.report import tell, tell_progress
from sagamore.settings import Settings

PASSES_MAX = 100_000  # days of playing; what bounds it is stock: one delivery of a product is for all passes
SECONDS_MAX = 86_400
SHARE_MAX = 1_000
SETTINGS = Settings(orders=OrderSettings(capture="at_once"))  # an invoice is paid when it is written


def add_parser(subparsers: Subparsers) -> None:
    """The command."""
    about = "real order history in the Online Retail columns, played through a shop"
    parser = subparsers.add_parser("replay", help=about, description=about)
    parser.add_argument(
        "file", type=readable, metavar="FILE.csv", help="InvoiceNo, StockCode, … as in doi:10.24432/C5BW33"
    )
    parser.add_argument(
        "--dir", type=path, metavar="DIR", help="the data directory; by default one that is thrown away"
    )
    parser.add_argument(
        "--stock-share", type=between(0, SHARE_MAX, Decimal), default=Decimal(1), metavar="SHARE",
        help="every product gets this share of what all sales want of it, rounded up; by default 1.0",
    )  # fmt: skip
    parser.add_argument(
        "--repeat", type=between(1, PASSES_MAX, quantity), default=1, metavar="N",
        help="play it so often, under new numbers; by default once",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", type=between(0.1, SECONDS_MAX, float), metavar="S", help="begin nothing more after so many seconds"
    )
    parser.add_argument("--payments", default="simulated", metavar="URL", help="a payment twin's; by default simulated")
    parser.add_argument("--json", action="store_true", help="JSON: one object")
    parser.set_defaults(run=_run)


def _run(args: Namespace) -> int:
    draw(f"reading {args.file}")
    with open(args.file, newline="", encoding="utf-8-sig", errors="replace") as file:
        plan = make_plan(read_rows(file))
    with _directory(args.dir) as directory:
        report = run(_replay(args, plan, directory))
    if args.json:
        rate = {"linesPerSecond": round(report.lines_per_second)}
        say_json(msgspec.to_builtins(report) | rate)
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
        async with shown(lambda: tell_progress(player.report)):
            await player.stock(args.stock_share, args.repeat)
            await player.play(args.repeat, args.seconds)
        return player.report
