"""Sagamore for programs without an event loop: the shop runs on a thread of its own, and its methods block.

    with sagamore.blocking.open("shop/", payments=SimulatedPayments()) as shop:
        order = shop.orders.place(user_id="ann", lines=[…], payment_method="pm_card")
        order = shop.orders.wait(order.id, timeout=timedelta(seconds=10))
        for line in shop.orders.story(order.id):
            print(line)

Everything is as in `sagamore.Sagamore`, without `await`; streams are iterators. Any thread may call, but the shop's own
(where `on_alert` and providers run): it would wait for itself. After a fork the child has no shop: open it there, after
the parent has closed it. A program that ends without closing closes it.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from sagamore.actors.checks import check_span
from sagamore.actors.notifications.channel import Channel
from sagamore.actors.orders.payment_provider import PaymentProvider
from sagamore.app import Sagamore
from sagamore.doors.audiences import Audiences
from sagamore.doors.dead_letters import DeadLetters
from sagamore.doors.inbox import Inboxes
from sagamore.doors.inventory import Inventory
from sagamore.doors.notifications import Notifications
from sagamore.doors.orders import Orders
from sagamore.doors.payments import Payments
from sagamore.doors.users import Users
from sagamore.engine.actor import Actor
from sagamore.engine.message import Message, Record, State
from sagamore.engine.runtime.inspection import Alert, Health
from sagamore.runner import Runner
from sagamore.settings import Settings
from sagamore.statistics import Statistics

P = ParamSpec("P")
T = TypeVar("T")
CALL_TIMEOUT = timedelta(seconds=60)  # a turn takes milliseconds; this is for a disk that hangs


class Door:
    """A door of the shop, whose methods block."""

    def __init__(self, runner: Runner, door: Any) -> None:
        self._runner, self._door = runner, door


class Blocking(Generic[P, T]):
    """A coroutine method of a door as one that blocks, with the same arguments."""

    def __init__(self, method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]], *, patient: bool = False) -> None:
        self._method, self._patient = method, patient
        self.__doc__ = method.__doc__

    def __get__(self, door: Door, _: type[Door]) -> Callable[P, T]:
        def call(*args: P.args, **options: P.kwargs) -> T:
            return door._runner.call(lambda: self._method(door._door, *args, **options), patient=self._patient)

        return call


class Iterating(Generic[P, T]):
    """A stream of a door as an iterator, with the same arguments."""

    def __init__(self, method: Callable[Concatenate[Any, P], AsyncIterator[T]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    def __get__(self, door: Door, _: type[Door]) -> Callable[P, Iterator[T]]:
        def call(*args: P.args, **options: P.kwargs) -> Iterator[T]:
            return door._runner.iterate(lambda: self._method(door._door, *args, **options))

        return call


class BlockingOrders(Door):
    """`shop.orders`."""

    place = Blocking(Orders.place)
    pay = Blocking(Orders.pay)
    cancel = Blocking(Orders.cancel)
    refund = Blocking(Orders.refund)
    ship = Blocking(Orders.ship)
    deliver = Blocking(Orders.deliver)
    return_goods = Blocking(Orders.return_goods)
    get = Blocking(Orders.get)
    wait = Blocking(Orders.wait, patient=True)
    changes = Iterating(Orders.changes)
    list = Blocking(Orders.list)
    by_reference = Blocking(Orders.by_reference)
    story = Iterating(Orders.story)


class BlockingInventory(Door):
    """`shop.inventory`."""

    receive = Blocking(Inventory.receive)
    adjust = Blocking(Inventory.adjust)
    set = Blocking(Inventory.set)
    get = Blocking(Inventory.get)
    list = Blocking(Inventory.list)


class BlockingPayments(Door):
    """`shop.payments`."""

    get = Blocking(Payments.get)
    list = Blocking(Payments.list)
    resolve = Blocking(Payments.resolve)
    event = Blocking(Payments.event)


class BlockingNotifications(Door):
    """`shop.notifications`."""

    publish = Blocking(Notifications.publish)
    cancel = Blocking(Notifications.cancel)
    receipt = Blocking(Notifications.receipt)
    get = Blocking(Notifications.get)
    wait = Blocking(Notifications.wait, patient=True)
    list = Blocking(Notifications.list)
    story = Iterating(Notifications.story)
    broadcast = Blocking(Notifications.broadcast)
    get_broadcast = Blocking(Notifications.get_broadcast)
    cancel_broadcast = Blocking(Notifications.cancel_broadcast)


class BlockingUsers(Door):
    """`shop.users`."""

    set = Blocking(Users.set)
    prefer = Blocking(Users.prefer)
    get = Blocking(Users.get)
    list = Blocking(Users.list)
    erase = Blocking(Users.erase)


class BlockingAudiences(Door):
    """`shop.audiences`."""

    subscribe = Blocking(Audiences.subscribe)
    unsubscribe = Blocking(Audiences.unsubscribe)
    get = Blocking(Audiences.get)
    list = Blocking(Audiences.list)
    has = Blocking(Audiences.has)


class BlockingInbox(Door):
    """`shop.inbox`."""

    list = Blocking(Inboxes.list)
    feed = Blocking(Inboxes.feed)
    mark_read = Blocking(Inboxes.mark_read)


class BlockingDeadLetters(Door):
    """`shop.dead_letters`."""

    list = Blocking(DeadLetters.list)
    show = Blocking(DeadLetters.show)
    replay = Blocking(DeadLetters.replay)
    discard = Blocking(DeadLetters.discard)


class BlockingShop:
    """An open shop; a context manager that closes it. Any thread may use it. Beside what the doors raise, every call
    raises Closed, WrongLoop (a fork, or the shop's own thread) and TimeoutError (the call timeout)."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.path = runner.shop.path
        self.orders = BlockingOrders(runner, runner.shop.orders)
        self.inventory = BlockingInventory(runner, runner.shop.inventory)
        self.payments = BlockingPayments(runner, runner.shop.payments)
        self.notifications = BlockingNotifications(runner, runner.shop.notifications)
        self.users = BlockingUsers(runner, runner.shop.users)
        self.audiences = BlockingAudiences(runner, runner.shop.audiences)
        self.inbox = BlockingInbox(runner, runner.shop.inbox)
        self.dead_letters = BlockingDeadLetters(runner, runner.shop.dead_letters)

    def ask(self, kind: str, message: Message, *, idempotency_key: str | None = None) -> Record | None:
        """Send a command to an actor of the host's own; its reply, once that is durable."""
        return self._runner.call(lambda: self._runner.shop.ask(kind, message, idempotency_key=idempotency_key))

    def read(self, kind: str, key: str) -> State | None:
        """An entity of any actor, as last committed; None if there is none."""
        return self._runner.call(lambda: self._runner.shop.read(kind, key))

    def alerts(self) -> tuple[Alert, ...]:
        """The conditions that stand, oldest first."""
        return self._look(self._runner.shop.alerts)

    def health(self) -> Health:
        """Whether someone should look, and at what."""
        return self._look(self._runner.shop.health)

    def statistics(self) -> Statistics:
        """Every queue, pool and cache, and how orders and notifications fare."""
        return self._look(self._runner.shop.statistics)

    def close(self) -> None:
        """Stop the shop; calls under way in other threads end with Closed. Again is nothing."""
        self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _look(self, at: Callable[[], T]) -> T:
        async def looking() -> T:
            return at()

        return self._runner.call(looking)


def open(
    path: str | Path,
    settings: Settings | None = None,
    *,
    payments: PaymentProvider | None = None,
    channels: Sequence[Channel] = (),
    actors: Sequence[Actor[Any, Any]] = (),
    on_alert: Callable[[Alert], None] | None = None,
    call_timeout: timedelta = CALL_TIMEOUT,
) -> BlockingShop:
    """As `Sagamore.open`, on a thread of its own. `payments`, `channels` and `on_alert` are called on that thread.

    call_timeout: after so long (at most 365 days) a call raises TimeoutError; not `wait` and the streams
    Raises DirectoryError, InvalidInput.
    """
    check_span("call_timeout", call_timeout, least=timedelta.resolution)

    def opening() -> AbstractAsyncContextManager[Sagamore]:
        return Sagamore.open(
            path, settings, payments=payments, channels=channels, actors=actors, on_alert=on_alert
        )  # fmt: skip

    return BlockingShop(Runner(opening, call_timeout))
