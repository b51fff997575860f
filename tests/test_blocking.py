"""`sagamore.blocking`: the shop of a program that has no event loop."""

import asyncio
import inspect
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from sagamore import (
    Closed,
    DirectoryError,
    Event,
    Inbox,
    InvalidInput,
    Line,
    Money,
    Order,
    SimulatedPayments,
    UnknownOrder,
    UnknownUser,
    WrongLoop,
    blocking,
)
from sagamore.actors.orders.payment_provider import ChargeRequest
from sagamore.doors.audiences import Audiences
from sagamore.doors.dead_letters import DeadLetters
from sagamore.doors.inbox import Inboxes
from sagamore.doors.inventory import Inventory
from sagamore.doors.notifications import Notifications
from sagamore.doors.orders import Orders
from sagamore.doors.payments import Payments
from sagamore.doors.users import Users
from sagamore.engine.effect import Outcome

ROOT = Path(__file__).parents[1]
SOON = timedelta(seconds=10)
MUGS = (Line("MUG", 2, Money("12.50", "GBP")),)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[blocking.BlockingShop]:
    with blocking.open(tmp_path / "shop", payments=SimulatedPayments()) as shop:
        shop.inventory.receive("MUG", 1_000, reason="first")
        yield shop


def _place(shop: blocking.BlockingShop, method: str = "pm_card") -> Order:
    return shop.orders.place(user_id="ann", lines=MUGS, payment_method=method)


def test_an_order_is_placed_waited_for_and_told(shop: blocking.BlockingShop) -> None:
    order = shop.orders.wait(_place(shop).id, timeout=SOON)
    assert order.status == "CONFIRMED"
    assert shop.orders.get(order.id) == shop.orders.list().items[0] == order
    assert next(line.message for line in shop.orders.story(order.id)) == "orders.place"
    assert shop.inventory.get("MUG").reserved == 2
    assert shop.read("orders", order.id) == order
    assert (shop.health().status, shop.alerts(), shop.statistics().engine.tasks > 0) == ("GREEN", (), True)


def test_a_user_is_told_and_reads_it(tmp_path: Path) -> None:
    with blocking.open(tmp_path / "shop", channels=[Inbox()]) as shop:
        event = Event(event_type="ORDER_SHIPPED", user_id="ann", data={"order_id": "ord_1"})
        with pytest.raises(UnknownUser):
            shop.notifications.publish(event)
        shop.users.set("ann")
        told = shop.notifications.wait(shop.notifications.publish(event).id, timeout=SOON)
        assert [(each.channel, each.status) for each in told.deliveries] == [("inbox", "SENT")]
        assert shop.notifications.list(user_id="ann").items == (told,)
        assert next(line.message for line in shop.notifications.story(told.id)) == "notifications.notify"
        (item,) = shop.inbox.list("ann").items
        assert (item.event_type, shop.inbox.feed("ann").unread) == ("ORDER_SHIPPED", 1)
        assert shop.inbox.mark_read("ann").unread == 0
        assert shop.users.list().items == (shop.users.get("ann"),)
        assert shop.audiences.subscribe("buyers", ["ann"]).members == 1
        counted = shop.statistics().notifications
        assert (counted.sent, counted.failed, counted.suppressed, counted.uncertain) == (1, 0, 0, 0)


def test_changes_come_one_by_one_and_end_with_the_iterator(shop: blocking.BlockingShop) -> None:
    changes = shop.orders.changes(_place(shop).id)
    for order in changes:
        if order.status == "CONFIRMED":
            break
    changes.close()  # type: ignore[attr-defined]  # it is a generator
    assert _until(lambda: shop.statistics().engine.watchers == 0)


def test_errors_are_those_of_the_doors(shop: blocking.BlockingShop) -> None:
    with pytest.raises(UnknownOrder):
        shop.orders.get("ord_none")
    with pytest.raises(UnknownOrder):
        next(shop.orders.changes("ord_none"))
    with pytest.raises(InvalidInput):
        shop.inventory.receive("MUG", 0, reason="x")
    with pytest.raises(TimeoutError):
        shop.orders.wait(_place(shop, "pm_action").id, timeout=timedelta(milliseconds=50))


def test_many_threads_use_one_shop(shop: blocking.BlockingShop) -> None:
    with ThreadPoolExecutor(16) as threads:
        orders = list(threads.map(lambda _: shop.orders.wait(_place(shop).id, timeout=SOON), range(100)))
    assert {order.status for order in orders} == {"CONFIRMED"}
    assert shop.inventory.get("MUG").reserved == 200


