"""What the model of one effect knows of the world, and the rules about effects as switches.

Requests may outlive the attempt, and the process, that sent them: they arrive before the provider's settling time after
its end, or never. A key is forgotten once its lifetime has passed. Time moves in ticks of one millisecond.
"""

from dataclasses import dataclass
from typing import NamedTuple

from sagamore.engine.resolution import Step as Next

TIMEOUT_MS, SETTLE_MS, KEY_TTL_MS = 1, 2, 6  # as in life: a timeout and the settling time fit into half a key's life
END_MS = 8
VERDICTS = ("succeeded", "refused", "withdrawn", "parked")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The defaults are the rules; every other value breaks a promise."""

    charged_500: str = "unknown"
    """What a 5xx is called; a provider may store it and replay it."""
    other_body_400: str = "unknown"
    conflict_409: str = "unknown"
    exhausted: str = "parked"
    body_frozen: bool = True
    """The request's bytes are stored before the first attempt."""
    key_kept: bool = True
    """After an unknown outcome the same key is used."""
    lifetime_from: str = "creation"
    """Or: start, of this process."""
    last_resend: str = "half"
    """Or: full, the key's last millisecond."""
    decided: str = "at the call"
    """Or: at hand-over, or before the look-up that precedes the call: then comes a wait, without bound, for the breaker
    or a place."""
    settles: bool = True
    """An empty look-up is believed only after the settling time."""
    settled_when: str = "looked up"
    """The look-up was made after it. Or: committed, what it found was."""
    settles_after_start: bool = True
    """And after every start that was not clean."""
    marked: str = "at the call"
    """Without a key, the start of an attempt is committed before the call, and after all waiting. Or: at hand-over,
    before the wait; or never."""
    mark_undone: bool = True
    """An attempt that provably was none leaves no mark."""
    taken: str = "keyed"
    """keyed: after an unclean start these count as taken | all | none"""
    taken_lasts: bool = True
    """Over a clean stop too, if they have not been settled before it."""
    adopted: bool = True
    """A call outlives the partition that asked for it, and so does its answer until a commit has it."""
    withdrawal_asks_pool: bool = True
    """What still waits there is taken back; what may have begun is not."""
    stop_waits: bool = True
    """A clean stop gives calls under way their timeout, and commits what they came to."""


class Failures(NamedTuple):
    """How many of each may happen."""

    process: int = 0
    partition: int = 0
    stops: int = 0
    lost: int = 0
    """A request or an answer on its way."""
    errors: int = 0
    """5xx after the charge."""
    refusals: int = 0
    unreached: int = 0
    throttles: int = 0
    withdrawals: int = 0


class Row(NamedTuple):
    state: str = "pending"
    attempts: int = 0
    last_end_ms: int = 0
    due_ms: int = 0


class Request(NamedTuple):
    """On its way; it arrives before `until_ms`, or while its attempt lasts."""

    attempt: int
    key: int
    body: int
    until_ms: int = END_MS + KEY_TTL_MS


class Attempt(NamedTuple):
    """In the pool's hands: it waits, calls or looks up (`since_ms`), or has ended with an outcome not yet committed."""

    row: Row
    """As it was before the mark."""
    none: Row
    """What to go back to if the attempt was none."""
    number: int
    step: Next | None
    """Where it was decided at hand-over."""
    looked: bool = False
    """The look-up before the call has found nothing; the call waits for a place of its own."""
    marked: bool = False
    """Its mark is committed, and the call comes next."""
    since_ms: int = -1
    outcome: str = ""


class World(NamedTuple):
    left: Failures
    row: Row = Row()
    held: Attempt | None = None
    up: bool = True
    now_ms: int = 0
    opened_ms: int = 0
    """When this incarnation opened."""
    clean: bool = True
    """The one before it stopped, and did not die."""
    taken: bool = False
    """The row counts as taken: there was an unclean start since it was written."""
    body: int = 0
    requests: tuple[Request, ...] = ()
    charges: int = 0
    refusals: int = 0
    stored: tuple[tuple[int, int, str, int], ...] = ()
    """The provider's memory: key, body, answer, since when."""
    number: int = 0
    doubt: bool = False
    """There was a reason not to know what became of an attempt."""


def spend(world: World, what: str) -> World:
    """One failure less is left."""
    return world._replace(left=world.left._replace(**{what: getattr(world.left, what) - 1}))


def without(requests: tuple[Request, ...], request: Request) -> tuple[Request, ...]:
    """All others."""
    place = requests.index(request)
    return (*requests[:place], *requests[place + 1 :])
