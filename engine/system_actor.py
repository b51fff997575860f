"""`system/0`: what pools must remember across restarts. Breakers' states, and places of limits taken but not yet free.

A pool serves all partitions, so no partition of theirs can own this (PROTOCOL 12).
"""

from typing import Literal

from sagamore.engine.actor import Actor
from sagamore.engine.message import Message, State
from sagamore.engine.turn import Turn

SYSTEM = "system"


class ProviderRecord(State, tag="system.provider", version=1):
    """One provider, as its pool last reported it."""

    breaker: Literal["CLOSED", "OPEN", "HALF_OPEN"] = "CLOSED"
    outstanding: tuple[int, ...] = ()
    """Places of each of its windows."""


class BreakerChanged(Message, tag="system.breaker_changed", version=1):
    """A breaker opened, or closed again."""

    provider: str
    state: Literal["CLOSED", "OPEN", "HALF_OPEN"]


class PlacesTaken(Message, tag="system.places_taken", version=1):
    """So many places of each of the provider's windows are outstanding from now on."""

    provider: str
    outstanding: tuple[int, ...]


class SystemActor(Actor[ProviderRecord, BreakerChanged | PlacesTaken], kind=SYSTEM):
    """Keeps one record a provider."""

    reads_back = False

    def entity(self, message: BreakerChanged | PlacesTaken) -> str:
        """The provider's name."""
        return message.provider

    def handle(self, state: ProviderRecord, message: BreakerChanged | PlacesTaken, turn: Turn) -> ProviderRecord:
        """Record what the pool reports, and raise or clear the breaker's alert."""
        if isinstance(message, PlacesTaken):
            after = ProviderRecord(state.breaker, message.outstanding)
        else:
            after = ProviderRecord(message.state, state.outstanding)
            if message.state == "CLOSED":
                turn.clear_alert("breaker_open", message.provider)
            else:
                advice = "the provider fails; calls wait, nothing is lost. It is probed and closes by itself"
                turn.raise_alert("breaker_open", message.provider, advice)
        turn.reply(after)
        return after
