"""`sagamore notify`: an event for one user; what it shares with a broadcast."""

from argparse import Namespace
from typing import Any

from sagamore.cli.output import complain, say
from sagamore.cli.parser import (
    Parser,
    Subparsers,
    add_data,
    add_key,
    add_owner,
    add_wait,
    aware_time,
    command,
    quantity,
)
from sagamore.cli.session import do
from sagamore.notification_operations import PublishEvent

UNDER_WAY = "not all has ended yet: it goes on while the shop runs; look again with `sagamore notifications show`"


def add_parser(subparsers: Subparsers) -> None:
    """The command."""
    parser = command(subparsers, "notify", "tell a user; exit status 1 if a delivery failed")
    parser.add_argument("event_type", metavar="EVENT_TYPE", help="as ORDER_SHIPPED")
    parser.add_argument("--user", required=True, help="whom to tell")
    add_event(parser, "until all deliveries have ended")
    parser.set_defaults(run=_notify)


def add_event(parser: Parser, until: str) -> None:
    """All of an event but its type and whom it is for."""
    parser.add_argument(
        "--channel", default=[], action="append", help="may be repeated; by default those of the event's type"
    )
    add_data(parser)
    parser.add_argument("--event-version", type=quantity, default=1, metavar="N", help="of the data; by default 1")
    parser.add_argument("--dedupe", default="", metavar="KEY", help="told once a day under it, whoever asks")
    parser.add_argument("--send-at", type=aware_time, metavar="TIME", help="as 2026-01-31T12:00:00Z")
    parser.add_argument("--expires-at", type=aware_time, metavar="TIME", help="not sent any more then")
    add_wait(parser, f"{until}, 0 to 60; by default 0, or 10 if this command runs the shop")
    add_key(parser)
    add_owner(parser)


def event_of(args: Namespace) -> dict[str, Any]:
    """What `add_event` added, as an operation has it."""
    return {
        "event_type": args.event_type, "channels": tuple(args.channel), "version": args.event_version,
        "data": args.data, "dedupe_key": args.dedupe, "send_at": args.send_at, "expires_at": args.expires_at,
        "idempotency_key": args.key,
    }  # fmt: skip


def _notify(args: Namespace) -> int:
    told = do(args, PublishEvent(user_id=args.user, **event_of(args)), settles=args.send_at is None)
    dead = [each for each in told.deliveries if each.status == "DEAD"]
    for each in dead:
        complain(f"{each.channel} failed: {each.reason}")
    if not args.json and told.status == "ACTIVE":
        say(UNDER_WAY)
    return int(bool(dead))
