"""An actor: a behaviour that the engine runs. Its kind, the types of its states and messages, one pure handler.

    class Card(State, tag="loyalty.card", version=1): points: int = 0
    class Loyalty(Actor[Card, Visit | OrderConfirmed], kind="loyalty", subscribes=[OrderConfirmed]):
        def entity(self, message): return message.customer
        def handle(self, card, message, turn): return Card(card.points + message.points)

An entity that does not exist yet is `Card()` if the state is declared as `Card`, and None if it is declared as
`Card | None`. Returning None removes it; returning the same object changes nothing.
"""

import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from sagamore.engine.effect import EffectOutcome
from sagamore.engine.message import Message, Record, State
from sagamore.engine.policy import EffectPolicy, TurnPolicy
from sagamore.engine.turn import Turn

S = TypeVar("S")
M = TypeVar("M")


class Actor(Generic[S, M]):
    """Subclass it with the types of its states and messages, and:

    kind: its name in addresses and file names; lower case letters, digits and `_`
    subscribes: events that others publish and this actor gets, once each, under the subscription named `kind`
    indexed: fields of its states that lists can ask for
    mints: the prefix of the ids made for its entities, which therefore carry their partition
    replies: records that its handlers reply with, other than its own states and messages
    way: kinds that its commands cannot do without; when one is down or far behind, commands are refused at the edge
    """

    kind: ClassVar[str]
    subscribes: ClassVar[tuple[type[Message], ...]]
    indexed: ClassVar[tuple[str, ...]]
    mints: ClassVar[str]
    way: ClassVar[tuple[str, ...]]
    replies: ClassVar[tuple[type[Record], ...]]
    turn_policy: ClassVar[TurnPolicy] = TurnPolicy()
    effect_policies: ClassVar[Mapping[str, EffectPolicy]] = {"": EffectPolicy()}
    reads_back: ClassVar[bool] = True
    """What its turns leave is read back before it is kept (`read_back.py`). An actor whose tests do that, as `run_turn`
    does, can save the time."""
    state_types: ClassVar[tuple[type[State], ...]]
    message_types: ClassVar[tuple[type[Message], ...]]
    absent: ClassVar[type[State] | None]

    def __init_subclass__(
        cls,
        *,
        kind: str = "",
        subscribes: Sequence[type[Message]] = (),
        indexed: Sequence[str] = (),
        mints: str = "",
        way: Sequence[str] = (),
        replies: Sequence[type[Record]] = (),
    ) -> None:
        if not kind:
            raise TypeError(f'{cls.__name__} needs a kind, as in class {cls.__name__}(Actor[…], kind="…")')
        if not kind.replace("_", "").isalnum() or not kind.isascii() or kind != kind.lower():
            raise TypeError(f"kind {kind!r} of {cls.__name__} must be lower case letters, digits and _: it names files")
        states, messages = _arguments(cls)
        cls.kind, cls.mints = kind, mints
        cls.subscribes, cls.indexed, cls.way = tuple(subscribes), tuple(indexed), tuple(way)
        cls.replies = tuple(replies)
        cls.state_types = tuple(t for t in states if t is not type(None))
        cls.message_types = tuple(t for t in messages if t is not EffectOutcome)
        cls.absent = None if type(None) in states else cls.state_types[0]

    def entity(self, message: M) -> str | tuple[str, ...]:
        """The key of the entity that `message` is for; with more keys, the others can be loaded and saved too."""
        raise NotImplementedError

    def handle(self, state: S, message: M, turn: Turn) -> S:
        """Pure: no await, no I/O, no clock, no randomness. Raise Refused to answer a command with no."""
        raise NotImplementedError

    def given_up(self, state: S, message: M, turn: Turn) -> S:
        """A person discarded the dead letter of `message`: answer whoever waits for it. By default nothing happens."""
        return state

    def measure(self, before: S, after: S) -> tuple[str, ...]:
        """Names of counters that a committed change of an entity adds one to, for statistics."""
        return ()


def _arguments(cls: type) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    for base in getattr(cls, "__orig_bases__", ()):
        if typing.get_origin(base) is Actor:
            state, message = typing.get_args(base)
            return _members(state), _members(message)
    raise TypeError(f"{cls.__name__} must say its types, as in class {cls.__name__}(Actor[State, Message], …)")


def _members(annotation: Any) -> tuple[Any, ...]:
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return typing.get_args(annotation)
    return (annotation,)
