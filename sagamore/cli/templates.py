"""`sagamore templates list|preview`: what notifications say, from folders of templates and the built-in ones; no shop
is opened."""

from argparse import Namespace

from sagamore.actors.notifications.channel import CannotSend
from sagamore.actors.notifications.order_events import order_event_types
from sagamore.actors.notifications.templates import Templates
from sagamore.cli.output import complain, printable, say, say_json, show_list
from sagamore.cli.parser import Parser, Subparsers, add_data, group, path

_COLUMNS = {"event_type": "EVENT", "channel": "CHANNEL", "locale": "LOCALE", "version": "VERSION"}


def add_parser(subparsers: Subparsers) -> None:
    """The commands."""
    commands = group(subparsers, "templates", "what notifications say")
    parser = _command(commands, "list", "the templates that there are, and their versions")
    parser.set_defaults(run=_list)
    parser = _command(commands, "preview", "the parts of a message as a user would get them")
    parser.add_argument("event_type", metavar="EVENT_TYPE", help="as ORDER_SHIPPED")
    parser.add_argument("--channel", required=True, help="as email")
    parser.add_argument("--locale", default="", help="the user's, as de-AT; by default English")
    parser.add_argument("--user", default="user", metavar="ID", help="whom it is for; by default `user`")
    add_data(parser)
    parser.set_defaults(run=_preview)


def _command(commands: Subparsers, name: str, about: str) -> Parser:
    parser = commands.add_parser(name, help=about, description=about)
    parser.add_argument(
        "--templates", action="append", default=[], type=path, metavar="FOLDER",
        help="a folder of templates, before the built-in ones; several, the most important first",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="JSON: one object, for lists one a line")
    return parser


def _list(args: Namespace) -> int:
    show_list(Templates(args.templates).views(), _COLUMNS, args.json)
    return 0


def _preview(args: Namespace) -> int:
    templates = Templates(args.templates)
    known = {event_type.name: event_type for event_type in order_event_types(())}.get(args.event_type)
    try:
        rendered = templates.preview(
            args.event_type, args.channel, args.locale, args.data, user_id=args.user, known=known
        )
    except CannotSend as error:
        complain(str(error))
        return 1
    if args.json:
        say_json({"parts": dict(rendered.parts), "version": rendered.version})
        return 0
    for n, (part, text) in enumerate(rendered.parts):
        if n:
            say()
        say(f"--- {part}")
        for line in text.split("\n"):
            say(printable(line))
    return 0
