"""An open shop: its doors, and what it says of itself."""

from pathlib import Path

from sagamore.actors.checks import check_type
from sagamore.actors.text import check_key, check_storable, check_text
from sagamore.doors.audiences import Audiences
from sagamore.doors.dead_letters import DeadLetters
from sagamore.doors.inbox import Inboxes
from sagamore.doors.inventory import Inventory
from sagamore.doors.notifications import Notifications
from sagamore.doors.orders import Orders
from sagamore.doors.payments import Payments
from sagamore.doors.users import Users
from sagamore.engine.message import Message, Record, State
from sagamore.engine.runtime.engine import Engine
from sagamore.engine.runtime.inspection import Alert, Health
from sagamore.files import Files
from sagamore.listening import Listener
from sagamore.notifying import Notifying
from sagamore.statistics import Statistics, statistics_of


class Shop:
    """Everything it offers must be used in the event loop that opened it."""

    def __init__(self, engine: Engine, path: Path, listener: Listener, notifying: Notifying) -> None:
        self.engine = engine
        self.path = path
        self._listener = listener
        self.channels = tuple(notifying.channels)
        """The names of those that it was opened with."""
        self.files = Files(path)
        self.orders = Orders(engine, self.files)
        self.inventory = Inventory(engine, self.files)
        self.payments = Payments(engine, self.files)
        self.notifications = Notifications(engine, self.files, notifying)
        self.users = Users(engine, self.files, notifying)
        self.audiences = Audiences(engine, self.files, notifying)
        self.inbox = Inboxes(engine, self.files, notifying)
        self.dead_letters = DeadLetters(engine, self.files)

    async def ask(self, kind: str, message: Message, *, idempotency_key: str | None = None) -> Record | None:
        """Send a command to an actor of the host's own; its reply, once that is durable. See `Engine.ask`."""
        check_text("kind", kind)
        check_type("message", message, Message)
        return await self.engine.ask(kind, message, key=check_key(idempotency_key), scope="host")

    async def read(self, kind: str, key: str) -> State | None:
        """An entity of any actor, as last committed; None if there is none."""
        return await self.engine.read(check_text("kind", kind), check_storable("key", key))

    def alerts(self) -> tuple[Alert, ...]:
        """The conditions that stand, oldest first."""
        return self.engine.alerts()

    def health(self) -> Health:
        """Whether someone should look, and at what: partitions that are down (RED) or being reopened, a WAL that a
        reader keeps from being checked in, alerts, and a provider whose events are not heard (all YELLOW)."""
        health = self.engine.health()
        if not (problem := self._listener.problem()):
            return health
        return Health("YELLOW" if health.status == "GREEN" else health.status, (*health.problems, problem))

    def statistics(self) -> Statistics:
        """Every queue, pool and cache, and how orders and notifications fare."""
        return statistics_of(self.engine)
