"""One payment against a strict bank: messages in any order, lost answers, refusals, events, people. Never more than one
live charge, never more given back than was taken, and in the end the books say what the bank says."""

from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from sagamore.actors.orders.payment import Payment
from sagamore.actors.orders.payment_messages import (
    CapturePayment,
    ClosePayment,
    PaymentEvent,
    RefundPayment,
    ResolvePayment,
    StartPayment,
)
from sagamore.actors.orders.unlisted import Unlisted
from sagamore.engine.effect import EffectOutcome
from sagamore.engine.message import Codec, Message
from sagamore.engine.turn import Buried, EffectSettled, EffectStarted, EffectWithdrawn, TimerCancelled, TimerSet
from tests.payments.bank import Bank, Choice, Deal
from tests.payments.kit import ACTOR, AMOUNT, ORDER, take

choices = st.sampled_from(["yes", "yes", "no", "action", "pending"])
_decode = Codec(ACTOR.message_types).decode


class World(RuleBasedStateMachine):
    """The engine's part is played here: effects, their resolution, timers, dead letters."""

    def __init__(self) -> None:
        super().__init__()
        self.bank = Bank()
        self.payment: Payment | None = None
        self.bag: list[Message] = []
        self.started: dict[str, EffectStarted] = {}
        self.effects: dict[str, EffectStarted] = {}
        self.parked: dict[str, EffectStarted] = {}
        self.withdrawn: set[str] = set()
        self.tried: set[str] = set()
        self.timers: dict[str, Message] = {}
        self.letters: list[Message] = []
        self.turns = 0
        self.events = 0
        self.asked = 0
        self.late = 0

    @property
    def state(self) -> str:
        return self.payment.state if self.payment else "ABSENT"

    # --- the engine ---------------------------------------------------------------------------------------------------

    def take(self, message: Message) -> None:
        self.turns += 1
        try:
            result = take(self.payment, message, message_id=f"msg_{self.turns}")
        except Unlisted:
            assert isinstance(message, PaymentEvent), message
            self.bag.append(message)  # a retry
            return
        self.payment = result.state
        for intention in result.intentions:
            match intention:
                case EffectStarted():
                    self.effects[intention.id] = self.started[intention.id] = intention
                case EffectWithdrawn():
                    self.withdrawn.add(intention.id)
                case EffectSettled():
                    self.parked.pop(intention.id, None)
                    self.effects.pop(intention.id, None)
                case TimerSet():
                    self.timers[intention.name] = intention.message
                case TimerCancelled():
                    self.timers.pop(intention.name, None)
                case Buried():
                    self.letters.append(_decode(intention.body))

    def ended(self, effect: EffectStarted, verdict: Any, answer: str = "") -> None:
        if verdict != "unknown":
            del self.effects[effect.id]
        self.bag.append(EffectOutcome(effect.id, ORDER, effect.operation, verdict, answer))

    @rule(data=st.data())
    @precondition(lambda self: self.bag)
    def deliver(self, data: st.DataObject) -> None:
        self.take(self.bag.pop(data.draw(st.integers(0, len(self.bag) - 1))))

    @rule(data=st.data(), choice=choices)
    @precondition(lambda self: self.effects)
    def answer(self, data: st.DataObject, choice: Choice) -> None:
        effect = self.effects[data.draw(st.sampled_from(sorted(self.effects)))]
        self.ended(effect, *self.bank.do(effect, choice))

    @rule(data=st.data(), choice=choices, arrives=st.booleans())
    @precondition(lambda self: self.effects)
    def lose_the_answer(self, data: st.DataObject, choice: Choice, arrives: bool) -> None:
        effect = self.effects[data.draw(st.sampled_from(sorted(self.effects)))]
        self.tried.add(effect.id)
        if arrives:
            self.bank.do(effect, choice)
        self.ended(effect, "unknown", "timeout")

    @rule(data=st.data())
    @precondition(lambda self: self.tried & self.effects.keys())
    def park(self, data: st.DataObject) -> None:
        effect = self.effects[data.draw(st.sampled_from(sorted(self.tried & self.effects.keys())))]
        self.parked[effect.id] = effect
        self.ended(effect, "parked", "timeout")

    @rule()
    @precondition(lambda self: self.parked)
    def replay_a_parked_effect(self) -> None:
        assert self.payment
        effect = self.parked[min(self.parked)]
        if self.payment.parked and self.payment.parked.id == effect.id:  # else the engine tries the replay again later
            self.effects[effect.id] = self.parked.pop(effect.id)
            self.take(EffectOutcome(effect.id, ORDER, effect.operation, "retried"))

    @rule()
    @precondition(lambda self: (self.withdrawn & self.effects.keys()) - self.tried)
    def withdraw(self) -> None:
        self.ended(self.effects[min((self.withdrawn & self.effects.keys()) - self.tried)], "withdrawn")

    @rule(data=st.data())
    @precondition(lambda self: self.timers)
    def fire(self, data: st.DataObject) -> None:
        self.take(self.timers.pop(data.draw(st.sampled_from(sorted(self.timers)))))

    # --- orders -------------------------------------------------------------------------------------------------------

    @initialize(capture=st.sampled_from(["at_once", "on_confirm"]), names_attempts=st.booleans())
    def place(self, capture: Any, names_attempts: bool) -> None:
        self.capture, self.names_attempts = capture, names_attempts
        self.bag.append(StartPayment(ORDER, 1, AMOUNT, "GBP", "pm", capture))

    @rule()
    @precondition(lambda self: self.state == "REFUSED" and not self.payment.closing and not self.payment.lapsed)
    def pay_again(self) -> None:
        if not self.payment.authorisation_open:  # type: ignore[union-attr]  # B12: then orders cancels
            self.take(StartPayment(ORDER, self.payment.attempt + 1, AMOUNT, "GBP", "pm", self.capture))  # type: ignore[union-attr]

    @rule()
    @precondition(lambda self: self.state == "AUTHORISED")
    def capture_it(self) -> None:
        self.bag.append(CapturePayment(ORDER))

    @rule(amount=st.integers(-1, AMOUNT + 1))
    def refund(self, amount: int) -> None:
        self.asked += 1
        self.bag.append(RefundPayment(ORDER, f"ref_asked_{self.asked}", amount, "broken"))

    @rule()
    def close(self) -> None:
        self.bag.append(ClosePayment(ORDER))

    # --- the world ----------------------------------------------------------------------------------------------------

    def tell(self, kind: Any, amount: int = 0, refund_id: str = "", provider_id: str = "") -> None:
        self.events += 1
        number = provider_id.removeprefix("px_")
        attempt = int(number) if self.names_attempts and number.isdecimal() else 0
        event = PaymentEvent(ORDER, f"evt_{self.events}", kind, amount, refund_id, provider_id, attempt)
        self.bag += [event, event, replace(event, event_id=f"again_{self.events}")]  # providers repeat themselves

    @rule(paid=st.booleans(), tells=st.booleans())
    @precondition(lambda self: any(d.status in ("action_required", "pending") for d in self.bank.deals.values()))
    def decide(self, paid: bool, tells: bool) -> None:
        provider_id, deal = next(
            (i, d) for i, d in self.bank.deals.items() if d.status in ("action_required", "pending")
        )  # fmt: skip
        if paid:
            self.bank.pay(deal)
        else:
            deal.status = "refused"
        if tells:
            self.tell(deal.status, deal.amount, provider_id=provider_id)

    @rule()
    @precondition(lambda self: any(d.status == "authorised" for d in self.bank.deals.values()))
    def lapse(self) -> None:
        provider_id, deal = next((i, d) for i, d in self.bank.deals.items() if d.status == "authorised")
        deal.status = "voided"
        self.tell("lapsed", provider_id=provider_id)

    @rule(data=st.data())
    @precondition(lambda self: self.payment and any(r.status in ("PENDING", "SUCCEEDED") for r in self.payment.refunds))
    def fail_a_refund(self, data: st.DataObject) -> None:
        assert self.payment
        done = sorted(self.bank.refunds.keys() & {r.id for r in self.payment.refunds if r.status != "SENT"})
        if done:
            refund_id = data.draw(st.sampled_from(done))
            self.tell("refund_failed", self.bank.refunds.pop(refund_id), refund_id)

    @rule(kind=st.sampled_from(["captured", "authorised"]))
    @precondition(lambda self: self.state == "CLOSED" and self.late < 2 and not self.bank.open and self.bank.net == 0)
    def late_money(self, kind: Any) -> None:
        self.late += 1
        provider_id = f"px_late_{self.late}"
        self.bank.deals[provider_id] = deal = Deal("refused", 700, authorise=kind == "authorised")
        self.bank.pay(deal)
        self.tell(kind, 700, provider_id=provider_id)

    @rule()
    @precondition(lambda self: self.letters)
    def replay(self) -> None:
        self.take(self.letters.pop(0))

    @rule()
    @precondition(lambda self: self.payment and self.payment.parked)
    def resolve(self) -> None:
        """A person looks into the bank's books, ends there what is half done, and says what they show."""
        assert self.payment and self.payment.parked
        what = self.bank.settle_by_hand(self.started[self.payment.parked.id])
        if what:
            self.take(ResolvePayment(ORDER, what, 0, f"px_{self.payment.attempt}", "ann"))

    # --- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def one_effect_that_moves_money_is_under_way(self) -> None:
        effects = [*self.effects.values(), *self.parked.values()]
        assert len([effect for effect in effects if effect.operation != "read"]) <= 1, effects

    @invariant()
    def the_bank_never_gave_back_more_than_it_took(self) -> None:
        assert self.bank.net >= 0
        if self.payment:
            assert 0 <= self.payment.refunded <= self.payment.captured
            assert self.payment.left >= 0

    # --- and in the end -----------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        for _ in range(200):
            if not self.step_to_rest():
                break
        else:
            raise AssertionError(f"never at rest: {self.payment} {self.bag}")
        if self.payment is None:
            assert self.bank.net == 0 and not self.bank.open
            return
        assert self.payment.net == self.bank.net, (self.payment, self.bank.__dict__)
        if self.payment.closing:
            assert (self.payment.state, self.bank.net, self.bank.open) == ("CLOSED", 0, False)
        else:
            assert self.payment.state in ("REFUSED", "CAPTURED", "AUTHORISED")
            assert self.payment.authorisation_open or not self.bank.open

    def step_to_rest(self) -> bool:
        """The bank answers, the customer walks away, people do their work."""
        before = self.payment
        for deal in self.bank.deals.values():
            if deal.status in ("action_required", "pending"):
                deal.status = "refused"
        for message in [self.bag.pop(0) for _ in list(self.bag)]:
            self.take(message)
        if self.effects:
            effect = self.effects[min(self.effects)]
            self.ended(effect, *self.bank.do(effect, "yes"))
        elif self.payment and self.payment.waits:
            self.take(self.timers.pop("poll"))
        elif self.payment and self.payment.parked:
            self.resolve()
        elif self.letters:
            self.replay()
        else:
            return self.payment is not before  # an event that nobody takes by now is a dead letter
        return True


TestWorld = World.TestCase
TestWorld.settings = settings(max_examples=150, stateful_step_count=40, deadline=None, report_multiple_bugs=False)
