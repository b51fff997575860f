"""The notifications actor taken turn by turn: its messages to itself, its timers and letters are played by hand, and
what it says to channels waits for a test to say what came of it."""

import copy
from collections import deque
from collections.abc import Sequence
from typing import Any

from sagamore.actors.notifications.allowance import Allowance, UserLimit, allowance_key
from sagamore.actors.notifications.channel import CannotSend, Channel
from sagamore.actors.notifications.desk import Desk
from sagamore.actors.notifications.event_type import Category, EventType, EventTypes
from sagamore.actors.notifications.messages import (
    CancelDelivery,
    CancelNotification,
    Deliver,
    DeliveryEnded,
    Notify,
    ReceiptArrived,
    Redeliver,
    SetUser,
)
from sagamore.actors.notifications.notification import Delivery, Notification, delivery_id
from sagamore.actors.notifications.notifications import NotificationsActor
from sagamore.actors.notifications.templates import Templates
from sagamore.actors.notifications.user import Address, Preference, QuietHours, User, user_key
from sagamore.engine.envelope import kind_of
from sagamore.engine.message import Codec, Message, Record, State, encode
from sagamore.engine.policy import DAY_MS
from sagamore.engine.testing import NOON_MS, TurnResult, run_turn
from sagamore.engine.turn import Buried, Sent, TimerCancelled, TimerSet

CHANNELS = ("mail", "sms", "push")
KEPT_MS = 90 * DAY_MS


class Mail(Channel, name="mail"):
    """Refuses to send what a test says."""

    refuses = False

    def check_parts(self, parts: Any) -> None:
        """Raises CannotSend if told so."""
        if self.refuses:
            raise CannotSend("bad_header", "a line end")


class Sms(Channel, name="sms", receipts=True):
    """Reports receipts."""


class Push(Channel, name="push"):
    """Reports none."""


class Wall(Channel, name="wall", addressed=False):
    """Needs no address."""


class Ping(Record, tag="PING", version=1):
    """What is told."""

    n: int = 0


class Alarm(Record, tag="ALARM", version=1):
    """What is told to those who do not want it, too."""

    n: int = 0


TYPES = (EventType(Ping, "pings", ("mail",)), EventType(Alarm, "alarms", ("mail",)))


