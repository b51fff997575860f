"""Small actors for the engine's tests: a desk that forwards to a book, a bell with timers, a till with effects."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from sagamore.engine.actor import Actor
from sagamore.engine.effect import EffectOutcome
from sagamore.engine.envelope import BULK_LANE, NORMAL_LANE
from sagamore.engine.errors import Refused
from sagamore.engine.message import Message, Record, State
from sagamore.engine.policy import Backoff, EffectPolicy, TurnPolicy
from sagamore.engine.turn import Turn

Hook = Callable[[Any, Turn], None]


def nothing(_message: Any, _turn: Turn) -> None:
    """The hook of an actor that behaves."""


class Note(Message, tag="test.note", version=1):
    """Write `n` on a page; a negative one is refused."""

    entity: str
    n: int = 0


class Page(State, tag="test.page", version=1):
    """What was written, in order."""

    ns: tuple[int, ...] = ()


class Book(Actor[Page, Note], kind="book", indexed=("ns",)):
    """Appends what it gets; `hook` may raise first."""

    turn_policy = TurnPolicy(attempts_max=3, backoff=Backoff(first_ms=100, most_ms=1_000))

    def __init__(self, hook: Hook = nothing) -> None:
        self.hook = hook
        self.given: list[Note] = []

    def entity(self, message: Note) -> str:
        return message.entity

    def handle(self, state: Page, message: Note, turn: Turn) -> Page:
        self.hook(message, turn)
        if message.n < 0:
            raise Refused("n must not be negative")
        after = type(state)((*state.ns, message.n))
        turn.reply(after)
        return after

    def given_up(self, state: Page, message: Note, turn: Turn) -> Page:
        self.given.append(message)
        return type(state)((*state.ns, -message.n))


class Post(Message, tag="test.post", version=1):
    """Send a note with each n of a range to the book, in `lane`, and write it down here too."""

    entity: str
    n: int
    count: int = 1
    lane: int = 0


class Published(Message, tag="test.published", version=1):
    """An event."""

    entity: str


class Desk(Actor[Page, Post], kind="desk"):
    """Forwards to the book."""

    turn_policy = Book.turn_policy

    def __init__(self, hook: Hook = nothing) -> None:
        self.hook = hook

    def entity(self, message: Post) -> str:
        return message.entity

    def handle(self, state: Page, message: Post, turn: Turn) -> Page:
        ns = tuple(range(message.n, message.n + message.count))
        for n in ns:
            turn.send("book", Note(message.entity, n), lane=message.lane)
        self.hook(message, turn)
        after = Page((*state.ns, *ns))
        turn.reply(after)
        return after


class Wind(Message, tag="test.wind", version=1):
    """Set a timer, or move it."""

    entity: str
    name: str
    after_ms: int


class Unwind(Message, tag="test.unwind", version=1):
    """Cancel a timer."""

    entity: str
    name: str


class Rang(Message, tag="test.rang", version=1):
    """A timer fired."""

    entity: str
    name: str


class Bell(State, tag="test.bell", version=1):
    """The timers that fired, in order."""

    rang: tuple[str, ...] = ()


class Clockmaker(Actor[Bell, Wind | Unwind | Rang], kind="bells"):
    """Sets and cancels timers."""

    def entity(self, message: Wind | Unwind | Rang) -> str:
        return message.entity

    def handle(self, state: Bell, message: Wind | Unwind | Rang, turn: Turn) -> Bell:
        if isinstance(message, Wind):
            due = timedelta(milliseconds=message.after_ms)
            turn.schedule(message.name, Rang(message.entity, message.name), after=due)
            return state
        if isinstance(message, Unwind):
            turn.cancel(message.name)
            return state
        return Bell((*state.rang, message.name))


class Pay(Message, tag="test.pay", version=1):
    """Start effects, one after the other in one turn; `keys` are idempotency keys."""

    entity: str
    keys: tuple[str, ...]
    policy: str = ""
    provider: str = "bank"
    bulk: bool = False
    deadline_ms: int = 0


class Withdraw(Message, tag="test.withdraw", version=1):
    """Withdraw an effect by its place."""

    entity: str
    n: int = 0


class Bill(State, tag="test.bill", version=1):
    """Effects started, and what was heard of them: "0 succeeded"."""

    effects: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()


class Charge(Record, tag="test.charge", version=1):
    """A request."""

    entity: str
    key: str


QUICK = Backoff(first_ms=100, most_ms=1_000)


class Till(Actor[Bill, Pay | Withdraw | EffectOutcome], kind="till"):
    """Starts effects and keeps what it hears."""

    turn_policy = Book.turn_policy
    effect_policies = {  # noqa: RUF012
        "": EffectPolicy(timeout_ms=1_000, attempts_max=4, backoff=QUICK),
        "twice": EffectPolicy(timeout_ms=1_000, attempts_max=2, backoff=QUICK),
        "again": EffectPolicy(timeout_ms=1_000, attempts_max=4, backoff=QUICK, resend_uncertain=True),
        "often": EffectPolicy(timeout_ms=1_000, attempts_max=1_000, backoff=QUICK, deadline_ms=5_000),
        "ends": EffectPolicy(timeout_ms=1_000, attempts_max=1_000, backoff=QUICK, ends=True),
        "patient": EffectPolicy(timeout_ms=30_000, attempts_max=4, backoff=QUICK),
        "short": EffectPolicy(timeout_ms=1_000, attempts_max=4, backoff=QUICK, deadline_ms=5_000),
    }

    def __init__(self, hook: Hook = nothing) -> None:
        self.hook = hook

    def entity(self, message: Pay | Withdraw | EffectOutcome) -> str:
        return message.entity

    def handle(self, state: Bill, message: Pay | Withdraw | EffectOutcome, turn: Turn) -> Bill:
        self.hook(message, turn)
        if isinstance(message, Pay):
            started = tuple(
                turn.start(
                    message.provider,
                    "charge",
                    Charge(message.entity, key),
                    key=key,
                    policy=message.policy,
                    lane=BULK_LANE if message.bulk else NORMAL_LANE,
                    deadline_ms=message.deadline_ms,
                )
                for key in message.keys
            )
            after = Bill(state.effects + started, state.heard)
            turn.reply(after)
            return after
        if isinstance(message, Withdraw):
            turn.withdraw(state.effects[message.n])
            return state
        n = state.effects.index(message.effect)
        return replace(state, heard=(*state.heard, f"{n} {message.verdict}"))
