"""What may happen in a world: the steps of the explorer.

A step that `fails` is a disturbance, paid from a budget of its own and from the total (but for the customer's wish to
pay): a lost answer, a refusal, a person's command, time passing. The others must by themselves lead to rest.
"""

from collections.abc import Iterator
from typing import Any

from sagamore.actors.orders.order_messages import CancelOrder, DeadlinePassed, PayOrder, RefundOrder, ShipOrder
from sagamore.actors.orders.payment_messages import PaymentEvent, ResolvePayment
from sagamore.actors.orders.stock_messages import ReserveStock
from sagamore.engine.message import Message
from tests.protocol.explore import Step, Violation
from tests.sagas import truth as bank
from tests.sagas.shell import label_of
from tests.sagas.truth import Truth
from tests.sagas.universe import Universe, raiser, spent
from tests.sagas.world import AMOUNT, ORDER, Flight, OrderSide, PaymentSide, Sending, World

CLIENTS: tuple[tuple[str, Message], ...] = (
    ("cancel", CancelOrder(ORDER)),
    ("pay", PayOrder(ORDER, "pm_other")),
    ("refund 1", RefundOrder(ORDER, 1, "")),
    ("refund 2", RefundOrder(ORDER, 2, "")),
    ("ship", ShipOrder(ORDER)),
)


