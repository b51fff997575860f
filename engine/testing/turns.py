"""One turn without an event loop.

`run_turn` is what the engine does with one message, minus the disk: what the turn leaves is read back, and a handler
must not change what it was given.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import msgspec

from sagamore.engine.actor import Actor
from sagamore.engine.envelope import address_of
from sagamore.engine.message import Message, Record, State, encode
from sagamore.engine.read_back import read_back
from sagamore.engine.routes import ActorRoutes
from sagamore.engine.turn import Intention, Sent, TimerSet, Turn

NOON_MS = 1_700_000_000_000


class TurnResult(msgspec.Struct, frozen=True):
    """What one turn led to."""

    state: Any
    """The primary entity afterwards; None if it is absent."""
    entities: dict[str, Any]
    """All entities afterwards, the primary one and the untouched ones included; absent ones are missing."""
    intentions: tuple[Intention, ...]
    notes: tuple[str | msgspec.Struct, ...]
    """The lines and facts for the history."""
    reply: Record | None
    """The answer to the client, if the turn gave one."""

    def sent(self, kind: type[Message] | None = None) -> list[Message]:
        """The messages sent, all or those of one type."""
        messages = [i.message for i in self.intentions if isinstance(i, Sent)]
        return [m for m in messages if kind is None or isinstance(m, kind)]

    def of(self, kind: type[Intention]) -> list[Any]:
        """The intentions of one type, as `EffectStarted` or `TimerSet`."""
        return [i for i in self.intentions if isinstance(i, kind)]


def run_turn(
    actor: Actor[Any, Any],
    message: Message,
    entities: Mapping[str, State] | None = None,
    *,
    now_ms: int = NOON_MS,
    message_id: str = "msg_test",
    correlation: str = "",
    sender: str = "",
    partitions: Mapping[str, int] | None = None,
    others: tuple[Actor[Any, Any], ...] = (),
    boot: str = "boot",
    steady_ms: int | None = None,
) -> TurnResult:
    """Take one turn of `actor` over `entities`. `partitions` gives the counts of other kinds (default 1), `others` the
    actors that may subscribe; the steady clock shows `now_ms` unless told otherwise. Raises what the handler raises,
    and NotEncodable."""
    before = dict(entities or {})
    bytes_before = {key: encode(state) for key, state in before.items()}
    keys = getattr(message, "entity", None) or actor.entity(message)
    keys = (keys,) if isinstance(keys, str) else tuple(keys)
    routes = ActorRoutes((actor, *others), partitions or {})
    routes.partition_counts = defaultdict(lambda: 1, routes.partition_counts)

    def load(key: str) -> Any:
        if key not in keys:
            raise KeyError(f"{actor.kind}.entity() did not name {key!r}")
        state = before.get(key)
        return actor.absent() if state is None and actor.absent is not None else state

    partition = routes.partition(actor.kind, keys[0])
    turn = Turn(
        address_of(actor.kind, partition), partition, keys[0], load, routes, now_ms, message_id,
        correlation or keys[0], now_ms, sender, 1, now_ms if steady_ms is None else steady_ms, boot,
    )  # fmt: skip
    state = actor.handle(load(keys[0]), message, turn)
    if keys[0] not in turn.saved:
        turn.saved[keys[0]] = state
    messages = [i.message for i in turn.intentions if isinstance(i, Sent | TimerSet)]
    for record in (*filter(None, turn.saved.values()), *messages, *turn.notes):
        encode(record)
    read_back(turn, actor)
    after: dict[str, Any] = before | turn.saved
    assert {key: encode(s) for key, s in before.items()} == bytes_before, "the handler changed a state it was given"
    return TurnResult(
        state,
        {k: s for k, s in after.items() if s is not None},
        tuple(turn.intentions),
        tuple(turn.notes),
        None if turn.replied is None else turn.replied.answer,
    )
