"""Audiences, and broadcasts to them: a durable cursor over an audience's members, in flat memory.

    Broadcast ──> effect "page": 500 members after the cursor, read from the file
        ▲               │
        │               ▼  one turn: 500 events to notifications in the bulk lane, then a mark behind them
        └── PageTaken ── once all partitions of notifications have taken theirs: the next page

So at most one page is on its way, whatever the size of the audience; a death costs nothing but the page under way,
which is asked for again. An audience and its members are in one partition; members are kept under
`member:AUDIENCE/USER`.
"""

from typing import Literal

import msgspec
from msgspec.structs import replace

from sagamore.actors.notifications.errors import CannotCancel, UnknownAudience, UnknownBroadcast
from sagamore.actors.notifications.event_type import EventTypes
from sagamore.actors.notifications.messages import Notify, PageSent, PageTaken
from sagamore.actors.notifications.user import user_key
from sagamore.engine.actor import Actor
from sagamore.engine.effect import EffectOutcome
from sagamore.engine.envelope import BULK_LANE
from sagamore.engine.message import Message, Record, State
from sagamore.engine.policy import DAY_MS, HOUR_MS, SECOND_MS, Backoff, EffectPolicy
from sagamore.engine.turn import Turn

PAGES = "audiences"
PAGE_USERS = 500  # a turn of some milliseconds and a commit of about 200 kB
MEMBERS_A_MESSAGE_MAX = 500


class Subscribe(Message, tag="audiences.subscribe", version=1):
    """Users join; who is in it already stays."""

    audience: str
    users: tuple[str, ...]


class Unsubscribe(Message, tag="audiences.unsubscribe", version=1):
    """Users leave."""

    audience: str
    users: tuple[str, ...]


class StartBroadcast(Message, tag="audiences.start_broadcast", version=1):
    """One event to everybody in the audience; `event` without a user."""

    broadcast: str
    audience: str
    event: Notify


class CancelBroadcast(Message, tag="audiences.cancel_broadcast", version=1):
    """No further page; what was told is told."""

    broadcast: str


class PageRequest(Record, frozen=True):
    """What the reader of members is asked."""

    audience: str
    partition: int
    after: str
    limit: int


class PageAnswer(Record, frozen=True):
    """Members in the order of their ids; `more` if there are some behind them."""

    users: tuple[str, ...]
    more: bool


class Audience(State, tag="audiences.audience", version=1):
    """Kept under `audience:NAME`, even when nobody is in it."""

    name: str
    members: int = 0


class Member(State, tag="audiences.member", version=1):
    """One user in one audience."""

    since_ms: int


class Broadcast(State, tag="audiences.broadcast", version=1, omit_defaults=True):
    """Kept under its id."""

    id: str
    audience: str
    event: Notify
    status: Literal["RUNNING", "DONE", "CANCELLED", "FAILED"]
    created_ms: int
    after: str = ""
    users: int = 0
    """Told so far."""
    pages: int = 0
    untaken: int = 0
    """Partitions that have not taken their part of the page yet."""
    more: bool = True
    why: str = ""


AudienceMessage = Subscribe | Unsubscribe | StartBroadcast | CancelBroadcast | PageTaken | EffectOutcome
AudienceState = Audience | Member | Broadcast | None
_answer = msgspec.json.Decoder(PageAnswer).decode


# A page is read from our own files: whatever is wrong with them, waiting is right.
PATIENT = {
    "": EffectPolicy(attempts_max=10_000, backoff=Backoff(SECOND_MS, HOUR_MS), deadline_ms=30 * DAY_MS, ends=True)
}


class AudiencesActor(Actor[AudienceState, AudienceMessage], kind="audiences", mints="bc", indexed=("status",)):
    """Owns audiences and broadcasts."""

    effect_policies = PATIENT
    reads_back = False

    def __init__(self, types: EventTypes) -> None:
        self._types = types

    def entity(self, message: AudienceMessage) -> str | tuple[str, ...]:
        """The audience with the members named, or the broadcast."""
        match message:
            case Subscribe() | Unsubscribe():
                members = (member_key(message.audience, user) for user in message.users)
                return audience_key(message.audience), *members
            case StartBroadcast():
                return message.broadcast, audience_key(message.audience)
            case EffectOutcome():
                return message.entity
            case _:
                return message.broadcast

    def handle(self, state: AudienceState, message: AudienceMessage, turn: Turn) -> AudienceState:
        """Join, leave, tell."""
        match message:
            case Subscribe():
                after = _join(state if isinstance(state, Audience) else Audience(message.audience), message, turn)
                turn.reply(after)
                return after
            case Unsubscribe():
                after = _leave(_known(state, message.audience), message, turn)
                turn.reply(after)
                return after
            case StartBroadcast():
                return _start(state, message, turn)
            case _ if not isinstance(state, Broadcast):
                if isinstance(message, CancelBroadcast):
                    raise UnknownBroadcast(message.broadcast)
                return state
            case CancelBroadcast():
                if state.status != "RUNNING":
                    raise CannotCancel(state.id, state.status.lower())
                cancelled = replace(state, status="CANCELLED")
                turn.reply(cancelled)
                return cancelled
            case PageTaken():
                return _taken(state, message, turn)
            case _:
                return _page(state, message, turn, self._types)