class Core:
    """One user's partition. `sending` has the deliveries that channels were given and have not ended."""

    def __init__(
        self, limit: UserLimit | None = None, *, types: Sequence[EventType] = TYPES, channels: Sequence[Channel] = (),
        now_ms: int = NOON_MS, under_way: int = 32, **category: Any,
    ) -> None:  # fmt: skip
        self.channels = channels or (Mail(), Sms(), Push(), Wall())
        self.categories = (Category(name="pings", **category), Category(name="alarms", critical=True, **category))
        self.limit = limit or UserLimit(under_way_max=under_way)
        self.now_ms, self.steady_ms, self.boot = now_ms, 0, "boot"
        self.entities: dict[str, State] = {}
        self.own: deque[Message] = deque()
        self.timers: dict[tuple[str, str], tuple[int, Message]] = {}
        self.sending: dict[str, Deliver] = {}
        self.given_ms: dict[str, int] = {}
        """When, by the steady clock, each of them got its place."""
        self.withdrawing: list[str] = []
        self.letters: list[Redeliver] = []
        self.stories: list[str] = []
        self._turns = 0
        self.compose(types)

    def compose(self, types: Sequence[EventType], channels: Sequence[Channel] = ()) -> None:
        """Another program, over the same entities."""
        self.channels = channels or self.channels
        self.types = EventTypes(types, self.categories)
        self.actor = NotificationsActor(Desk(self.types, self.channels, Templates(), self.limit, KEPT_MS))

    def take(self, message: Message, *, sender: str = "", given_up: bool = False) -> TurnResult:
        """One turn, and what it leads to in this partition."""
        result = self._turn(message, sender, given_up=given_up)
        while self.own:
            self._turn(self.own.popleft(), "notifications/0")
        return result

    def _turn(self, message: Message, sender: str, *, given_up: bool = False) -> TurnResult:
        actor = self.actor
        if given_up:
            actor = copy.copy(actor)
            actor.handle = actor.given_up  # type: ignore[method-assign]
        self._turns += 1
        result = run_turn(
            actor, message, self.entities, now_ms=self.now_ms, steady_ms=self.steady_ms, boot=self.boot,
            message_id=f"msg_{self._turns}", sender=sender,
        )  # fmt: skip
        self.entities = result.entities
        self.stories += [note for note in result.notes if isinstance(note, str)]
        for intention in result.intentions:
            self._intend(intention)
        return result

    def _intend(self, intention: Any) -> None:
        match intention:
            case Sent(receiver, _, message) if kind_of(receiver) == "notifications":
                self.own.append(message)
            case Sent(_, _, Deliver() as deliver):
                assert deliver.outgoing.delivery not in self.sending, "given twice"
                self.sending[deliver.outgoing.delivery] = deliver
                self.given_ms[deliver.outgoing.delivery] = self.steady_ms
            case Sent(_, _, CancelDelivery(delivery)):
                self.withdrawing.append(delivery)
            case TimerSet(entity, name, due_ms, message):
                self.timers[entity, name] = (due_ms, message)
            case TimerCancelled(entity, name):
                self.timers.pop((entity, name), None)
            case Buried(body):
                self.letters.append(Codec([Redeliver]).decode(body))
            case Sent():
                pass
            case _:
                raise AssertionError(intention)

    def advance(self, ms: int, *, wall_step_ms: int = 0) -> None:
        """Somebody sets the wall clock, then time goes on; timers fire when the wall clock shows their time."""
        self.now_ms += wall_step_ms
        until_ms = self.now_ms + ms
        while self.timers and (first := min(self.timers.items(), key=lambda item: item[1][0]))[1][0] <= until_ms:
            key, (due_ms, message) = first
            del self.timers[key]
            self._pass(max(due_ms - self.now_ms, 0))
            self.take(message, sender="notifications/0")
        self._pass(until_ms - self.now_ms)

    def _pass(self, ms: int) -> None:
        self.now_ms, self.steady_ms = self.now_ms + ms, self.steady_ms + ms

    # --- what people and channels do ---

    def user(
        self, *addresses: tuple[str, str], wishes: dict[tuple[str, str], bool] | None = None,
        quiet: tuple[int, int] | None = None, zone: str = "", user_id: str = "ann",
    ) -> User:  # fmt: skip
        """Set a user."""
        preferences = tuple(Preference(*key, allowed) for key, allowed in (wishes or {}).items())
        message = SetUser(
            user_id, tuple(Address(*pair) for pair in addresses), "", zone, preferences,
            QuietHours(*quiet) if quiet else None,
        )  # fmt: skip
        after = self.take(message).state
        assert isinstance(after, User)
        return after

    def publish(
        self, n: int = 1, *channels: str, event: Record | None = None, sender: str = "", user_id: str = "ann",
        **fields: Any,
    ) -> Notification:  # fmt: skip
        """Tell the user."""
        data = encode(event or Ping(n)).decode()
        self.take(Notify(f"ntf_{n}", user_id, data, channels, **fields), sender=sender)
        return self.get(n)

    def ended(self, n: int, at: int = 1, status: Any = "SENT", *, attempts: int = 1, **more: Any) -> TurnResult:
        """A channel says what became of the delivery."""
        delivery = delivery_id(f"ntf_{n}", at)
        user_id = self.sending.pop(delivery).outgoing.user_id
        return self.take(DeliveryEnded(delivery, user_id, status, attempts=attempts, **more), sender="mail/0")

    def receipt(self, n: int, kind: Any, at: int = 1, at_ms: int = 5) -> Notification:
        """A provider reports."""
        self.take(ReceiptArrived(delivery_id(f"ntf_{n}", at), "ann", kind, at_ms))
        return self.get(n)

    def cancel(self, n: int) -> Notification:
        """A client cancels it."""
        self.take(CancelNotification(f"ntf_{n}", "ann"))
        return self.get(n)

    def replay(self) -> None:
        """A person replays the oldest letter."""
        self.take(self.letters.pop(0), sender="dead_letters/0")

    def discard(self) -> None:
        """A person discards the oldest letter."""
        self.take(self.letters.pop(0), sender="dead_letters/0", given_up=True)

    # --- what there is ---

    def get(self, n: int) -> Notification:
        """As it is now."""
        found = self.entities[f"ntf_{n}"]
        assert isinstance(found, Notification)
        return found

    def delivery(self, n: int, at: int = 1) -> Delivery:
        """As it is now."""
        return self.get(n).deliveries[at - 1]

    def shown(self, n: int) -> list[tuple[str, str, str]]:
        """Channel, status and reason of all deliveries."""
        return [(each.channel, each.status, each.reason) for each in self.get(n).deliveries]

    def states(self, n: int) -> list[tuple[str, str]]:
        """Channel and status of all deliveries."""
        return [(each.channel, each.status) for each in self.get(n).deliveries]

    def allowance(self, user_id: str = "ann") -> Allowance | None:
        """The user's places."""
        found = self.entities.get(allowance_key(user_id))
        assert found is None or isinstance(found, Allowance)
        return found

    def ann(self) -> User:
        """The user."""
        found = self.entities[user_key("ann")]
        assert isinstance(found, User)
        return found
