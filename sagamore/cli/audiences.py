"""`sagamore audiences`: list, show, add, remove, broadcast. Files of users have an id a line; who is in an audience
already, or not, may be named again."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from sagamore.actors.notifications.audiences import MEMBERS_A_MESSAGE_MAX, Audience, audience_key
from sagamore.actors.notifications.errors import UnknownAudience
from sagamore.actors.text import check_text
from sagamore.cli.notify import add_event, event_of
from sagamore.cli.output import say, show, show_list
from sagamore.cli.parser import Subparsers, add_list, add_owner, command, group, readable
from sagamore.cli.progress import shown
from sagamore.cli.reading import files_of, read_entity, read_list
from sagamore.cli.run import run
from sagamore.cli.session import composes, do, session
from sagamore.engine.message import Codec
from sagamore.notification_operations import StartBroadcast, Subscribe, Unsubscribe
from sagamore.notification_views import AudienceView

COLUMNS = {"name": "AUDIENCE", "members": "MEMBERS"}
RUNNING = "not all are told yet: it goes on, page by page, while the shop runs"
_decode = Codec((Audience,)).decode


def add_parser(subparsers: Subparsers) -> None:
    """The command and its own."""
    commands = group(subparsers, "audiences", "list, show, add, remove who is told together; broadcast")
    listing = command(commands, "list", "audiences, from the end of the alphabet")
    add_list(listing)
    listing.set_defaults(run=lambda args: run(_list(args)))
    showing = command(commands, "show", "how many are in one")
    showing.set_defaults(run=lambda args: run(_show(args)))
    adding = command(commands, "add", "users join; makes an audience")
    adding.set_defaults(run=lambda args: run(_change(args, Subscribe)))
    removing = command(commands, "remove", "users leave")
    removing.set_defaults(run=lambda args: run(_change(args, Unsubscribe)))
    broadcast = command(commands, "broadcast", "tell everybody in one, behind whatever is told to single users")
    broadcast.set_defaults(run=_broadcast)
    for parser in (showing, adding, removing, broadcast):
        parser.add_argument("audience", metavar="NAME")
    for parser in (adding, removing):
        parser.add_argument("file", type=readable, metavar="USERS-FILE", help="a user's id a line")
        add_owner(parser)
    broadcast.add_argument("event_type", metavar="EVENT_TYPE")
    add_event(broadcast, "until everybody's event is on its way")


async def _list(args: Namespace) -> int:
    async with files_of(args.dir) as files:
        found = await read_list(
            files, "audiences", _decode, args.limit, args.before, prefix=audience_key(""), bare=True
        )
    show_list([AudienceView.of(audience) for audience in found], COLUMNS, args.json)
    return 0


async def _show(args: Namespace) -> int:
    async with files_of(args.dir) as files:
        found = await read_entity(files, "audiences", args.audience, _decode, prefix=audience_key(""))
    if found is None:
        raise UnknownAudience(args.audience)
    show(AudienceView.of(found), args.json)
    return 0


async def _change(args: Namespace, operation: type[Subscribe] | type[Unsubscribe]) -> int:
    named, audience = 0, AudienceView(name=args.audience, members=0)
    async with session(args, creates=composes(args)) as (doer,), shown(lambda: f"{named:,} users"):
        for users in _chunks(args.file):
            audience = await doer.ask(operation(audience=args.audience, users=users))
            named += len(users)
    show(audience, args.json)
    return 0


def _chunks(path: Path) -> Iterator[tuple[str, ...]]:
    """At least one, so that an audience of nobody can be made. Raises InvalidInput that names the line."""
    users: list[str] = []
    first = True
    with open(path, encoding="utf-8-sig", errors="surrogateescape") as file:
        for number, line in enumerate(file, 1):
            if user := line.strip():
                users.append(check_text(f"{path}:{number}", user))
            if len(users) == MEMBERS_A_MESSAGE_MAX:
                yield tuple(users)
                users, first = [], False
    if users or first:
        yield tuple(users)


def _broadcast(args: Namespace) -> int:
    answer = do(args, StartBroadcast(audience=args.audience, **event_of(args)), settles=True)
    if not args.json and answer.status == "RUNNING":
        say(RUNNING)
    return int(answer.status == "FAILED")
