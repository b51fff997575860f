"""A world of the saga model: one order, its payment, its stock, the provider's truth and the messages under way.

    order ── bag ── payment ── flights ── truth          every arrow delivers in any order
       └──── bag ── stock of partition 0, 1

Each side is what one partition of the engine keeps for this order. A side, a message and a truth are numbered when they
are first seen; a world is a tuple of such numbers, so that it is small, and equal where nothing that matters differs.
"""

from typing import Any, NamedTuple

from msgspec.structs import replace

from sagamore.actors.orders.hold import Hold
from sagamore.actors.orders.order import Order
from sagamore.actors.orders.payment import Payment
from sagamore.actors.orders.payment_messages import Capture, PaymentReport, PollPayment
from sagamore.actors.orders.settings import SagaName
from sagamore.actors.orders.stock import Stock
from sagamore.engine.message import Message
from sagamore.engine.testing import NOON_MS
from sagamore.engine.turn import EffectStarted

ORDER = "ord_" + "0" * 32
AMOUNT = 2
PRODUCTS = ("MUG", "PLATE")
"""With two inventory partitions the mug lives in the first and the plate in the second."""
PAY_BY_MS = NOON_MS + 60_000
LATE_MS = NOON_MS + 7 * 24 * 3_600_000  # after every deadline


class Setup(NamedTuple):
    """What an exploration begins with."""

    saga: SagaName
    capture: Capture
    later: bool
    partitions: int

    def __str__(self) -> str:
        return f"{self.saga}, {self.capture}, pay {'later' if self.later else 'now'}, {self.partitions} partition(s)"


class OrderSide(NamedTuple):
    """`armed`: the deadline is set; `late`: it lies in the past."""

    order: Order | None
    armed: bool = False
    late: bool = False


class Flight(NamedTuple):
    """An effect that has no verdict yet. `tried`: an attempt may have reached the provider."""

    effect: EffectStarted
    tried: bool = False
    withdrawn: bool = False
    parked: bool = False


class PaymentSide(NamedTuple):
    """`letters` are dead letters; `serial` counts effects, so that each has an id of its own."""

    payment: Payment | None = None
    flights: tuple[Flight, ...] = ()
    timers: tuple[tuple[str, Message], ...] = ()
    letters: tuple[Message, ...] = ()
    serial: int = 0


class StockSide(NamedTuple):
    """What one inventory partition holds, and its products."""

    hold: Hold | None
    stocks: tuple[Stock, ...]


class Sending(NamedTuple):
    """A message under way to `kind`; `partition` tells inventories apart."""

    kind: str
    partition: int
    message: Message


Bag = tuple[int, ...]


class World(NamedTuple):
    """Numbers of sides, of the provider's truth and of messages (sorted: a bag has no order); `budget` is what may
    still go wrong."""

    order: int
    payment: int
    stocks: tuple[int, ...]
    truth: int
    bag: Bag
    budget: tuple[int, ...]


def plain_order(side: OrderSide) -> OrderSide:
    """Without what only counts or dates."""
    order = side.order
    assert order is not None
    shipped_at_ms = NOON_MS if order.shipped_at_ms else 0
    return side._replace(order=replace(order, version=0, updated_at_ms=NOON_MS, shipped_at_ms=shipped_at_ms))


def plain_payment(side: PaymentSide) -> PaymentSide:
    """How often was asked does not matter, but that the timer under way is the last one set."""
    if side.payment is None or not side.payment.polls:
        return side
    polls = 1 if "poll" in dict(side.timers) else 0
    timers = tuple(
        (name, replace(message, polls=polls) if isinstance(message, PollPayment) else message)
        for name, message in side.timers
    )
    return side._replace(payment=replace(side.payment, polls=polls), timers=timers)


class Numbers:
    """Gives things their numbers. Revisions of payment reports are made small: only their order matters."""

    def __init__(self) -> None:
        self.things: list[Any] = []
        self.revisions: list[int | None] = []
        self._numbers: dict[Any, int] = {}
        self._revised: dict[tuple[int, int], int] = {}

    def of(self, thing: Any) -> int:
        """The number of a thing, always the same."""
        number = self._numbers.get(thing)
        if number is None:
            number = self._numbers[thing] = len(self.things)
            self.things.append(thing)
            self.revisions.append(_revision(thing))
        return number

    def plain(self, order: int, payment: int, bag: Bag) -> tuple[int, int, Bag]:
        """The same with revisions 0, 1, 2 … as far as any is still known."""
        of = self.revisions
        known = {of[order], of[payment], *[r for m in bag if (r := of[m]) is not None]}
        if max(known) == len(known) - 1:  # type: ignore[type-var]
            return order, payment, bag
        rank = {revision: n for n, revision in enumerate(sorted(known))}  # type: ignore[type-var]
        plain = tuple(sorted(m if of[m] is None else self._revise(m, rank[of[m]]) for m in bag))
        return self._revise(order, rank[of[order]]), self._revise(payment, rank[of[payment]]), plain

    def _revise(self, number: int, revision: int) -> int:
        revised = self._revised.get((number, revision))
        if revised is None:
            revised = self._revised[number, revision] = self.of(_revised(self.things[number], revision))
        return revised


def _revision(thing: Any) -> int | None:
    match thing:
        case OrderSide(order=Order() as order):
            return order.snapshot.revision
        case PaymentSide(payment=payment):
            return payment.revision if payment else 0
        case Sending(message=PaymentReport() as report):
            return report.revision
    return None


def _revised(thing: Any, revision: int) -> Any:
    match thing:
        case OrderSide(order=Order() as order):
            return thing._replace(order=replace(order, snapshot=replace(order.snapshot, revision=revision)))
        case PaymentSide(payment=Payment() as payment):
            return thing._replace(payment=replace(payment, revision=revision))
        case Sending(message=PaymentReport() as report):
            return thing._replace(message=replace(report, revision=revision))
    return thing
