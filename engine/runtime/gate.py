"""The output gate of one partition: what a batch holds back until its commit is on disk, and then lets go (PROTOCOL 2).

Replies, messages, acknowledgements, effects, alerts and live changes leave here and nowhere else. What a batch changed
becomes the committed state first, so that whoever hears of it finds it so.
"""

from collections import Counter
from typing import Any

from sagamore.engine.actor import Actor
from sagamore.engine.envelope import Address
from sagamore.engine.runtime.batch import Batch
from sagamore.engine.runtime.committed import Committed
from sagamore.engine.runtime.effects import Effects
from sagamore.engine.runtime.environment import Environment
from sagamore.engine.runtime.mailbox import Mailbox, WithdrawEffect
from sagamore.engine.runtime.relay import Relay
from sagamore.engine.runtime.reminders import Reminders


class Gate:
    """One partition's."""

    def __init__(
        self, address: Address, actor: Actor[Any, Any], environment: Environment, committed: Committed, relay: Relay,
        reminders: Reminders, effects: Effects, mailbox: Mailbox,
    ) -> None:  # fmt: skip
        self._address, self._actor, self._env = address, actor, environment
        self._committed, self._relay, self._reminders = committed, relay, reminders
        self._effects, self._mailbox = effects, mailbox
        self._measures = type(actor).measure is not Actor.measure
        self.measured: Counter[str] = Counter()
        """What the actor's `measure` has counted."""

    def release(self, batch: Batch) -> None:
        """The commit is on disk."""
        for key, after in batch.states.items() if self._measures else ():
            for name in self._actor.measure(self._committed.before(key, batch), after):
                self.measured[name] += 1
        self._committed.keep(batch)
        self._reminders.release(batch)
        self._relay.release(batch.parcels, batch.now_ms)
        self._answer(batch)
        self._acknowledge(batch)
        for alert in batch.alerts.values():
            if alert is not None:
                self._env.alerted(self._address, alert)
        self._effects.release(batch)
        for effect in batch.withdrawals:
            self._mailbox.put_control(WithdrawEffect(effect))
        watched = self._env.watched(self._address)
        if watched:
            for key, state in batch.states.items():
                if key in watched:
                    self._env.changed(self._address, key, state)

    def _answer(self, batch: Batch) -> None:
        for future, answer in batch.replies:
            if future.done():
                continue
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    def _acknowledge(self, batch: Batch) -> None:
        for sender, lane in batch.acknowledge | batch.rewind:
            peer = self._env.peer(sender)
            number = self._committed.inbox.get((sender, lane), 0)
            if peer is not None and (sender, lane) in batch.acknowledge:
                peer.acknowledged(self._address, lane, number)
            if peer is not None and (sender, lane) in batch.rewind:
                peer.rewind(self._address, lane, number)
        for (receiver, lane), number in batch.undeliverable.items():
            self._relay.acknowledged(receiver, lane, number, batch.now_ms)
