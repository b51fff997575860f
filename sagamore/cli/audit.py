"""`sagamore audit`: the conservation laws over all files, a line each; exit status 1 on a breach.

Reads the files alone, of a stopped directory or beside its owner; what changed while it was being looked at is counted
as in flight.
"""

from argparse import Namespace

from sagamore.audit import audit
from sagamore.cli.output import printable, say, say_json
from sagamore.cli.parser import Subparsers, command
from sagamore.cli.reading import files_of
from sagamore.cli.run import run


def add_parser(subparsers: Subparsers) -> None:
    """The command."""
    parser = command(subparsers, "audit", "the conservation laws over all files; exit status 1 on a breach")
    parser.set_defaults(run=lambda args: run(_audit(args)))


async def _audit(args: Namespace) -> int:
    async with files_of(args.dir) as files:
        laws = await audit(files)
    for law in laws:
        if args.json:
            say_json(law)
        else:
            for line in str(law).splitlines():
                say(printable(line))
    return int(not all(law.ok for law in laws))