def test_closed_it_has_ended_its_thread_and_says_so(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    shop = blocking.open(tmp_path / "shop")
    changes = shop.orders.changes("ord_none")
    shop.close()
    shop.close()
    with pytest.raises(Closed, match="open the directory again"):
        shop.inventory.list()
    with pytest.raises(Closed):
        next(changes)
    assert _until(lambda: set(threading.enumerate()) <= before)
    with blocking.open(tmp_path / "shop") as again:
        assert again.inventory.list().items == ()


def test_a_call_under_way_when_the_shop_closes_ends_with_closed(shop: blocking.BlockingShop) -> None:
    order = _place(shop, "pm_action")
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(shop.orders.wait, order.id, timeout=timedelta(hours=1))
        assert _until(lambda: shop.statistics().engine.watchers == 1)
        shop.close()
        with pytest.raises(Closed):
            waiting.result(10)


def test_a_directory_that_cannot_be_opened_is_told_to_the_opener(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    before = set(threading.enumerate())
    with pytest.raises(DirectoryError, match=r"thesis\.txt"):
        blocking.open(tmp_path)
    assert set(threading.enumerate()) <= before


def test_a_call_that_takes_too_long_is_given_up_with_a_timeout(tmp_path: Path) -> None:
    given_up = pytest.raises(TimeoutError, match="with the same idempotency key it is done once")
    with blocking.open(tmp_path / "shop", call_timeout=timedelta(microseconds=1)) as shop, given_up:
        shop.inventory.receive("MUG", 1, reason="x", idempotency_key="k")


def test_on_its_own_thread_a_call_is_refused_rather_than_waiting_for_itself(tmp_path: Path) -> None:
    errors: list[Exception] = []

    class Confused(SimulatedPayments):
        async def authorise(self, request: ChargeRequest, key: str) -> Outcome:
            for call in (opened.inventory.list, opened.close):
                try:
                    call()
                except WrongLoop as error:
                    errors.append(error)
            return await super().authorise(request, key)

    with blocking.open(tmp_path / "shop", payments=Confused()) as opened:
        opened.inventory.receive("MUG", 10, reason="first")
        opened.orders.wait(_place(opened).id, timeout=SOON)
    assert ["own thread" in str(error) for error in errors] == [True, True]


def test_after_a_fork_the_child_is_told_that_the_shop_is_its_parents(tmp_path: Path) -> None:
    done = _run(
        f"""
        import os
        from sagamore import WrongLoop, blocking
        with blocking.open({str(tmp_path / "shop")!r}) as shop:
            child = os.fork()
            if child == 0:
                try:
                    shop.inventory.list()
                except WrongLoop as error:
                    os.write(1, str(error).encode())
                shop.close()
                os._exit(7)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(shop.inventory.list().items))
        """
    )
    assert done == "the shop belongs to the process that opened it; after a fork open it in the child alone7 0\n"


def test_a_program_that_ends_without_closing_ends(tmp_path: Path) -> None:
    shop_dir = tmp_path / "shop"
    assert _run(f"from sagamore import blocking; blocking.open({str(shop_dir)!r}); print('end')") == "end\n"
    assert not (shop_dir / "control.sock").exists(), "it was stopped, not killed"


def test_it_may_be_used_where_a_loop_runs_as_in_a_notebook(tmp_path: Path) -> None:
    async def cell() -> int:
        with blocking.open(tmp_path / "shop") as shop:
            return shop.inventory.receive("MUG", 3, reason="first").on_hand

    assert asyncio.run(cell()) == 3


@pytest.mark.parametrize(
    ("door", "blocked"),
    [
        (Orders, blocking.BlockingOrders),
        (Inventory, blocking.BlockingInventory),
        (Payments, blocking.BlockingPayments),
        (Notifications, blocking.BlockingNotifications),
        (Users, blocking.BlockingUsers),
        (Audiences, blocking.BlockingAudiences),
        (Inboxes, blocking.BlockingInbox),
        (DeadLetters, blocking.BlockingDeadLetters),
    ],
)
def test_every_method_of_every_door_is_there(door: type, blocked: type) -> None:
    offered = {name: method for name, method in vars(door).items() if inspect.isfunction(method) and name[0] != "_"}
    assert {name for name in vars(blocked) if name[0] != "_"} == offered.keys()
    for name, method in offered.items():
        assert vars(blocked)[name]._method is method
        assert isinstance(vars(blocked)[name], blocking.Blocking) == inspect.iscoroutinefunction(method)


def _run(program: str) -> str:
    """What a program printed."""
    return subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", inspect.cleandoc(program)],
        capture_output=True, text=True, timeout=20, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    ).stdout  # fmt: skip


def _until(holds: Callable[[], bool]) -> bool:
    """Whether it holds within some seconds."""
    end = time.monotonic() + 5
    while not (held := holds()) and time.monotonic() < end:
        os.sched_yield()
    return held
