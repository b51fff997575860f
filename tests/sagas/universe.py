"""A world and its parts: how it begins, what a delivery does to it, what is wrong with it."""

from collections.abc import Callable
from typing import Any

from sagamore.actors.orders.stock_messages import SetStock
from sagamore.engine.effect import EffectOutcome
from sagamore.engine.message import Message
from tests.protocol.explore import Step, Violation
from tests.sagas import truth as bank
from tests.sagas.promises import broken_always, broken_at_rest
from tests.sagas.shell import Shell
from tests.sagas.truth import Truth
from tests.sagas.world import ORDER, Bag, Flight, Numbers, OrderSide, PaymentSide, Sending, Setup, StockSide, World

BUDGET = {
    "total": 0, "cancel": 1, "pay": 2, "time": 1, "lost": 2, "decline": 1, "action": 1, "refund 1": 1, "refund 2": 1,
    "undo refused": 1, "refund failed late": 1, "ship": 1, "lapse": 1, "replay": 2, "late money": 1, "park": 1,
    "resolve": 1, "event": 1, "sold out": 1,
}  # fmt: skip
PLACES = {name: n for n, name in enumerate(BUDGET)}


class Universe:
    """All worlds of one setup; `disturbances` is how much may go wrong in one of them."""

    def __init__(self, setup: Setup, disturbances: int) -> None:
        self.setup, self.disturbances = setup, disturbances
        self.numbers = Numbers()
        self.shell = Shell(setup, self.numbers)
        self._labels: dict[int, str] = {}
        self._broken: dict[tuple[int, int, tuple[int, ...], int], str] = {}
        self._calls: dict[tuple[int, Flight], tuple[tuple[str, str, int, int], ...]] = {}

    def initial(self) -> World:
        """An order that has just been placed."""
        placed, of = self.shell.place(), self.numbers.of
        budget = tuple((BUDGET | {"total": self.disturbances}).values())
        bag = tuple(sorted(placed.sent))
        return World(placed.side, of(PaymentSide()), self.shell.shelves(), of(Truth()), bag, budget)

    def judge(self, world: World) -> None:
        """Raises Violation if a world that is at rest is not as promised."""
        things = self.numbers.things
        stocks = tuple(things[n] for n in world.stocks)
        bag = [things[n] for n in world.bag]
        broken = broken_at_rest(
            self.setup, things[world.order], things[world.payment], stocks, things[world.truth], bag
        )
        if broken:
            raise Violation(f"at rest: {broken}")

    def step(self, label: str, to: World, fails: bool = False) -> Step:
        """The step to a world, which breaks if that breaks a promise."""
        broken = self._check(to)
        return Step(label, raiser(broken) if broken else to, fails)

    def _check(self, world: World) -> str:
        key = world[:4]
        broken = self._broken.get(key)
        if broken is None:
            things = self.numbers.things
            stocks = tuple(things[n] for n in world.stocks)
            order: OrderSide = things[world.order]
            assert order.order is not None
            broken = broken_always(order.order, things[world.payment], stocks, things[world.truth])
            self._broken[key] = broken
        return broken

    def taken(self, world: World, sending: int) -> World | None:
        """The world after a delivery; None if the message is refused or has to wait."""
        target: Sending = self.numbers.things[sending]
        match target.kind:
            case "orders":
                taken = self.shell.take(world.order, sending)
                after = taken and world._replace(order=taken.side)
            case "payments":
                taken = self.shell.take(world.payment, sending)
                after = taken and world._replace(payment=taken.side)
            case _:
                taken = self.shell.take(world.stocks[target.partition], sending)
                after = taken and shelved(world, target.partition, taken.side)
        return self.posted(after, taken.sent) if taken and after else None

    def posted(self, world: World, sent: tuple[int, ...]) -> World:
        """The world with more messages under way."""
        bag: Bag = tuple(sorted((*world.bag, *sent))) if sent else world.bag
        order, payment, bag = self.numbers.plain(world.order, world.payment, bag)
        return world._replace(order=order, payment=payment, bag=bag)

    def flown(self, world: World, payment: PaymentSide, flight: Flight, to: Flight | None) -> World:
        """The world with a flight changed, or ended."""
        flights = tuple(to if f is flight else f for f in payment.flights if f is not flight or to is not None)
        return world._replace(payment=self.numbers.of(payment._replace(flights=flights)))  # type: ignore[arg-type]

    def called(self, truth: int, flight: Flight) -> tuple[tuple[str, str, int, int], ...]:
        """All ways in which the provider may take the call: choice, cost, the truth then and the outcome."""
        key = (truth, flight)
        if key not in self._calls:
            self._calls[key] = tuple(
                (choice, cost, self.numbers.of(to), self.outcome(flight, verdict, answer))
                for choice, cost, to, verdict, answer in bank.called(self.numbers.things[truth], flight.effect)
            )
        return self._calls[key]

    def outcome(self, flight: Flight, verdict: Any, answer: str = "") -> int:
        """What the engine tells payments of an effect."""
        effect = flight.effect
        return self.message_to("payments", EffectOutcome(effect.id, ORDER, effect.operation, verdict, answer))

    def sold_out(self, world: World, partition: int) -> World | None:
        """Somebody else has bought the last product of a partition."""
        side: StockSide = self.numbers.things[world.stocks[partition]]
        if side.hold is not None:
            return None
        empty = self.message_to("inventory", SetStock(side.stocks[-1].product_id, 0, 1, "sold"))
        taken = self.shell.take(world.stocks[partition], empty)
        return taken and shelved(world, partition, taken.side)

    def message_to(self, kind: str, message: Message) -> int:
        """The number of a message to partition 0 of a kind."""
        return self.numbers.of(Sending(kind, 0, message))


def shelved(world: World, partition: int, side: int) -> World:
    """The world with other stock in a partition."""
    stocks = (*world.stocks[:partition], side, *world.stocks[partition + 1 :])
    return world._replace(stocks=stocks)


def spent(world: World, cost: str) -> tuple[int, ...] | None:
    """The budget after a disturbance; None if it is used up."""
    if not cost:
        return world.budget
    place = PLACES[cost]
    if not world.budget[place] or (not world.budget[0] and cost != "pay"):
        return None
    budget = list(world.budget)
    budget[place] -= 1
    budget[0] -= cost != "pay"
    return tuple(budget)


def raiser(broken: str) -> Callable[[], World]:
    """A way into a world that must not be."""

    def to() -> World:
        raise Violation(broken)

    return to
