"""Lists of a user's notifications find these alone, also while the user holds places in the limit."""

from pathlib import Path

from sagamore import Call, Channel, Event, NotReached, Outcome, Outgoing, Sagamore


class Nobody(Channel, name="nobody", addressed=False):
    """Is never there, so that what is sent stays under way."""

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        return NotReached("nobody is there")


async def test_a_user_with_a_delivery_under_way_is_listed_page_by_page_and_can_be_erased(tmp_path: Path) -> None:
    async with Sagamore.open(tmp_path / "shop", channels=[Nobody()]) as shop:
        await shop.users.set("ann")
        event = Event(event_type="ORDER_SHIPPED", user_id="ann", data={"order_id": "ord_1"})
        told = [(await shop.notifications.publish(event)).id for _ in range(3)]
        first = await shop.notifications.list(user_id="ann", limit=2)
        rest = await shop.notifications.list(user_id="ann", limit=2, cursor=first.cursor)
        assert [each.id for each in (*first.items, *rest.items)] == told[::-1]
        assert rest.cursor == ""
        await shop.users.erase("ann")
        assert {each.data for each in (await shop.notifications.list(user_id="ann")).items} == {""}
