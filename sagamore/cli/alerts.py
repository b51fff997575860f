"""`sagamore alerts`: the conditions that stand, oldest first, from the files."""

from argparse import Namespace

from sagamore.cli.output import say, show
from sagamore.cli.parser import Subparsers, command
from sagamore.cli.reading import files_of, read_alerts
from sagamore.cli.run import run


def add_parser(subparsers: Subparsers) -> None:
    """The command."""
    parser = command(subparsers, "alerts", "the conditions that stand, and what to do about each")
    parser.set_defaults(run=lambda args: run(_alerts(args)))


async def _alerts(args: Namespace) -> int:
    async with files_of(args.dir) as files:
        alerts = await read_alerts(files)
    for n, alert in enumerate(alerts):
        if n and not args.json:
            say()
        show(alert, args.json)
    return 0
