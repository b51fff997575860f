"""The durable actor engine: public, and ignorant of orders.

Promised, each proved by a test that tries to break it:

    Accepted means durable      a reply, a message to another actor or a call to a provider leaves a partition only
                                after the commit that caused it is on disk
    Exactly once inside         state, inbox, outgoing messages, timers, effects and history of a turn are one commit;
                                a message that comes again is recognised by its number and dropped
    At least once outside       with an idempotency key and bytes that are stored before the first attempt and never
                                change; an unknown outcome is never called a failure
    Bounded memory              mailboxes, caches and calls under way are bounded; what does not fit waits on disk
    Nothing vanishes            every accepted message ends handled or as a dead letter

Not promised: an order among messages of different senders, or of one that was retried; exactly-once delivery by a
provider that takes no key; atomicity across partitions.

Reading order: `actor`, `turn`, `message`, `envelope`, `effect`, then `ports`, then `runtime/partition`.
"""

from sagamore.engine.actor import Actor
from sagamore.engine.breaker import BreakerPolicy
from sagamore.engine.effect import (
    Call,
    Capabilities,
    Declined,
    EffectOutcome,
    NotReached,
    Outcome,
    Provider,
    Succeeded,
    Throttled,
    Unknown,
)
from sagamore.engine.errors import Refused, SagamoreError
from sagamore.engine.limits import Limits
from sagamore.engine.message import Message, Record, State
from sagamore.engine.policy import Backoff, EffectPolicy, TurnPolicy
from sagamore.engine.turn import Turn

__all__ = [
    "Actor",
    "Backoff",
    "BreakerPolicy",
    "Call",
    "Capabilities",
    "Declined",
    "EffectOutcome",
    "EffectPolicy",
    "Limits",
    "Message",
    "NotReached",
    "Outcome",
    "Provider",
    "Record",
    "Refused",
    "SagamoreError",
    "State",
    "Succeeded",
    "Throttled",
    "Turn",
    "TurnPolicy",
    "Unknown",
]
