"""What may happen in a world: the steps of the explorer.

A step that `fails` is a disturbance, paid from a budget of its own and from the total (but for the customer's wish to
pay): a lost answer, a refusal, a person's command, time passing. The others must by themselves lead to rest.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sagamore.actors.orders.messages import (
    CancelOrder,
    DeadlinePassed,
    PaymentEvent,
    PayOrder,
    RefundOrder,
    ReserveStock,
    ResolvePayment,
    SetStock,
    ShipOrder,
)
from sagamore.engine.effect import EffectOutcome
from sagamore.engine.message import Message
from tests.protocol.explore import Step, Violation
from tests.sagas import truth as bank
from tests.sagas.promises import broken_always, broken_at_rest
from tests.sagas.shell import Shell, Taken, label_of
from tests.sagas.truth import Truth
from tests.sagas.world import (
    AMOUNT,
    LATE_MS,
    ORDER,
    Bag,
    Flight,
    Numbers,
    OrderSide,
    PaymentSide,
    Sending,
    Setup,
    StockSide,
    World,
)

BUDGET = {
    "total": 0, "cancel": 1, "pay": 2, "time": 1, "lost": 2, "decline": 1, "action": 1, "refund 1": 1, "refund 2": 1,
    "undo refused": 1, "refund failed late": 1, "ship": 1, "lapse": 1, "replay": 2, "late money": 1, "park": 1,
    "resolve": 1, "event": 1, "sold out": 1,
}  # fmt: skip
PLACES = {name: n for n, name in enumerate(BUDGET)}
CLIENTS: tuple[tuple[str, Message], ...] = (
    ("cancel", CancelOrder(ORDER)),
    ("pay", PayOrder(ORDER, "pm_other")),
    ("refund 1", RefundOrder(ORDER, 1, "")),
    ("refund 2", RefundOrder(ORDER, 2, "")),
    ("ship", ShipOrder(ORDER)),
)
Budget = tuple[int, ...]


class Sagas:
    """The model for one setup; `disturbances` is how much may go wrong in one world."""

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

    def steps(self, world: World) -> Iterator[Step]:
        """Everything that may happen; last, what the provider or a handler must not do."""
        try:
            yield from self._steps(world)
        except Violation as broken:
            yield Step("and then", _raiser(str(broken)))

    def _steps(self, world: World) -> Iterator[Step]:
        yield from self._deliveries(world)
        payment: PaymentSide = self.numbers.things[world.payment]
        for flight in payment.flights:
            yield from self._effect(world, payment, flight)
        yield from self._timers(world, payment)
        yield from self._clients(world)
        yield from self._provider(world, payment)
        yield from self._people(world, payment)

    # --- the engine ---

    def _deliveries(self, world: World) -> Iterator[Step]:
        for number in dict.fromkeys(world.bag):
            bag = list(world.bag)
            bag.remove(number)
            rest = world._replace(bag=tuple(bag))
            sending: Sending = self.numbers.things[number]
            label = self._labels.get(number)
            if label is None:
                label = self._labels[number] = label_of(sending)
            following = self._taken(rest, number)
            if following is not None:
                yield self._step(label, following)
            if isinstance(sending.message, ReserveStock) and (budget := _spent(world, "sold out")):
                sold_out = self._sold_out(rest, sending.partition)
                following = sold_out and self._taken(sold_out._replace(budget=budget), number)
                if following:
                    yield self._step(f"{label}, sold out", following, fails=True)

    def _effect(self, world: World, payment: PaymentSide, flight: Flight) -> Iterator[Step]:
        what = flight.effect.operation
        if flight.parked:
            if budget := _spent(world, "replay"):
                again = self._flown(world, payment, flight, flight._replace(parked=False))
                yield self._step(f"a person replays the {what}", again._replace(budget=budget), fails=True)
            return
        landed = self._flown(world, payment, flight, None)
        calls = self._called(world.truth, flight)
        for choice, cost, truth, outcome in calls:
            if budget := _spent(world, cost):
                done = landed._replace(truth=truth, budget=budget)
                answered = self._taken(done, outcome) if what == "read" else self._with(done, (outcome,))
                if answered is not None:
                    yield self._step(f"the provider answers {what}: {choice}", answered, fails=bool(cost))
        if what == "read":
            return
        tried = self._flown(world, payment, flight, flight._replace(tried=True))
        if not flight.tried:
            tried = self._with(tried, (self._outcome(flight, "unknown"),))
            if flight.withdrawn:
                withdrawn = self._with(landed, (self._outcome(flight, "withdrawn"),))
                yield self._step(f"the {what} is withdrawn", withdrawn)
        if budget := _spent(world, "lost"):
            for choice, cost, truth, _ in (*calls, ("never came", "", world.truth, 0)):
                if (costs := _spent(world._replace(budget=budget), cost)) and (
                    not flight.tried or truth != world.truth
                ):
                    lost = tried._replace(truth=truth, budget=costs)
                    yield self._step(f"the answer to {what} is lost: {choice}", lost, fails=True)
        if flight.tried and (budget := _spent(world, "park")):
            parked = self._flown(world, payment, flight, flight._replace(parked=True))
            parked = self._with(parked, (self._outcome(flight, "parked"),))
            yield self._step(f"the {what} is parked", parked._replace(budget=budget), fails=True)

    def _timers(self, world: World, payment: PaymentSide) -> Iterator[Step]:
        order: OrderSide = self.numbers.things[world.order]
        if order.armed and order.late:
            fired = world._replace(order=self.numbers.of(order._replace(armed=False)))
            yield self._step("the deadline's timer fires", self._with(fired, (self._to("orders", DeadlinePassed(ORDER)),)))
        elif order.armed and (budget := _spent(world, "time")):
            late = self.numbers.of(order._replace(late=True))
            yield self._step("the deadline passes", world._replace(order=late, budget=budget), fails=True)
        truth: Truth = self.numbers.things[world.truth]
        for name, message in payment.timers:
            cost = "" if name == "poll" else "lapse"
            if name == "poll" and truth.undecided:
                continue  # nothing would be new
            if budget := _spent(world, cost):
                timers = tuple(timer for timer in payment.timers if timer[0] != name)
                fired = world._replace(payment=self.numbers.of(payment._replace(timers=timers)), budget=budget)
                following = self._taken(fired, self._to("payments", message))
                if following is not None:
                    yield self._step(f"the timer {name} fires", following, fails=bool(cost))

    # --- the world around ---

    def _clients(self, world: World) -> Iterator[Step]:
        for cost, message in CLIENTS:
            if budget := _spent(world, cost):
                following = self._taken(world._replace(budget=budget), self._to("orders", message))
                if following is not None and following.order != world.order:
                    yield self._step(f"the customer: {cost}", following, fails=True)

    def _provider(self, world: World, payment: PaymentSide) -> Iterator[Step]:
        truth: Truth = self.numbers.things[world.truth]

        def changed(label: str, to: Truth, *events: PaymentEvent, cost: str) -> Iterator[Step]:
            if budget := _spent(world, cost):
                following = world._replace(truth=self.numbers.of(to), budget=budget)
                numbers = tuple(self._to("payments", event) for event in events)
                yield self._step(label, self._with(following, numbers), fails=bool(cost))

        for provider_id in truth.undecided:
            for paid in (True, False):
                to = bank.decided(truth, provider_id, paid)
                status = next(deal[1] for deal in to.deals if deal[0] == provider_id)
                yield from changed(f"the customer or bank decides: {status}", to, cost="")
                event = _event(status, AMOUNT, provider_id)
                yield from changed(f"the provider tells: {status}", to, event, cost="event")
        for provider_id in truth.open:
            if provider_id not in truth.undecided:
                to = bank.with_status(truth, provider_id, "voided")
                yield from changed("the authorisation lapses", to, _event("lapsed", 0, provider_id), cost="lapse")
        for refund_id, amount in truth.refunds:
            if refund_id != bank.BY_HAND and truth.net + amount <= AMOUNT and not truth.open:  # one such fault at a time
                to, event = bank.without_refund(truth, refund_id), _event("refund_failed", amount, "", refund_id)
                yield from changed(f"a refund of {amount} fails late", to, event, cost="refund failed late")
        if payment.payment and payment.payment.state == "CLOSED" and not truth.net and not truth.open:
            for kind in ("captured", "authorised"):
                to = bank.with_late_money(truth, AMOUNT, kind == "authorised")
                yield from changed(f"{kind} after all", to, _event(kind, AMOUNT, bank.LATE), cost="late money")

    def _people(self, world: World, payment: PaymentSide) -> Iterator[Step]:
        if payment.letters and (budget := _spent(world, "replay")):
            letter, *rest = payment.letters
            side = self.numbers.of(payment._replace(letters=tuple(rest)))
            replayed = self._with(world._replace(payment=side, budget=budget), (self._to("payments", letter),))
            yield self._step("a person replays the dead letter", replayed, fails=True)
        paid = payment.payment
        if paid and (paid.parked or paid.state == "STUCK") and (budget := _spent(world, "resolve")):
            parked = paid.parked and next((f.effect for f in payment.flights if f.effect.id == paid.parked.id), None)
            to, outcome = bank.settled_by_hand(self.numbers.things[world.truth], parked)
            if outcome:
                resolve = ResolvePayment(ORDER, outcome, 0, f"px_{paid.attempt}", "ann")
                settled = world._replace(truth=self.numbers.of(to), budget=budget)
                following = self._taken(settled, self._to("payments", resolve))
                if following is not None:
                    yield self._step(f"a person resolves: {outcome}", following, fails=True)

    # --- helpers ---

    def _step(self, label: str, to: World, fails: bool = False) -> Step:
        broken = self._check(to)
        return Step(label, _raiser(broken) if broken else to, fails)

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

    def _taken(self, world: World, sending: int) -> World | None:
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
                after = taken and _shelved(world, target.partition, taken.side)
        return self._with(after, taken.sent) if taken and after else None

    def _with(self, world: World, sent: tuple[int, ...]) -> World:
        bag: Bag = tuple(sorted((*world.bag, *sent))) if sent else world.bag
        order, payment, bag = self.numbers.plain(world.order, world.payment, bag)
        return world._replace(order=order, payment=payment, bag=bag)

    def _flown(self, world: World, payment: PaymentSide, flight: Flight, to: Flight | None) -> World:
        flights = tuple(to if f is flight else f for f in payment.flights if f is not flight or to is not None)
        return world._replace(payment=self.numbers.of(payment._replace(flights=flights)))  # type: ignore[arg-type]

    def _called(self, truth: int, flight: Flight) -> tuple[tuple[str, str, int, int], ...]:
        key = (truth, flight)
        if key not in self._calls:
            self._calls[key] = tuple(
                (choice, cost, self.numbers.of(to), self._outcome(flight, verdict, answer))
                for choice, cost, to, verdict, answer in bank.called(self.numbers.things[truth], flight.effect)
            )
        return self._calls[key]

    def _outcome(self, flight: Flight, verdict: Any, answer: str = "") -> int:
        effect = flight.effect
        return self._to("payments", EffectOutcome(effect.id, ORDER, effect.operation, verdict, answer))

    def _sold_out(self, world: World, partition: int) -> World | None:
        """Somebody else has bought the last product of a partition."""
        side: StockSide = self.numbers.things[world.stocks[partition]]
        if side.hold is not None:
            return None
        empty = self._to("inventory", SetStock(side.stocks[-1].product_id, 0, 1, "sold"))
        taken: Taken | None = self.shell.take(world.stocks[partition], empty)
        return taken and _shelved(world, partition, taken.side)

    def _to(self, kind: str, message: Message) -> int:
        return self.numbers.of(Sending(kind, 0, message))


def _shelved(world: World, partition: int, side: int) -> World:
    stocks = (*world.stocks[:partition], side, *world.stocks[partition + 1 :])
    return world._replace(stocks=stocks)


def _spent(world: World, cost: str) -> Budget | None:
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


def _raiser(broken: str) -> Callable[[], World]:
    def to() -> World:
        raise Violation(broken)

    return to


def _event(kind: Any, amount: int, provider_id: str, refund_id: str = "") -> PaymentEvent:
    number = provider_id.removeprefix("px_")
    attempt = int(number) if number.isdecimal() else 0
    return PaymentEvent(ORDER, f"evt_{kind}_{provider_id}{refund_id}", kind, amount, refund_id, provider_id, attempt)
