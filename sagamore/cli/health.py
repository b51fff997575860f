"""`sagamore health`: GREEN, YELLOW or RED, which is exit status 1.

A running shop is asked. RED: a partition is down, or the process does not answer. YELLOW: one is being reopened, a
reader keeps a WAL from being checked in, alerts stand, or the payment provider's events are not heard. Of a stopped
shop the alerts are read; RED is then a file that is missing or cannot be opened.
"""

from argparse import Namespace

from sagamore.cli.output import show
from sagamore.cli.parser import Subparsers, command
from sagamore.cli.reading import files_of, read_alerts
from sagamore.cli.run import run
from sagamore.cli.session import Silent, connect
from sagamore.engine.errors import FileDamaged, FileMissing
from sagamore.operations import GetHealth
from sagamore.views import HealthView

SILENCE_S_MAX = 5  # who watches asks often, and wants to know soon


def add_parser(subparsers: Subparsers) -> None:
    """The command."""
    parser = command(subparsers, "health", "whether someone should look, and at what; exit status 1 if RED")
    parser.set_defaults(run=lambda args: run(_health(args)))


async def _health(args: Namespace) -> int:
    try:
        health = await _of_owner(args) or await _of_files(args)
    except Silent as error:
        health = HealthView("RED", error.pid, (str(error),))
    show(health, args.json)
    return int(health.status == "RED")


async def _of_owner(args: Namespace) -> HealthView | None:
    remote = await connect(args.dir, SILENCE_S_MAX)
    if remote is None:
        return None
    try:
        health: HealthView = await remote.ask(GetHealth())
    finally:
        await remote.close()
    return health


async def _of_files(args: Namespace) -> HealthView:
    try:
        async with files_of(args.dir) as files:
            alerts = await read_alerts(files)
    except (FileMissing, FileDamaged) as error:
        return HealthView("RED", None, (str(error),))
    problems = tuple(f"{alert.name} {alert.subject}: {alert.advice}" for alert in alerts)
    return HealthView("YELLOW" if problems else "GREEN", None, problems)
