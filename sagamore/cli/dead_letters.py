"""`sagamore dead-letters`: list, show, replay, discard."""

from argparse import Namespace
from typing import get_args

from sagamore.cli.output import show, show_list
from sagamore.cli.parser import Subparsers, add_by, add_list, add_owner, command, group
from sagamore.cli.reading import files_of, read_entity, read_list
from sagamore.cli.run import run
from sagamore.cli.session import do
from sagamore.doors.dead_letters import LetterStatus
from sagamore.engine.dead_letters import DEAD_LETTERS, DeadLetter, UnknownLetter
from sagamore.engine.message import Codec
from sagamore.operations import DiscardLetter, ReplayLetter
from sagamore.views import LetterView

COLUMNS = {"id": "LETTER", "message_type": "MESSAGE", "address": "ACTOR", "buried_at": "SINCE", "story": "STORY"}
_decode = Codec((DeadLetter,)).decode


def add_parser(subparsers: Subparsers) -> None:
    """The command and its own."""
    commands = group(subparsers, "dead-letters", "list, show, replay, discard what was given up on")
    listing = command(commands, "list", "letters of one status, newest first")
    listing.add_argument("--status", default="WAITING", choices=get_args(LetterStatus))
    add_list(listing)
    listing.set_defaults(run=lambda args: run(_list(args)))
    showing = command(commands, "show", "one letter with all its attempts")
    showing.add_argument("letter", metavar="LETTER")
    showing.set_defaults(run=lambda args: run(_show(args)))
    replay = command(commands, "replay", "send it again, once")
    replay.set_defaults(run=_replay)
    discard = command(commands, "discard", "never send it; who waits for it is told")
    discard.add_argument("--reason", required=True)
    discard.set_defaults(run=_discard)
    for parser in (replay, discard):
        parser.add_argument("letter", metavar="LETTER")
        add_by(parser)
        add_owner(parser)


async def _list(args: Namespace) -> int:
    async with files_of(args.dir) as files:
        found = await read_list(
            files, DEAD_LETTERS, _decode, args.limit, args.before, prefix="dl_", field="status", value=args.status
        )
    show_list([LetterView.of(letter) for letter in found], COLUMNS, args.json)
    return 0


async def _show(args: Namespace) -> int:
    async with files_of(args.dir) as files:
        letter = await read_entity(files, DEAD_LETTERS, args.letter, _decode)
    if letter is None:
        raise UnknownLetter(f"there is no dead letter {args.letter!r}; list them to see which there are")
    show(LetterView.of(letter), args.json)
    return 0


def _replay(args: Namespace) -> int:
    do(args, ReplayLetter(letter=args.letter, by=args.by))
    return 0


def _discard(args: Namespace) -> int:
    do(args, DiscardLetter(letter=args.letter, by=args.by, reason=args.reason))
    return 0
