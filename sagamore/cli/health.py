"""`sagamore health`: GREEN, YELLOW or RED, which is exit status 1.

A running shop is asked. RED: a partition is down, or the process does not answer. YELLOW: one is being reopened, a
reader keeps a WAL from being checked in, alerts stand, or the payment provider's events are not heard. A shop that
nobody runs is read: RED is then a file that is missing or cannot be opened, YELLOW alerts, and work that waits for
somebody to run it.
"""

from argparse import Namespace

from msgspec.structs import replace

from sagamore.cli.output import show
from sagamore.cli.parser import Subparsers, command
from sagamore.cli.reading import files_of, read_alerts
from sagamore.cli.run import run
from sagamore.cli.session import Silent, connect
from sagamore.engine.errors import FileDamaged, FileMissing
from sagamore.engine.runtime.clock import SystemClock
from sagamore.operations import GetHealth
from sagamore.views import HealthView

NOBODY = "nobody"
SILENCE_S_MAX = 5  # who watches asks often, and wants to know soon


def add_parser(subparsers: Subparsers) -> None:
    """The command."""
    parser = command(subparsers, "health", "whether someone should look, and at what; exit status 1 if RED")
    parser.set_defaults(run=lambda args: run(_health(args)))


async def _health(args: Namespace) -> int:
    try:
        health = await _of_owner(args) or await _of_files(args)
    except Silent as error:
        health = HealthView("RED", error.process, error.pid, (str(error),))
    show(health if args.json else replace(health, pid=None), args.json)
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
            problems = [f"{alert.name} {alert.subject}: {alert.advice}" for alert in await read_alerts(files)]
            now_ms = SystemClock().now_ms()
            waiting = [await reader.waiting(now_ms) for reader in files.readers.values()]
    except (FileMissing, FileDamaged) as error:
        return HealthView("RED", NOBODY, None, (str(error),))
    work = (
        (sum(each.messages for each in waiting), "message"),
        (sum(each.timers for each in waiting), "due timer"),
        (sum(each.effects for each in waiting), "effect"),
    )
    if any(count for count, _ in work):
        told = ", ".join(f"{count:,} {what}{'s' * (count > 1)}" for count, what in work if count)
        problems.append(f"nobody runs the shop, and work waits for it: {told}")
    return HealthView("YELLOW" if problems else "GREEN", NOBODY, None, tuple(problems))
