"""The demo's books of messages: whatever is lost, doubled without a cause, or untold is found."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from sagamore import Call, Delivery, Notification, Outgoing
from sagamore.demo.accounts import OurAccount
from sagamore.demo.messages import Messages, compare_messages
from sagamore.demo.phones import Phones, read_arrived
from sagamore.engine.effect import NotReached, Unknown

ORDERS = {"ord_1": OurAccount("CONFIRMED")}
PHONE, INBOX = Delivery(1, "sms", "SENT", uncertain=1), Delivery(2, "inbox", "SENT")


def told(event: str, *deliveries: Delivery, n: int = 1) -> Notification:
    return Notification(f"ntf_{n}", "ann", event, "orders", "DONE", 1, order_id="ord_1", deliveries=deliveries)


CREATED, CONFIRMED = told("ORDER_CREATED", PHONE, INBOX), told("ORDER_CONFIRMED", PHONE, n=2)
ARRIVED = Counter({"dlv_1_1": 2, "dlv_2_1": 1})


def test_books_that_agree_count_every_delivery_by_its_end() -> None:
    suppressed = replace(CONFIRMED, deliveries=(*CONFIRMED.deliveries, Delivery(2, "sms", "SUPPRESSED")))
    books = compare_messages(ORDERS, [CREATED, suppressed], ARRIVED)
    assert books == Messages(4, {"sent": 3, "suppressed": 1}, 2, 1, 2, ())


@pytest.mark.parametrize(
    ("notifications", "arrived", "says"),
    [
        ([CREATED, CONFIRMED], Counter({"dlv_1_1": 1}), "dlv_2_1 is SENT and never arrived"),
        ([CREATED, CONFIRMED], Counter({"dlv_1_1": 4, "dlv_2_1": 1}), "3 copies arrived, of 2 attempts"),
        ([CREATED, CONFIRMED], ARRIVED + Counter(["dlv_3_1"]), "dlv_3_1 arrived and is in no book"),
        ([CREATED], ARRIVED - Counter(["dlv_2_1"]), "ord_1: ORDER_CONFIRMED was told 0 times"),
        ([CREATED, CONFIRMED, replace(CONFIRMED, id="ntf_4", deliveries=())], ARRIVED, "was told 2 times"),
        (
            [CREATED, replace(CONFIRMED, deliveries=(replace(PHONE, status="SENDING"),))], ARRIVED,
            "dlv_2_1 is SENDING, no end",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(notifications: list[Notification], arrived: Counter[str], says: str) -> None:
    (wrong,) = compare_messages(ORDERS, notifications, arrived).wrong
    assert says in wrong


async def test_a_phone_lists_what_arrived_also_when_the_answer_is_lost(tmp_path: Path) -> None:
    phones = Phones(tmp_path / "arrived.log")
    call = Call("eff", "send", b"", "key", "ntf", 1)
    sms = [Outgoing(f"dlv_{n}", "ann", "phone", "ORDER_CREATED", "orders", (), 1) for n in range(300)]
    outcomes = await asyncio.gather(*(phones.send(each, call) for each in sms))
    await phones.close()
    reached = {
        each.delivery for each, outcome in zip(sms, outcomes, strict=True) if not isinstance(outcome, NotReached)
    }
    assert read_arrived(tmp_path / "arrived.log") == Counter(reached)
    assert len(reached) < 300
    assert any(isinstance(outcome, Unknown) for outcome in outcomes)
