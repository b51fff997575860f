"""Lists of a user's notifications find these alone, also while the user holds places in the limit; lists of users find
all of them, by id."""

from pathlib import Path

import pytest

from sagamore import Call, Channel, Event, InvalidInput, NotReached, Outcome, Outgoing, Sagamore, Settings


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


async def test_users_are_listed_page_by_page_by_id_over_all_partitions_and_after_a_restart(tmp_path: Path) -> None:
    settings = Settings(partitions={"notifications": 3})
    ids = ["Zoe", "ann", "bob", "ntf_1", "user:ann", "ébène", *(f"u{n}" for n in range(10))]
    async with Sagamore.open(tmp_path / "shop", settings, channels=[Nobody()]) as shop:
        for user_id in ids:
            await shop.users.set(user_id, locale="en-GB")
        event = Event(event_type="ORDER_SHIPPED", user_id="ann", data={"order_id": "ord_1"})
        told = await shop.notifications.publish(event)
        assert {each.locale for each in (await shop.users.list()).items} == {"en-GB"}
        first = await shop.users.list(limit=4)
        await shop.users.set("~", locale="en-GB")  # above the cursor, or below it: listed where its id stands
        await shop.users.set("c", locale="en-GB")
    async with Sagamore.open(tmp_path / "shop", settings, channels=[Nobody()]) as shop:
        pages = [first]
        for _ in range(4):
            pages.append(await shop.users.list(limit=4, cursor=pages[-1].cursor))
        assert [each.id for page in pages for each in page.items] == sorted([*ids, "c"], reverse=True)
        assert ([len(page.items) for page in pages], pages[-1].cursor) == ([4, 4, 4, 4, 1], "")
        assert "~" in [each.id for each in (await shop.users.list()).items]
        with pytest.raises(InvalidInput, match=r"cursor is 'ntf_.*begins with user:"):
            await shop.users.list(cursor=told.id)
