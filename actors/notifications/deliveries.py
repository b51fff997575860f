"""A channel's actor: one effect for each delivery, and word of its end to notifications. It keeps a delivery only while
that is under way.

    Deliver ──> effect at the channel's provider ──> succeeded    SENT
                          │                          refused      DEAD, for good
                          │                          exhausted    EXPIRED if its time is up, else DEAD
                          └── withdrawn ────────────────────────> CANCELLED

An attempt whose answer is unknown is made again and counted, unless the category says never: then it ends DEAD.
"""

from typing import Any, Literal

import msgspec

from sagamore.actors.notifications.channel import Accepted, Channel, Refusal
from sagamore.actors.notifications.messages import CancelDelivery, Deliver, DeliveryEnded
from sagamore.engine.actor import Actor
from sagamore.engine.effect import EffectOutcome
from sagamore.engine.envelope import BULK_LANE, NORMAL_LANE
from sagamore.engine.message import State
from sagamore.engine.policy import DAY_MS, HOUR_MS, SECOND_MS, Backoff, EffectPolicy
from sagamore.engine.turn import Turn

_decode_accepted = msgspec.json.Decoder(Accepted).decode
_decode_refusal = msgspec.json.Decoder(Refusal).decode

POLICY = EffectPolicy(
    attempts_max=12, backoff=Backoff(SECOND_MS, HOUR_MS), deadline_ms=3 * DAY_MS, resend_uncertain=True, ends=True
)  # 12 attempts are about five hours
POLICIES = {"counted": POLICY, "never": msgspec.structs.replace(POLICY, resend_uncertain=False)}

ChannelMessage = Deliver | CancelDelivery | EffectOutcome


class Sending(State, tag="notifications.sending", version=1, omit_defaults=True):
    """A delivery under way, kept under its id."""

    user_id: str
    effect: str
    expires_ms: int = 0


class DeliveriesActor(Actor[Sending | None, ChannelMessage], kind="deliveries"):
    """Of one channel; `deliveries_actor` makes the class that bears its name."""

    effect_policies = POLICIES
    reads_back = False
    channel: Channel

    def entity(self, message: ChannelMessage) -> str:
        """The delivery's id."""
        match message:
            case Deliver():
                return message.outgoing.delivery
            case CancelDelivery():
                return message.delivery
            case _:
                return message.entity

    def handle(self, sending: Sending | None, message: ChannelMessage, turn: Turn) -> Sending | None:
        """Start it, withdraw it, or tell its end."""
        if isinstance(message, Deliver):
            return self._start(message, turn) if sending is None else sending
        if sending is None:
            return None
        if isinstance(message, CancelDelivery):
            turn.withdraw(sending.effect)
            return sending
        return self._heard(sending, message, turn)

    def _start(self, message: Deliver, turn: Turn) -> Sending:
        outgoing = message.outgoing
        key = f"{outgoing.delivery}/{message.round}" if message.round else outgoing.delivery
        effect = turn.start(
            self.channel.name, "send", outgoing, key=key, policy=message.duplicates, deadline_ms=outgoing.expires_at_ms,
            lane=BULK_LANE if message.bulk else NORMAL_LANE,
        )  # fmt: skip
        return Sending(outgoing.user_id, effect, outgoing.expires_at_ms)

    def _heard(self, sending: Sending, outcome: EffectOutcome, turn: Turn) -> Sending | None:
        match outcome.verdict:
            case "succeeded":
                accepted = _accepted(outcome.answer)
                self._tell(sending, outcome, turn, "SENT", accepted.message, provider_id=accepted.provider_id)
            case "refused":
                refusal = _refusal(outcome.answer)
                reason = f"{refusal.code}: {refusal.message}"
                self._tell(
                    sending, outcome, turn, "DEAD", reason, refused=True, dead_address=refusal.dead_address
                )  # fmt: skip
            case "withdrawn":
                self._tell(sending, outcome, turn, "CANCELLED", "cancelled")
            case "exhausted":
                late = 0 < sending.expires_ms <= turn.now_ms
                self._tell(sending, outcome, turn, "EXPIRED" if late else "DEAD", outcome.answer)
            case _:
                return sending
        return None

    def _tell(
        self, sending: Sending, outcome: EffectOutcome, turn: Turn,
        status: Literal["SENT", "DEAD", "EXPIRED", "CANCELLED"], reason: str, **more: Any,
    ) -> None:  # fmt: skip
        if outcome.attempts:
            turn.note(f"attempt {outcome.attempts} took {outcome.took_ms} ms")
        ended = DeliveryEnded(
            outcome.entity, sending.user_id, status, reason, outcome.attempts, outcome.uncertain,
            log=outcome.log if status == "DEAD" else (), **more,
        )  # fmt: skip
        turn.send("notifications", ended)


def _accepted(answer: str) -> Accepted:
    """A host's channel may answer in its own words."""
    try:
        return _decode_accepted(answer)
    except msgspec.MsgspecError:
        return Accepted(message=answer)


def _refusal(answer: str) -> Refusal:
    try:
        return _decode_refusal(answer)
    except msgspec.MsgspecError:
        return Refusal("refused", answer)


def deliveries_actor(channel: Channel) -> DeliveriesActor:
    """The actor that keeps the deliveries of a channel."""
    made = type(f"{channel.name.capitalize()}Actor", (DeliveriesActor,), {"channel": channel}, kind=channel.name)
    actor: DeliveriesActor = made()
    return actor
