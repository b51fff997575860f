"""`sagamore stock import`: a delivery from a CSV file, rows of product,quantity; a first line of names is passed over.

Every row is a command under the key DELIVERY/LINE, so a row is taken once however often the file is imported (keys are
remembered for 30 days). A row that is refused is named with its line and the others go on: correct it where it stands
and import again under the same `--key`.
"""

import asyncio
import csv
from argparse import Namespace
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import msgspec

from sagamore.actors.text import KEY_CHARACTERS_MAX, check_text
from sagamore.cli.output import complain, say, show
from sagamore.cli.parser import whole
from sagamore.cli.progress import shown
from sagamore.cli.run import run
from sagamore.cli.session import AnswerLost, RemoteError, Session, session
from sagamore.engine.errors import InvalidInput, Overloaded, SagamoreError
from sagamore.operations import ReceiveStock

LINE_CHARACTERS_MAX = 12  # `/` and a line's number
IN_FLIGHT_MAX = 16  # rows share a commit; each is a connection where another process runs the shop
OVERLOADED_TRIES_MAX = 100
OVERLOADED_WAIT_S = 0.2
ERRORS_SHOWN_MAX = 100  # a file of another kind has an error in each of its lines
HEADINGS = ("product", "product_id", "productid", "sku")


class Imported(msgspec.Struct, rename="camel"):
    """What has become of the rows. `taken` counts also those that an earlier import took."""

    key: str
    taken: int = 0
    refused: int = 0
    bad: int = 0
    """Of the refused: no import can take them as they are."""


def import_stock(args: Namespace) -> int:
    """Exit status 0: all are taken; 1: some were refused; 2: some cannot be taken as they are. Raises InvalidInput for
    what would refuse every row."""
    check_text("--key", args.key, KEY_CHARACTERS_MAX - LINE_CHARACTERS_MAX, optional=True, printable=True)
    check_text("reason", args.reason)
    check_text("by", args.by, optional=True)
    imported = Imported(args.key or _digest(args.file))
    with open(args.file, newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        try:
            run(_take_all(args, _rows(file), imported))
        except* AnswerLost as error:
            taken = f"after {imported.taken:,} rows; import again with --key {imported.key}, none is taken twice"
            raise AnswerLost(f"the process that runs the shop ended {taken}") from error
    if imported.refused > ERRORS_SHOWN_MAX:
        complain(f"{args.file}: … and {imported.refused - ERRORS_SHOWN_MAX} more lines")
    show(imported, args.json)
    if imported.refused and not args.json:
        say(f"correct the lines named and import again with --key {imported.key}; the others are not taken twice")
    return 2 if imported.bad else 1 if imported.refused else 0


async def _take_all(args: Namespace, rows: Iterator[tuple[int, list[str]]], imported: Imported) -> None:
    async with (
        session(args, creates=True, connections=IN_FLIGHT_MAX) as doers,
        shown(lambda: f"{imported.taken:,} rows taken"),
        asyncio.TaskGroup() as group,
    ):
        for doer in doers:
            group.create_task(_take(args, doer, rows, imported))


async def _take(args: Namespace, doer: Session, rows: Iterator[tuple[int, list[str]]], imported: Imported) -> None:
    for line, row in rows:
        try:
            await _receive(args, doer, line, row, imported.key)
            imported.taken += 1
        except AnswerLost:
            raise
        except SagamoreError as error:
            imported.refused += 1
            if isinstance(error, InvalidInput) or (isinstance(error, RemoteError) and error.view.bad_input):
                imported.bad += 1
            if imported.refused <= ERRORS_SHOWN_MAX:
                complain(f"{args.file}:{line}: {error}")


async def _receive(args: Namespace, doer: Session, line: int, row: list[str], key: str) -> None:
    if len(row) != 2:
        raise InvalidInput("row", ",".join(row), "product,quantity")
    operation = ReceiveStock(
        product_id=row[0].strip(), quantity=whole("quantity", row[1].strip()), reason=args.reason, by=args.by,
        idempotency_key=f"{key}/{line}",
    )  # fmt: skip
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


def _rows(file: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty and their lines; one that is no CSV comes as it is, to be refused."""
    reader = csv.reader(file)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row = [str(error)]
        heading = reader.line_num == 1 and row and row[0].strip().lower() in HEADINGS
        if any(cell.strip() for cell in row) and not heading:
            yield reader.line_num, row


def _digest(path: Path) -> str:
    if not path.is_file():
        raise InvalidInput(
            "FILE.csv", str(path), "a file, not a pipe: it is read twice, unless --key names the delivery"
        )
    with open(path, "rb") as file:
        digest = blake2b(digest_size=12)
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return "import-" + digest.hexdigest()