class Sagas(Universe):
    """The model that the explorer walks."""

    def steps(self, world: World) -> Iterator[Step]:
        """Everything that may happen; last, what the provider or a handler must not do."""
        try:
            yield from self._steps(world)
        except Violation as broken:
            yield Step("and then", raiser(str(broken)))

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
            following = self.taken(rest, number)
            if following is not None:
                yield self.step(label, following)
            if isinstance(sending.message, ReserveStock) and (budget := spent(world, "sold out")):
                sold_out = self.sold_out(rest, sending.partition)
                following = sold_out and self.taken(sold_out._replace(budget=budget), number)
                if following:
                    yield self.step(f"{label}, sold out", following, fails=True)

    def _effect(self, world: World, payment: PaymentSide, flight: Flight) -> Iterator[Step]:
        what = flight.effect.operation
        if flight.parked:
            if budget := spent(world, "replay"):
                again = self.flown(world, payment, flight, flight._replace(parked=False))
                heard = self.taken(again._replace(budget=budget), self.outcome(flight, "retried"))
                if heard is not None:
                    yield self.step(f"a person replays the {what}", heard, fails=True)
            return
        landed = self.flown(world, payment, flight, None)
        calls = self.called(world.truth, flight)
        for choice, cost, truth, outcome in calls:
            if budget := spent(world, cost):
                done = landed._replace(truth=truth, budget=budget)
                answered = self.taken(done, outcome) if what == "read" else self.posted(done, (outcome,))
                if answered is not None:
                    yield self.step(f"the provider answers {what}: {choice}", answered, fails=bool(cost))
        if what == "read":
            return
        tried = self.flown(world, payment, flight, flight._replace(tried=True))
        if not flight.tried:
            tried = self.posted(tried, (self.outcome(flight, "unknown"),))
            if flight.withdrawn:
                withdrawn = self.posted(landed, (self.outcome(flight, "withdrawn"),))
                yield self.step(f"the {what} is withdrawn", withdrawn)
        if budget := spent(world, "lost"):
            for choice, cost, truth, _ in (*calls, ("never came", "", world.truth, 0)):
                if (costs := spent(world._replace(budget=budget), cost)) and (not flight.tried or truth != world.truth):
                    lost = tried._replace(truth=truth, budget=costs)
                    yield self.step(f"the answer to {what} is lost: {choice}", lost, fails=True)
        if flight.tried and (budget := spent(world, "park")):
            parked = self.flown(world, payment, flight, flight._replace(parked=True))
            parked = self.posted(parked, (self.outcome(flight, "parked"),))
            yield self.step(f"the {what} is parked", parked._replace(budget=budget), fails=True)

    def _timers(self, world: World, payment: PaymentSide) -> Iterator[Step]:
        order: OrderSide = self.numbers.things[world.order]
        if order.armed and order.late:
            fired = world._replace(order=self.numbers.of(order._replace(armed=False)))
            yield self.step(
                "the deadline's timer fires", self.posted(fired, (self.message_to("orders", DeadlinePassed(ORDER)),))
            )
        elif order.armed and (budget := spent(world, "time")):
            late = self.numbers.of(order._replace(late=True))
            yield self.step("the deadline passes", world._replace(order=late, budget=budget), fails=True)
        truth: Truth = self.numbers.things[world.truth]
        for name, message in payment.timers:
            cost = "" if name == "poll" else "lapse"
            if name == "poll" and truth.undecided:
                continue  # nothing would be new
            if budget := spent(world, cost):
                timers = tuple(timer for timer in payment.timers if timer[0] != name)
                fired = world._replace(payment=self.numbers.of(payment._replace(timers=timers)), budget=budget)
                following = self.taken(fired, self.message_to("payments", message))
                if following is not None:
                    yield self.step(f"the timer {name} fires", following, fails=bool(cost))

    # --- the world around ---

    def _clients(self, world: World) -> Iterator[Step]:
        for cost, message in CLIENTS:
            if budget := spent(world, cost):
                following = self.taken(world._replace(budget=budget), self.message_to("orders", message))
                if following is not None and following.order != world.order:
                    yield self.step(f"the customer: {cost}", following, fails=True)

    def _provider(self, world: World, payment: PaymentSide) -> Iterator[Step]:
        truth: Truth = self.numbers.things[world.truth]

        def changed(label: str, to: Truth, *events: PaymentEvent, cost: str) -> Iterator[Step]:
            if budget := spent(world, cost):
                following = world._replace(truth=self.numbers.of(to), budget=budget)
                numbers = tuple(self.message_to("payments", event) for event in events)
                yield self.step(label, self.posted(following, numbers), fails=bool(cost))

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
            if (
                refund_id != bank.BY_HAND and truth.net + amount <= AMOUNT and not truth.open
            ):  # one such fault at a time
                to, event = bank.without_refund(truth, refund_id), _event("refund_failed", amount, "", refund_id)
                yield from changed(f"a refund of {amount} fails late", to, event, cost="refund failed late")
        if payment.payment and payment.payment.state == "CLOSED" and not truth.net and not truth.open:
            for kind in ("captured", "authorised"):
                to = bank.with_late_money(truth, AMOUNT, kind == "authorised")
                yield from changed(f"{kind} after all", to, _event(kind, AMOUNT, bank.LATE), cost="late money")

    def _people(self, world: World, payment: PaymentSide) -> Iterator[Step]:
        if payment.letters and (budget := spent(world, "replay")):
            letter, *rest = payment.letters
            side = self.numbers.of(payment._replace(letters=tuple(rest)))
            replayed = self.posted(world._replace(payment=side, budget=budget), (self.message_to("payments", letter),))
            yield self.step("a person replays the dead letter", replayed, fails=True)
        paid = payment.payment
        if paid and (paid.parked or paid.state == "STUCK") and (budget := spent(world, "resolve")):
            parked = next((f.effect for f in payment.flights if paid.parked and f.effect.id == paid.parked.id), None)
            to, outcome = bank.settled_by_hand(self.numbers.things[world.truth], parked)
            if outcome:
                resolve = ResolvePayment(ORDER, outcome, 0, f"px_{paid.attempt}", "ann")
                settled = world._replace(truth=self.numbers.of(to), budget=budget)
                following = self.taken(settled, self.message_to("payments", resolve))
                if following is not None:
                    yield self.step(f"a person resolves: {outcome}", following, fails=True)


def _event(kind: Any, amount: int, provider_id: str, refund_id: str = "") -> PaymentEvent:
    number = provider_id.removeprefix("px_")
    attempt = int(number) if number.isdecimal() else 0
    return PaymentEvent(ORDER, f"evt_{kind}_{provider_id}{refund_id}", kind, amount, refund_id, provider_id, attempt)
