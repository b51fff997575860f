"""`sagamore notifications`: list, show, cancel."""

from argparse import Namespace
from typing import get_args

from sagamore.actors.notifications.errors import UnknownNotification
from sagamore.actors.notifications.notification import Notification, Status
from sagamore.actors.text import check_text
from sagamore.cli.output import show, show_list
from sagamore.cli.parser import Subparsers, add_list, add_owner, command, group
from sagamore.cli.reading import files_of, read_entity, read_list
from sagamore.cli.run import run
from sagamore.cli.session import do
from sagamore.engine.message import Codec
from sagamore.notification_operations import CancelNotification
from sagamore.notification_views import NotificationView

COLUMNS = {
    "id": "NOTIFICATION", "event_type": "EVENT", "user_id": "USER", "status": "STATUS", "told": "TOLD",
    "created_at": "CREATED", "order_id": "ORDER", "why": "WHY",
}  # fmt: skip
_decode = Codec((Notification,)).decode


def add_parser(subparsers: Subparsers) -> None:
    """The command and its own."""
    commands = group(subparsers, "notifications", "list, show, cancel")
    listing = command(commands, "list", "notifications, newest first")
    chosen = listing.add_mutually_exclusive_group()
    chosen.add_argument("--user", help="only this user's")
    chosen.add_argument("--status", choices=get_args(Status), help="only these")
    add_list(listing)
    listing.set_defaults(run=lambda args: run(_list(args)))
    showing = command(commands, "show", "one notification with its deliveries")
    showing.add_argument("notification", metavar="NOTIFICATION")
    showing.set_defaults(run=lambda args: run(_show(args)))
    cancel = command(commands, "cancel", "whatever of it has not been sent")
    cancel.add_argument("notification", metavar="NOTIFICATION")
    add_owner(cancel)
    cancel.set_defaults(run=_cancel)


async def _list(args: Namespace) -> int:
    wanted = (("user_id", args.user), ("status", args.status))
    field, value = next(((field, value) for field, value in wanted if value is not None), ("", ""))
    async with files_of(args.dir) as files:
        found = await read_list(
            files, "notifications", _decode, args.limit, args.before, prefix="ntf_", field=field, value=value
        )
    show_list([NotificationView.of(notification) for notification in found], COLUMNS, args.json)
    return 0


async def _show(args: Namespace) -> int:
    async with files_of(args.dir) as files:
        known = check_text("id", args.notification).startswith("ntf_")
        found = await read_entity(files, "notifications", args.notification, _decode) if known else None
    if found is None:
        raise UnknownNotification(args.notification)
    show(NotificationView.of(found), args.json)
    return 0


def _cancel(args: Namespace) -> int:
    do(args, CancelNotification(notification_id=args.notification))
    return 0
