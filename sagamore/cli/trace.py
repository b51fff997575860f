"""`sagamore trace ID`: one story, from the files alone. The id's prefix says whose: an order's, or that of the order
whose payment, refund or dead letter it is, a notification's, or that of a delivery; anything else is the entity itself,
as `stock:MUG`, or else the host's own number of an order."""

from argparse import Namespace

from sagamore.actors.notifications.notification import notification_of
from sagamore.actors.text import TEXT_CHARACTERS_MAX, check_text
from sagamore.cli.orders import newest_with_reference
from sagamore.cli.output import printable, say, say_json
from sagamore.cli.parser import Subparsers, command
from sagamore.cli.reading import files_of, read_entity
from sagamore.cli.run import run
from sagamore.engine.dead_letters import DEAD_LETTERS, DeadLetter
from sagamore.engine.errors import InvalidInput, Refused
from sagamore.engine.message import Codec
from sagamore.files import Files
from sagamore.storage.reader import PAGE_ROWS_MAX
from sagamore.story import read_story

ID_CHARACTERS_MAX = 1_000  # an entity of a host's own actor may have a longer key than ours
_decode_letter = Codec((DeadLetter,)).decode
HOLDERS = {"pay_": ("payments",), "ref_": ("payments", "orders")}  # who writes such ids into what it keeps of an order


class NothingToTrace(Refused):
    """No file knows of it."""

    code = "nothing_to_trace"


def add_parser(subparsers: Subparsers) -> None:
    """The command."""
    parser = command(subparsers, "trace", "the causal story of one order or notification over all actors and restarts")
    ids = "ord_…, pay_…, ref_…, ntf_…, dlv_…, dl_…, an entity as stock:MUG, or an order's reference"
    parser.add_argument("id", metavar="ID", help=ids)
    parser.set_defaults(run=lambda args: run(_trace(args)))


async def _trace(args: Namespace) -> int:
    async with files_of(args.dir) as files:
        story = await _story_of(files, check_text("id", args.id, ID_CHARACTERS_MAX, product=True))
        lines = [line async for line in read_story(files, story)]
        short = len(args.id) <= TEXT_CHARACTERS_MAX
        if not lines and short and (order := await newest_with_reference(files, args.id)) is not None:
            lines = [line async for line in read_story(files, order.id)]
    if not lines:
        raise NothingToTrace(
            f"nothing is known here of {args.id!r}; name an order, payment, refund, notification or dead letter"
        )
    for line in lines:
        if args.json:
            say_json(line)
        else:
            say(printable(str(line)))
    return 0


async def _story_of(files: Files, wanted: str) -> str:
    """The correlation of the story that an id belongs to."""
    if wanted.startswith("dl_"):
        letter = await read_entity(files, DEAD_LETTERS, wanted, _decode_letter)
        return wanted if letter is None else letter.correlation
    if wanted.startswith("dlv_"):
        return _notification_of(wanted)
    for kind in HOLDERS.get(wanted[:4], ()):
        order = await _order_with(files, kind, f'"{wanted}"'.encode())
        if order:
            return order
    return wanted


def _notification_of(delivery: str) -> str:
    try:
        return notification_of(delivery)[0]
    except ValueError as error:
        raise InvalidInput("id", delivery, "a delivery's id, dlv_…") from error


async def _order_with(files: Files, kind: str, text: bytes) -> str:
    """The newest order whose state in `kind` has that text: a search of the whole file, some seconds for a million."""
    for reader in files.of(kind):
        before: str | None = None
        while rows := await reader.entities_by_prefix("ord_", before, PAGE_ROWS_MAX):
            for row in rows:
                if text in row.state:
                    return row.key
            before = rows[-1].key
    return ""
