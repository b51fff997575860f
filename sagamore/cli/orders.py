"""`sagamore orders`: list, show, place, cancel, refund, ship."""

from argparse import Namespace
from typing import get_args

from sagamore.actors.money import Money
from sagamore.actors.orders.errors import UnknownOrder
from sagamore.actors.orders.order import Order, Status
from sagamore.cli.output import complain, say, show, show_list
from sagamore.cli.parser import (
    Subparsers,
    add_key,
    add_list,
    add_owner,
    add_wait,
    aware_time,
    command,
    group,
    parts,
    whole,
)
from sagamore.cli.reading import files_of, read_entity, read_list
from sagamore.cli.run import run
from sagamore.cli.session import WAIT_S, do
from sagamore.engine.ids import is_id
from sagamore.engine.message import Codec
from sagamore.files import Files
from sagamore.operation import Operation
from sagamore.order_operations import CancelOrder, PlaceOrder, RefundOrder, ShipOrder
from sagamore.views import ChargeView, LineView, MoneyView, OrderView

COLUMNS = {
    "id": "ORDER", "status": "STATUS", "payment": "PAYMENT", "amount": "AMOUNT", "user_id": "USER",
    "reference": "REFERENCE", "created_at": "CREATED", "fulfilment": "FULFILMENT", "reason": "REASON",
}  # fmt: skip
UNSETTLED = (
    "not settled yet: the provider has not answered; it goes on while the shop runs; look again with"
    " `sagamore orders show`"
)
ACCEPTED = (
    "not settled yet: the provider has accepted it, the bank takes its days; look again with `sagamore orders show`"
)
STUCK = (
    "the order is cancelled, but its payment is STUCK: what was taken cannot be given back; `sagamore alerts` says why"
    " and what to do"
)
_decode = Codec((Order,)).decode


def add_parser(subparsers: Subparsers) -> None:
    """The command and its own."""
    commands = group(subparsers, "orders", "list, show, place, cancel, refund, ship")
    _add_reading(commands)
    place = command(commands, "place", "place an order")
    place.add_argument("--user", required=True, help="whose order it is")
    place.add_argument("--line", required=True, action="append", metavar="PRODUCT:QTY:PRICE", help="may be repeated")
    place.add_argument("--charge", default=[], action="append", metavar="KIND:AMOUNT", help="signed; may be repeated")
    place.add_argument("--currency", required=True, help="ISO 4217, as GBP")
    place.add_argument("--method", default="", help="the provider's token; without one the customer pays later")
    place.add_argument("--reference", default="", help="your own order number")
    place.add_argument("--pay-by", type=aware_time, metavar="TIME", help="as 2026-01-31T12:00:00Z")
    cancel = command(commands, "cancel", "cancel an order and undo all of it")
    cancel.add_argument("order", metavar="ORDER")
    cancel.add_argument("--by", default="", help="the operator, if it was not the customer's wish")
    refund = command(commands, "refund", "give part of the money back; the goods stay")
    refund.add_argument("order", metavar="ORDER")
    refund.add_argument("amount", metavar="AMOUNT", help="as 12.50")
    refund.add_argument("--currency", default="", help="by default the order's")
    refund.add_argument("--reason", required=True)
    ship = command(commands, "ship", "all that was ordered leaves")
    ship.add_argument("order", metavar="ORDER")
    ship.add_argument("--tracking", default="", help="the carrier's number")
    for parser in (place, cancel):
        add_wait(
            parser,
            "until nothing of the order is under way, 0 to 60; by default 0, or 10 if this command runs the shop",
        )
    add_wait(refund, "until the provider has answered, 0 to 60; by default 10, or 0 where payments wait")
    for parser, action in ((place, _place), (cancel, _cancel), (refund, _refund), (ship, _ship)):
        add_key(parser)
        add_owner(parser)
        parser.set_defaults(run=action)


def _add_reading(commands: Subparsers) -> None:
    listing = command(commands, "list", "orders, newest first")
    chosen = listing.add_mutually_exclusive_group()
    chosen.add_argument("--user", help="only this user's")
    chosen.add_argument("--status", choices=get_args(Status), help="only these")
    chosen.add_argument("--reference", help="only those with this order number")
    add_list(listing)
    listing.set_defaults(run=lambda args: run(_list(args)))
    showing = command(commands, "show", "one order")
    showing.add_argument("order", metavar="ORDER", help="its id, or your own order number (the newest that has it)")
    showing.set_defaults(run=lambda args: run(_show(args)))


async def _list(args: Namespace) -> int:
    wanted = (("user_id", args.user), ("status", args.status), ("reference", args.reference))
    field, value = next(((field, value) for field, value in wanted if value is not None), ("", ""))
    async with files_of(args.dir) as files:
        found = await read_list(
            files, "orders", _decode, args.limit, args.before, prefix="ord_", field=field, value=value
        )
    show_list([OrderView.of(order) for order in found], COLUMNS, args.json)
    return 0


async def newest_with_reference(files: Files, reference: str) -> Order | None:
    """The newest order with the host's own number. Raises InvalidInput."""
    newest = await read_list(files, "orders", _decode, 1, "", prefix="ord_", field="reference", value=reference)
    return newest[0] if newest else None


async def _show(args: Namespace) -> int:
    async with files_of(args.dir) as files:
        if is_id(args.order, "ord"):
            order = await read_entity(files, "orders", args.order, _decode)
        else:
            order = await newest_with_reference(files, args.order)
    if order is None:
        raise UnknownOrder(args.order, "order with the id or reference")
    show(OrderView.of(order), args.json)
    return 0


def _place(args: Namespace) -> int:
    lines, charges = [], []
    for line in args.line:
        product, quantity, price = parts(line, 3, "PRODUCT:QTY:PRICE, as MUG:2:12.50")
        lines.append(LineView(product, whole("quantity", quantity), _money(price, args.currency)))
    for charge in args.charge:
        kind, amount = parts(charge, 2, "KIND:AMOUNT, as shipping:3.00")
        charges.append(ChargeView(kind, _money(amount, args.currency)))
    _do(args, PlaceOrder(
        user_id=args.user, lines=tuple(lines), charges=tuple(charges), payment_method=args.method,
        reference=args.reference, pay_by=args.pay_by, idempotency_key=args.key,
    ))  # fmt: skip
    return 0


def _cancel(args: Namespace) -> int:
    order = _do(args, CancelOrder(order_id=args.order, by=args.by, idempotency_key=args.key))
    if order.settlement == "STUCK":
        complain(STUCK)
        return 1
    return 0


def _refund(args: Namespace) -> int:
    refund = do(args, RefundOrder(
        order_id=args.order, amount=args.amount, currency=args.currency, reason=args.reason, idempotency_key=args.key,
    ), remote_wait_s=WAIT_S)  # fmt: skip
    if refund.status in ("REFUSED", "FAILED_LATER"):
        complain(f"the refund was refused: {refund.refusal}")
        return 1
    if not args.json and refund.status in ("REQUESTED", "PENDING"):
        say(UNSETTLED if refund.status == "REQUESTED" else ACCEPTED)
    return 0


def _ship(args: Namespace) -> int:
    _do(args, ShipOrder(order_id=args.order, tracking=args.tracking, idempotency_key=args.key))
    return 0


def _money(amount: str, currency: str) -> MoneyView:
    money = Money(amount, currency)
    return MoneyView(money.amount, money.currency)


def _do(args: Namespace, operation: Operation) -> OrderView:
    order: OrderView = do(args, operation)
    if not args.json and order.status == "PENDING":
        say("not done yet: it goes on while the shop runs; look again with `sagamore orders show`")
    return order
