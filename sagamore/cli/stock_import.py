"""`sagamore stock import`: a delivery from a CSV file, rows of product,quantity; a first line of names is passed over.

Every row is a command under the key DELIVERY/LINE, so a row is taken once however often the file is imported (keys are
remembered for 30 days). A row that is refused is named with its line and the others go on: correct it where it stands
and import again under the same `--key`.
"""

import csv
from argparse import Namespace
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from sagamore.actors.text import KEY_CHARACTERS_MAX, check_text
from sagamore.cli.importing import Counts, take_all, tell
from sagamore.cli.output import say
from sagamore.cli.parser import whole
from sagamore.cli.run import run
from sagamore.engine.errors import InvalidInput
from sagamore.operations import ReceiveStock

LINE_CHARACTERS_MAX = 12  # `/` and a line's number
HEADINGS = ("product", "product_id", "productid", "sku")


class Imported(Counts, rename="camel"):
    """`taken` counts also the rows that an earlier import took."""

    key: str = ""


def import_stock(args: Namespace) -> int:
    """Exit status 0: all are taken; 1: some were refused; 2: some cannot be taken as they are. Raises InvalidInput for
    what would refuse every row."""
    check_text("--key", args.key, KEY_CHARACTERS_MAX - LINE_CHARACTERS_MAX, optional=True, printable=True)
    check_text("reason", args.reason)
    check_text("by", args.by, optional=True)
    imported = Imported(key=args.key or _digest(args.file))

    def operation_of(line: int, row: list[str]) -> ReceiveStock:
        if len(row) != 2:
            raise InvalidInput("row", ",".join(row), "product,quantity")
        return ReceiveStock(
            product_id=row[0].strip(), quantity=whole("quantity", row[1].strip()), reason=args.reason, by=args.by,
            idempotency_key=f"{imported.key}/{line}",
        )  # fmt: skip

    with open(args.file, newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        again = f"import again with --key {imported.key}, none is taken twice"
        run(take_all(args, _rows(file), operation_of, imported, "rows", again))
    tell(imported, args.json)
    if imported.refused and not args.json:
        say(f"correct the lines named and import again with --key {imported.key}; the others are not taken twice")
    return 2 if imported.bad else 1 if imported.refused else 0


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
