"""`sagamore users`: list, show, import, erase."""

from argparse import Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from sagamore.actors.notifications.errors import UnknownUser
from sagamore.actors.notifications.user import User, user_key
from sagamore.actors.text import shown
from sagamore.cli.importing import Counts, take_all, tell
from sagamore.cli.output import show, show_list
from sagamore.cli.parser import Subparsers, add_list, add_owner, command, group, readable
from sagamore.cli.reading import files_of, read_entity, read_list
from sagamore.cli.run import run
from sagamore.cli.session import composes, do
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import Codec
from sagamore.notification_operations import EraseUser, SetUser
from sagamore.notification_views import UserView

COLUMNS = {"id": "USER", "reached_by": "ADDRESSES", "locale": "LOCALE", "zone": "ZONE"}
FORMAT = """
A line of the file is a user as it is from then on; given again it changes
nothing. Only "id" must be there:

    {"id": "ann", "addresses": {"email": ["ann@example.com"]},
     "locale": "de-AT", "zone": "Europe/Vienna", "quietHours": ["22:00", "07:00"],
     "preferences": [{"category": "news", "channel": "*", "allowed": false}]}

all of it in one line. Channels are those of the shop; "*" is any category or
any channel.
"""
LINE_CHARACTERS_SHOWN = 60
LINE_BYTES_MAX = 1 << 19  # half of what the control socket takes
_decode = Codec((User,)).decode


def add_parser(subparsers: Subparsers) -> None:
    """The command and its own."""
    commands = group(subparsers, "users", "list, show, import, erase whom notifications reach")
    listing = command(commands, "list", "users, from the end of the alphabet")
    add_list(listing)
    listing.set_defaults(run=lambda args: run(_list(args)))
    showing = command(commands, "show", "a user's addresses and wishes")
    showing.add_argument("user", metavar="USER")
    showing.set_defaults(run=lambda args: run(_show(args)))
    importing = command(commands, "import", "users of a file, a JSON object a line; exit status 1 if some are refused")
    importing.add_argument("file", type=readable, metavar="FILE.jsonl")
    importing.formatter_class, importing.epilog = RawDescriptionHelpFormatter, FORMAT
    importing.set_defaults(run=_import)
    erase = command(commands, "erase", "nothing personal is left: addresses, wishes, events' data, inbox")
    erase.add_argument("user", metavar="USER")
    erase.set_defaults(run=_erase)
    for parser in (importing, erase):
        add_owner(parser)


def _import(args: Namespace) -> int:
    counts = Counts()
    with open(args.file, "rb") as file:
        again = "import again, who is taken twice stays as he is"
        run(take_all(args, _lines(file), _user, counts, "users", again, creates=composes(args)))
    tell(counts, args.json)
    return int(counts.refused > 0)


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Those that are not empty; of one that is too long, its beginning and then what follows as lines of their own."""
    number = 0
    while line := file.readline(LINE_BYTES_MAX):
        number += 1
        if line.strip():
            yield number, line


def _user(_: int, line: bytes) -> SetUser:
    try:
        return msgspec.json.decode(line, type=SetUser)
    except (ValueError, RecursionError) as error:
        begins = line[:LINE_CHARACTERS_SHOWN].decode(errors="replace").strip()
        raise InvalidInput("line", shown(begins), f"a user as a JSON object: {shown(str(error))}") from error


async def _list(args: Namespace) -> int:
    async with files_of(args.dir) as files:
        found = await read_list(
            files, "notifications", _decode, args.limit, args.before, prefix=user_key(""), bare=True
        )
    show_list([UserView.of(user) for user in found], COLUMNS, args.json)
    return 0


async def _show(args: Namespace) -> int:
    async with files_of(args.dir) as files:
        user = await read_entity(files, "notifications", args.user, _decode, prefix=user_key(""))
    if user is None:
        raise UnknownUser(args.user)
    show(UserView.of(user), args.json)
    return 0


def _erase(args: Namespace) -> int:
    do(args, EraseUser(user_id=args.user))
    return 0
