"""Many operations from a file, one a line: some at once, refused lines named and the others done."""

import asyncio
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from sagamore.cli.output import complain, say, show
from sagamore.cli.progress import shown
from sagamore.cli.session import AnswerLost, RemoteError, Session, session
from sagamore.engine.errors import InvalidInput, Overloaded, SagamoreError
from sagamore.notification_operations import NoChannels
from sagamore.operation import Operation

IN_FLIGHT_MAX = 16  # lines share a commit; each is a connection where another process runs the shop
OVERLOADED_TRIES_MAX = 100
OVERLOADED_WAIT_S = 0.2
ERRORS_SHOWN_MAX = 100  # a file of another kind has an error in each of its lines

Row = TypeVar("Row")


class Counts(msgspec.Struct, rename="camel"):
    """What has become of the lines."""

    taken: int = 0
    refused: int = 0
    bad: int = 0
    """Of the refused: no import can take them as they are."""


def tell(counts: Counts, as_json: bool) -> None:
    """At the end."""
    show(counts, as_json)
    if counts.bad and not as_json:
        say(f"{counts.bad:,} of the {counts.refused:,} refused are bad: no import takes them before they are corrected")


async def take_all(
    args: Namespace, rows: Iterator[tuple[int, Row]], operation_of: Callable[[int, Row], Operation], counts: Counts,
    what: str, again: str, *, creates: bool = True,
) -> None:  # fmt: skip
    """Do what each line of `args.file` asks for. `operation_of` may raise InvalidInput. `again`: what to do when the
    owner is lost under it, which raises AnswerLost."""

    async def take(doer: Session) -> None:
        for line, row in rows:
            try:
                await _do(doer, operation_of(line, row))
                counts.taken += 1
            except AnswerLost:
                raise
            except SagamoreError as error:
                if (error.view.code if isinstance(error, RemoteError) else error.code) == NoChannels.code:
                    raise  # so it would be for every line
                counts.refused += 1
                if isinstance(error, InvalidInput) or (isinstance(error, RemoteError) and error.view.bad_input):
                    counts.bad += 1
                if counts.refused <= ERRORS_SHOWN_MAX:
                    complain(f"{args.file}:{line}: {error}")

    try:
        async with (
            session(args, creates=creates, connections=IN_FLIGHT_MAX) as doers,
            shown(lambda: f"{counts.taken:,} {what} taken"),
            asyncio.TaskGroup() as group,
        ):
            for doer in doers:
                group.create_task(take(doer))
    except* AnswerLost as lost:
        error = next(iter(lost.exceptions))
        assert isinstance(error, AnswerLost)
        raise AnswerLost(error.cause, f"; {counts.taken:,} {what} were taken; {again}") from error
    if counts.refused > ERRORS_SHOWN_MAX:
        complain(f"{args.file}: … and {counts.refused - ERRORS_SHOWN_MAX} more lines")


async def _do(doer: Session, operation: Operation) -> None:
    for _ in range(OVERLOADED_TRIES_MAX):
        try:
            await doer.ask(operation)
            return
        except Overloaded:
            pass
        except RemoteError as error:
            if error.view.code != Overloaded.code:
                raise
        await asyncio.sleep(OVERLOADED_WAIT_S)
    raise Overloaded("the shop is overloaded", int(OVERLOADED_WAIT_S * 1000))
