"""Effects: calls to the outside world as data, and what may come of one (PROTOCOL 3).

A turn starts an effect; after the commit a pool calls the provider; the outcome comes back as an ordinary message.
Only *succeeded* and *refused* are verdicts. Everything else is tried again with the same key and the same bytes, then
looked up, then parked for a person: an unknown outcome is never called a failure.
"""

from typing import Literal, Protocol

import msgspec

from sagamore.engine.envelope import NORMAL_LANE
from sagamore.engine.message import Message
from sagamore.engine.policy import DAY_MS, MINUTE_MS

ATTEMPTS_LOGGED_MAX = 20  # a row is written whole at each attempt, and the story has them all

EffectState = Literal["pending", "marked", "uncertain", "parked"]
Verdict = Literal["succeeded", "refused", "withdrawn", "exhausted", "unknown", "parked", "retried"]


class EffectOutcome(Message, tag="engine.effect_outcome", version=1, omit_defaults=True):
    """What became of an effect. `succeeded`, `refused` and `withdrawn` end it, and `exhausted` does, where its policy
    has it so. `unknown` is news: the engine goes on resolving it. A `parked` one waits for a person: settled by its
    actor it has ended, and once its dead letter is replayed it is `retried`, under way again and no longer to be
    settled."""

    effect: str
    entity: str
    operation: str
    verdict: Verdict
    answer: str = ""
    """The provider's answer as JSON text; for `unknown`, `parked` and `exhausted` what was last heard."""
    attempts: int = 0
    """Calls made."""
    uncertain: int = 0
    """Calls whose outcome nobody knows: each may have been one more."""
    took_ms: int = 0
    """How long the last one took."""
    log: tuple[str, ...] = ()
    """The attempts that came to nothing, a line each; of very many the last ones."""


class Call(msgspec.Struct, frozen=True, gc=False):
    """One attempt as a provider sees it."""

    effect: str
    operation: str
    request: bytes
    """The bytes stored before the first attempt; they never change between attempts."""
    key: str
    """The idempotency key; it never changes between attempts either."""
    correlation: str
    attempt: int
    trace: str = ""


class Succeeded(msgspec.Struct, frozen=True):
    """The provider did it, or gave another definitive answer; `answer` is JSON text."""

    answer: str


class Declined(msgspec.Struct, frozen=True):
    """The provider definitively will not: nothing happened, nothing will. `answer` is JSON text."""

    answer: str


class NotReached(msgspec.Struct, frozen=True):
    """Provably not one byte was written (name, connection, TLS): safe to call again."""

    reason: str


class Throttled(msgspec.Struct, frozen=True):
    """The provider asks to come back; costs no attempt."""

    retry_after_ms: int


class Unknown(msgspec.Struct, frozen=True):
    """It may have happened: a lost answer, a timeout, 5xx, 409, a key used with another body, any exception."""

    reason: str


Outcome = Succeeded | Declined | NotReached | Throttled | Unknown


class Rate(msgspec.Struct, frozen=True):
    """At most `calls_max` calls in any `window_ms`."""

    calls_max: int
    window_ms: int = 1_000


class Capabilities(msgspec.Struct, frozen=True):
    """What a provider can do; the engine's resolution of unknown outcomes follows from it."""

    takes_key: bool
    """Repeating a call with the same key does it at most once."""
    key_ttl_ms: int = DAY_MS
    """How long the provider remembers a key. The last resend is made at half of it."""
    look_up: bool = False
    """`look_up` reads by our reference and is strongly consistent once `settle_ms` have passed."""
    settle_ms: int = 2 * MINUTE_MS
    """A look-up that finds nothing is believed only so long after the last attempt's end, and after every start."""
    in_flight_max: int = 64
    """Calls at once for each partition that uses the provider, so that a full one cannot hold all places."""
    rates: tuple[Rate, ...] = ()
    """All of them hold, in every sliding window, as the provider's own log shows it."""
    breaks: bool = True
    """What one call hears says something about the provider: failures open its breaker, Throttled pauses all calls. Not
    where each call may go to somebody else, as webhooks do: one receiver must not stop the calls to the others."""


class Provider(Protocol):
    """A way to the outside world. Whatever `call` raises is unknown."""

    @property
    def name(self) -> str:
        """What effects call it by."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do; read once."""
        ...

    async def call(self, call: Call) -> Outcome:
        """Make one attempt."""
        ...

    async def look_up(self, call: Call) -> Outcome | None:
        """What became of the call, read from the provider; None if it has never heard of it. Must not change
        anything there. Only used where the capabilities say so."""
        ...


class EffectRow(msgspec.Struct, array_like=True, gc=False):
    """An effect as stored, from the commit of the turn that started it until the commit that takes its outcome."""

    id: str
    entity: str
    correlation: str
    provider: str
    operation: str
    key: str
    policy: str
    request: str
    """JSON text; encoded as UTF-8 it is the bytes to be sent."""
    created_ms: int
    turn: int
    due_ms: int
    attempts: int = 0
    state: EffectState = "pending"
    """marked: an attempt may have started (committed before each call of a provider that takes no key); uncertain: an
    attempt may have happened."""
    last_end_ms: int = 0
    last_heard: str = ""
    told: bool = False
    """The entity has been told that the outcome is unknown."""
    maybe_sent: bool = False
    """It was parked while an attempt may have happened: a replay must not take it for one that never was sent."""
    trace: str = ""
    lane: int = NORMAL_LANE
    """Those of the bulk lane are called when no other waits."""
    deadline_ms: int = 0
    """Its own, in Unix ms, before its policy's; 0 is none."""
    uncertain: int = 0
    """Calls whose outcome nobody knows."""
    log: tuple[str, ...] = ()
    """What attempts came to that gave no verdict; at most ATTEMPTS_LOGGED_MAX."""