def audience_key(audience: str) -> str:
    """The key of an audience."""
    return f"audience:{audience}"


def member_key(audience: str, user_id: str) -> str:
    """The key of a member."""
    return f"member:{audience}/{user_id}"


def _known(state: AudienceState, audience: str) -> Audience:
    if not isinstance(state, Audience):
        raise UnknownAudience(audience)
    return state


def _join(audience: Audience, message: Subscribe, turn: Turn) -> Audience:
    new = [key for user in dict.fromkeys(message.users) if turn.load(key := member_key(audience.name, user)) is None]
    for key in new:
        turn.save(key, Member(turn.now_ms))
    return replace(audience, members=audience.members + len(new))


def _leave(audience: Audience, message: Unsubscribe, turn: Turn) -> Audience:
    gone = [key for user in dict.fromkeys(message.users) if turn.load(key := member_key(audience.name, user))]
    for key in gone:
        turn.save(key, None)
    return replace(audience, members=audience.members - len(gone))


def _start(state: AudienceState, message: StartBroadcast, turn: Turn) -> Broadcast:
    if isinstance(state, Broadcast):
        turn.reply(state)
        return state
    _known(turn.load(audience_key(message.audience)), message.audience)
    broadcast = Broadcast(message.broadcast, message.audience, message.event, "RUNNING", turn.now_ms)
    turn.reply(broadcast)
    return _ask(broadcast, turn)


def _ask(broadcast: Broadcast, turn: Turn) -> Broadcast:
    request = PageRequest(broadcast.audience, turn.partition, broadcast.after, PAGE_USERS)
    turn.start(PAGES, "page", request, key=f"{broadcast.id}/{broadcast.pages}")
    return broadcast


def _page(broadcast: Broadcast, outcome: EffectOutcome, turn: Turn, types: EventTypes) -> Broadcast:
    """Tell a page, and put a mark behind it in each partition's lane. Raises ValueError for an event that the program
    does not know any more: the page is one dead letter then, whose replay goes on, and not one for each user."""
    if broadcast.status != "RUNNING" or outcome.verdict not in ("succeeded", "refused", "exhausted"):
        return broadcast
    if outcome.verdict != "succeeded":
        turn.raise_alert("broadcast_failed", broadcast.id, f"its audience cannot be read: {outcome.answer}")
        return replace(broadcast, status="FAILED", why=outcome.answer)
    types.read(broadcast.event.data)
    page = _answer(outcome.answer)
    partitions: dict[int, None] = {}
    for user_id in page.users:
        partition = turn.partition_of("notifications", user_key(user_id))
        partitions[partition] = None
        told = replace(
            broadcast.event, notification_id=turn.new_id("ntf", partition), user_id=user_id, broadcast=broadcast.id
        )  # fmt: skip
        turn.send("notifications", told, partition=partition, lane=BULK_LANE)
    for partition in partitions:
        mark = PageSent(broadcast.id, broadcast.pages, partition)
        turn.send("notifications", mark, partition=partition, lane=BULK_LANE)
    after = page.users[-1] if page.users else broadcast.after
    broadcast = replace(
        broadcast, after=after, users=broadcast.users + len(page.users), pages=broadcast.pages + 1,
        untaken=len(partitions), more=page.more,
    )  # fmt: skip
    turn.note(f"page {broadcast.pages}: {len(page.users)} users")
    return broadcast if partitions else replace(broadcast, status="DONE")


def _taken(broadcast: Broadcast, message: PageTaken, turn: Turn) -> Broadcast:
    if message.page != broadcast.pages - 1 or not broadcast.untaken:
        return broadcast
    broadcast = replace(broadcast, untaken=broadcast.untaken - 1)
    if broadcast.untaken or broadcast.status != "RUNNING":
        return broadcast
    return _ask(broadcast, turn) if broadcast.more else replace(broadcast, status="DONE")
