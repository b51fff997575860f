"""The dead-letter actor: messages and effects given up on, with their whole history, for a person to work through.

    WAITING ── replay ──> REPLAYED ── it fails again ──> WAITING
       └────── discard ──> DISCARDED ── `given_up` fails ──> WAITING

A replay bears the original id and its own number; the mark commits with it, so a second replay has no second effect.
Each letter raises an alert, but of many to one address only the first few do: then one alert tells their number, anew
whenever that has doubled.
The handler is total: there is no message and no state for which it raises anything but a refusal to the client.
"""

from typing import Literal

from msgspec.structs import replace

from sagamore.engine.actor import Actor
from sagamore.engine.envelope import Address
from sagamore.engine.errors import Refused
from sagamore.engine.message import Message, Record, State, encode
from sagamore.engine.turn import Turn

DEAD_LETTERS = "dead_letters"


class UnknownLetter(Refused):
    """No dead letter has that id."""

    code = "unknown_letter"


class LetterClosed(Refused):
    """It was replayed or discarded before."""

    code = "letter_closed"


class Attempt(Record, frozen=True):
    """One attempt that failed."""

    at_ms: int
    error: str


class Bury(Message, tag="dead_letters.bury", version=1):
    """Give up on a message to `address`, or (with `effect`) on an effect of it."""

    letter: str
    address: Address
    sender: Address
    message_id: str
    correlation: str
    message_type: str
    body: str
    """The message as stored, kept byte for byte even if nobody can read it."""
    attempts: tuple[Attempt, ...]
    effect: str = ""
    given_up: bool = False


class ReplayLetter(Message, tag="dead_letters.replay", version=1):
    """Send it again, once."""

    letter: str
    by: str


class DiscardLetter(Message, tag="dead_letters.discard", version=1):
    """Never send it again; who waits for it is answered with a refusal."""

    letter: str
    by: str
    reason: str


class RetryEffect(Message, tag="dead_letters.retry_effect", version=1):
    """The replay of a parked effect: its partition tells the entity (`retried`) and makes it pending again."""

    effect: str


class LetterLeft(Message, tag="dead_letters.left", version=1):
    """A letter to that address waits no longer."""

    to: Address


class Waiting(State, tag="dead_letters.waiting", version=1):
    """How many letters to one address wait, kept under `waiting:ADDRESS`."""

    letters: int


class DeadLetter(State, tag="dead_letters.letter", version=1):
    """A letter; `attempts` has those of every time it came here."""

    id: str
    status: Literal["WAITING", "REPLAYED", "DISCARDED"]
    address: Address
    sender: Address
    message_id: str
    correlation: str
    message_type: str
    body: str
    effect: str
    attempts: tuple[Attempt, ...]
    buried_at_ms: int
    replays: int = 0
    closed_by: str = ""
    reason: str = ""
    given_up: bool = False
    """It was discarded, and what its actor does then has failed: a replay is another try at that."""


ATTEMPTS_KEPT_MAX = 50  # of a letter that fails again and again the last ones tell enough
ALERTS_OF_ADDRESS_MAX = 20  # a person reads so many one by one; alerts are all in memory, letters are not

LetterMessage = Bury | ReplayLetter | DiscardLetter | LetterLeft
LetterState = DeadLetter | Waiting | None


class DeadLettersActor(Actor[LetterState, LetterMessage], kind=DEAD_LETTERS, indexed=("status", "address")):
    """Keeps the letters, by their ids, and counts those that wait."""

    reads_back = False

    def entity(self, message: LetterMessage) -> str | tuple[str, ...]:
        """The letter's id, with the count of its address where that rises."""
        match message:
            case Bury():
                return message.letter, _waiting_key(message.address)
            case LetterLeft():
                return _waiting_key(message.to)
            case _:
                return message.letter

    def handle(self, state: LetterState, message: LetterMessage, turn: Turn) -> LetterState:
        """Bury, replay or discard."""
        if isinstance(message, LetterLeft):
            return _left(state if isinstance(state, Waiting) else Waiting(0), message, turn)
        if isinstance(message, Bury):
            return _buried(state if isinstance(state, DeadLetter) else None, message, turn)
        if not isinstance(state, DeadLetter):
            raise UnknownLetter(f"there is no dead letter {message.letter!r}; list them to see which there are")
        if state.status != "WAITING":
            raise LetterClosed(f"{state.id} was {state.status.lower()} by {state.closed_by}; only a waiting one can be")
        turn.clear_alert("dead_letter", state.id)
        turn.send(DEAD_LETTERS, LetterLeft(state.address), partition=turn.partition)
        if isinstance(message, ReplayLetter):
            turn.note(f"replayed by {message.by}")
            body = encode(RetryEffect(state.effect)) if state.effect else state.body.encode()
            send = turn.give_up if state.given_up else turn.resend
            send(state.address, state.message_id, state.correlation, body, state.id)
            after = replace(state, status="REPLAYED", closed_by=message.by, replays=state.replays + 1)
        else:
            turn.note(f"discarded by {message.by}: {message.reason}")
            if not state.effect:
                turn.give_up(state.address, state.message_id, state.correlation, state.body.encode(), state.id)
            after = replace(state, status="DISCARDED", closed_by=message.by, reason=message.reason)
        turn.reply(after)
        return after


def _buried(state: DeadLetter | None, message: Bury, turn: Turn) -> DeadLetter:
    if state is None or state.status != "WAITING":
        _count(message, turn)
    attempts = message.attempts if state is None else state.attempts + message.attempts
    return DeadLetter(
        id=message.letter,
        status="WAITING",
        address=message.address,
        sender=message.sender,
        message_id=message.message_id,
        correlation=message.correlation,
        message_type=message.message_type,
        body=message.body,
        effect=message.effect,
        attempts=attempts[-ATTEMPTS_KEPT_MAX:],
        buried_at_ms=turn.now_ms,
        replays=0 if state is None else state.replays,
        given_up=message.given_up,
    )


def _count(message: Bury, turn: Turn) -> None:
    """One more letter waits; what is raised for it."""
    key = _waiting_key(message.address)
    known = turn.load(key)
    letters = known.letters + 1 if isinstance(known, Waiting) else 1
    turn.save(key, Waiting(letters))
    if letters <= ALERTS_OF_ADDRESS_MAX:
        advice = f"{message.message_type} to {message.address}: show, then replay or discard it"
        turn.raise_alert("dead_letter", message.letter, advice)
    elif letters == ALERTS_OF_ADDRESS_MAX + 1 or letters.bit_count() == 1:
        turn.raise_alert("dead_letters", message.address, f"{letters} of them wait and they become more: list them")


def _left(waiting: Waiting, message: LetterLeft, turn: Turn) -> Waiting | None:
    letters = max(waiting.letters - 1, 0)
    if letters == ALERTS_OF_ADDRESS_MAX:
        turn.clear_alert("dead_letters", message.to)
    return Waiting(letters) if letters else None


def _waiting_key(address: Address) -> str:
    return f"waiting:{address}"
