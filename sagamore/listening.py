"""Asking the payment provider for what happened unasked: refunds that failed after all, money that turned up late
(SAGAS Y21, Y22). For providers that keep a list of it; what another pushes, a host hands to `shop.payments.event`.

Each event is handed over before the place in the list moves on, so a death in between has some told again: payments
knows them (Y23).
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sagamore.actors.orders.payment_events import PLACE, EventsHeard, PaymentEventsActor
from sagamore.actors.orders.payment_messages import HeardUpTo
from sagamore.actors.orders.payment_provider import PaymentProvider
from sagamore.engine.errors import InvalidInput
from sagamore.engine.policy import SECOND_MS
from sagamore.engine.runtime.deadline import Deadline, sleep_ms
from sagamore.engine.runtime.engine import Engine
from sagamore.engine.runtime.supervisor import Supervisor

log = logging.getLogger("sagamore.payments")

KIND = PaymentEventsActor.kind
ANSWER_TIMEOUT_MS = 30 * SECOND_MS  # as for any call to a provider
FAILURES_MIN = 3  # in a row, for a person to look: fewer may be a moment's
OURS = "ord_"  # an account may be shared: events of what is no order of ours are passed over


class Listener:
    """Asks a provider that has events to ask for."""

    def __init__(self, engine: Engine, provider: PaymentProvider) -> None:
        self._engine, self._provider = engine, provider
        self._every_ms = provider.capabilities.events_every_ms
        self._failures = 0
        self._failure = ""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen while the block runs."""
        supervisor = Supervisor()
        if self._every_ms:
            supervisor.spawn(self._listen(), "payment events")
        try:
            yield
        finally:
            await supervisor.cancel_all()

    def problem(self) -> str:
        """What keeps the events from being heard, or nothing."""
        if self._failures < FAILURES_MIN:
            return ""
        return f"the payment provider's events were not heard {self._failures} times in a row: {self._failure}"

    async def _listen(self) -> None:
        while True:
            try:
                while await self._hear():
                    pass
                self._failures = 0
            except Exception as error:  # whatever a provider raises; or payments cannot take it now
                self._failures, self._failure = self._failures + 1, f"{type(error).__name__}: {error}"
                log.warning(
                    "the payment provider's events were not heard; asked again in %d ms", self._every_ms, exc_info=error
                )
            await sleep_ms(self._engine.clock, self._every_ms)

    async def _hear(self) -> bool:
        """One answer; whether there may be more."""
        engine = self._engine
        heard = await engine.read(KIND, PLACE)
        place = heard.place if isinstance(heard, EventsHeard) else ""
        with Deadline(engine.clock, engine.clock.now_ms() + ANSWER_TIMEOUT_MS):
            events, heard_up_to = await self._provider.events(place)
        for event in events:
            if event.order_id.startswith(OURS):
                try:
                    await engine.ask(KIND, event)
                except InvalidInput:  # it will never be right, and must not keep the others waiting
                    log.exception("an event of the payment provider cannot be taken: %r", event)
        if not events or heard_up_to == place:
            return False
        await engine.ask(KIND, HeardUpTo(heard_up_to))
        return True
