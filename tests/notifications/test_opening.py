"""What would otherwise show as dead letters is found when the shop is opened: templates that are missing, a locale that
nothing is written in. Of variables: templates/test_variables.py."""

from pathlib import Path

import pytest

from sagamore import Line, Money, Sagamore, Settings, SimulatedPayments
from sagamore.actors.notifications.channel import Channel
from sagamore.actors.notifications.door import Event
from sagamore.actors.notifications.event_type import Category
from sagamore.actors.notifications.inbox import Inbox
from sagamore.actors.notifications.order_events import order_event_types
from sagamore.actors.notifications.settings import NotificationSettings
from sagamore.engine.errors import InvalidInput
from sagamore.notifying import Notifying
from tests.notifications.templates.kit import EMAIL, SMS, folder
from tests.notifications.templates.program import PARCEL, Chat, Hook, composed, parcel
from tests.notifications.test_shop import SOON, listed

ORDERS = [event_type.name for event_type in order_event_types(())]


class Letter(Channel, name="letter", parts=("html",)):
    """The part whose file is named otherwise."""


def of_orders(**words: str) -> dict[str, str]:
    """A template of each event of orders, for each channel and part."""
    return {f"{name}/en/{part.replace('_', '.')}.txt": word for name in ORDERS for part, word in words.items()}


def channels_of(notifying: Notifying, name: str = "ORDER_SHIPPED") -> tuple[str, ...]:
    return notifying.types.types[name].channels


# --- events of orders ---


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, ("inbox", "webhook")),
        (of_orders(chat_link="x"), ("inbox", "webhook")),
        (of_orders(chat_text="x"), ("chat", "inbox", "webhook")),
        (of_orders(chat_text="x") | {"ORDER_SHIPPED/de/chat.text.txt": "x"}, ("chat", "inbox", "webhook")),
        ({"ORDER_SHIPPED/en/chat.text.txt": "x"}, ("inbox", "webhook")),
        ({name.replace("/en/", "/de/"): "x" for name in of_orders(chat_text="")}, ("inbox", "webhook")),
    ],
)
def test_orders_are_told_where_each_of_their_events_has_templates(
    tmp_path: Path, files: dict[str, str], told: tuple[str, ...]
) -> None:
    notifying = composed(tmp_path, Chat(), Inbox(), Hook(), files=files)
    assert {channels_of(notifying, name) for name in ORDERS} == {told}


def test_the_default_locale_is_the_one_that_counts(tmp_path: Path) -> None:
    german = {name.replace("/en/", "/de/"): "x" for name in of_orders(chat_text="")}
    assert channels_of(composed(tmp_path, Chat(), Inbox(), files=german, locale="de")) == ("chat", "inbox")


async def test_an_order_makes_no_dead_letter_where_it_cannot_be_told(tmp_path: Path) -> None:
    for channels in ((Chat(), Inbox()), (Chat(),)):
        path = tmp_path / f"shop{len(channels)}"
        async with Sagamore.open(path, channels=channels, payments=SimulatedPayments()) as shop:
            await shop.users.set("ann", addresses=[("chat", "#ann")])
            await shop.inventory.receive("MUG", 10, reason="first")
            line = Line("MUG", 2, Money("12.50", "GBP"))
            order = await shop.orders.place(user_id="ann", lines=[line], payment_method="pm_card")
            await shop.orders.wait(order.id, settled=True, timeout=SOON)
            if len(channels) == 2:
                for each in await listed(shop, 2):
                    done = await shop.notifications.wait(each.id, timeout=SOON)
                    assert [(d.channel, d.status) for d in done.deliveries] == [("inbox", "SENT")]
        async with Sagamore.open(path, channels=channels, payments=SimulatedPayments()) as shop:  # all was handled
            assert (await shop.dead_letters.list()).items == ()
            assert len((await shop.notifications.list()).items) == (2 if len(channels) == 2 else 0)


async def test_a_channel_that_is_named_for_orders_and_has_no_template_is_refused(tmp_path: Path) -> None:
    settings = Settings(notifications=NotificationSettings(order_channels=("inbox", "chat")))
    with pytest.raises(InvalidInput) as refused:
        async with Sagamore.open(tmp_path / "shop", settings, channels=[Chat(), Inbox()]):
            pass
    assert str(refused.value) == (
        "order_channels is 'chat'; a channel that has all its templates: ORDER_CREATED/en/chat.text.txt,"
        " ORDER_CONFIRMED/en/chat.text.txt, ORDER_CANCELLED/en/chat.text.txt and 3 more are not there"
    )
    assert not (tmp_path / "shop").exists()


def test_a_channel_that_is_named_for_orders_and_has_all_is_told(tmp_path: Path) -> None:
    notifying = composed(
        tmp_path, Chat(), Inbox(), Hook(), files=of_orders(chat_text="x"), order_channels=("webhook", "chat")
    )
    assert channels_of(notifying) == ("webhook", "chat")


def test_a_language_of_which_a_part_is_written_is_refused_and_not_passed_over(tmp_path: Path) -> None:
    files = of_orders(chat_text="x") | {"ORDER_SHIPPED/de/chat.link.txt": "x"}
    with pytest.raises(InvalidInput, match=r"^order_channels is 'chat'.*: ORDER_SHIPPED/de/chat\.text\.txt is not"):
        composed(tmp_path, Chat(), files=files)


def test_the_file_that_is_missing_is_named_as_it_would_be_looked_for(tmp_path: Path) -> None:
    files = of_orders(chat_text="x")
    del files["ORDER_SHIPPED/en/chat.text.txt"]
    with pytest.raises(InvalidInput, match=r"templates: ORDER_SHIPPED/en/chat\.text\.txt is not there$"):
        composed(tmp_path, Chat(), files=files, order_channels=("chat",))
    with pytest.raises(InvalidInput, match=r"templates: ORDER_CREATED/en/letter\.html, "):
        composed(tmp_path / "templates", Letter(), order_channels=("letter",))


# --- events of the host's own ---


@pytest.mark.parametrize(
    ("channels", "files", "field", "names"),
    [
        (("chat",), {}, "channels of PARCEL", f"{PARCEL} is"),
        (("webhook", "chat"), {}, "channels of PARCEL", f"{PARCEL} is"),
        (("chat",), {"PARCEL/en/chat.link.txt": ""}, "channels of PARCEL", f"{PARCEL} is"),
        (("chat",), {"PARCEL/de/chat.text.txt": ""}, "channels of PARCEL", f"{PARCEL} is"),
        (("chat",), {PARCEL: "", "PARCEL/de/chat.link.txt": ""}, "channels of PARCEL", "PARCEL/de/chat.text.txt is"),
        (("push",), {}, "fallbacks of parcels", f"{PARCEL} is"),
        (("inbox",), {PARCEL: ""}, "channels of PARCEL", "PARCEL/en/inbox.title.txt is"),
        (("email",), {}, "channels of PARCEL", "PARCEL/en/email.subject.txt, PARCEL/en/email.text.txt are"),
    ],
)
def test_a_type_s_channel_without_a_template_is_refused_and_the_file_named(
    tmp_path: Path, channels: tuple[str, ...], files: dict[str, str], field: str, names: str
) -> None:
    categories = (Category(name="parcels", fallbacks={"push": "pager", "pager": "chat"}),)
    with pytest.raises(InvalidInput) as refused:
        composed(
            tmp_path, Chat(), Inbox(), Hook(), EMAIL, types=parcel(*channels), files=files, categories=categories
        )  # fmt: skip
    assert (refused.value.field, refused.value.expected) == (
        field,
        f"a channel that has all its templates: {names} not there",
    )


@pytest.mark.parametrize("channels", [(), ("webhook",), ("chat", "webhook"), ("sms",), ("fax", "chat")])
def test_what_is_there_or_not_composed_or_takes_no_parts_is_opened(tmp_path: Path, channels: tuple[str, ...]) -> None:
    composed(tmp_path, Chat(), Hook(), types=parcel(*channels), files={PARCEL: "{{ place }}"})


async def test_what_an_event_names_is_refused_by_name_at_the_door(tmp_path: Path) -> None:
    settings = NotificationSettings(
        event_types=parcel(), categories=(Category(name="parcels", fallbacks={"webhook": "sms"}),),
        templates=(folder(tmp_path / "t", **{PARCEL: "{{ place }}"}),),
    )  # fmt: skip
    event = {"event_type": "PARCEL", "version": 2, "data": {"place": "shed"}}
    async with Sagamore.open(
        tmp_path / "shop", Settings(notifications=settings), channels=[Chat(), Inbox(), Hook(), SMS]
    ) as shop:  # fmt: skip
        await shop.users.set("ann", addresses=[("chat", "#ann")])
        await shop.audiences.subscribe("news", ["ann"])
        for channels, value, right in (
            (
                ("chat", "INBOX"),
                "inbox",
                "a channel that has all its templates: PARCEL/en/inbox.title.txt is not there",
            ),
            (("webhook",), "sms", "a channel that has all its templates: PARCEL/en/sms.text.txt is not there"),
            ((), (), "at least one: PARCEL goes to none by itself"),
        ):
            for answer in (
                shop.notifications.publish(Event(user_id="ann", channels=channels, **event)),  # type: ignore[arg-type]
                shop.notifications.broadcast("news", Event(user_id="", channels=channels, **event)),  # type: ignore[arg-type]
            ):
                with pytest.raises(InvalidInput) as refused:
                    await answer
                assert (refused.value.field, refused.value.value, refused.value.expected) == ("channels", value, right)
        assert (await shop.notifications.list()).items == ()
        told = await shop.notifications.publish(Event(user_id="ann", channels=("chat",), **event))  # type: ignore[arg-type]
        told = await shop.notifications.wait(told.id, timeout=SOON)
        assert [delivery.status for delivery in told.deliveries] == ["SENT"]


# --- the locale, and the directory ---


@pytest.mark.parametrize("locale", ["en-GB", "EN", "de-AT", "en-Latn-GB"])
def test_a_default_locale_is_told_in_what_it_is_a_variety_of(tmp_path: Path, locale: str) -> None:
    assert channels_of(composed(tmp_path, Inbox(), locale=locale)) == ("inbox",)


def test_a_default_locale_that_nothing_is_written_in_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        composed(tmp_path, Inbox(), locale="fr", files={"PARCEL/nl/inbox.title.txt": ""})
    assert str(refused.value) == "locale is 'fr'; one that templates are written in: de, en, nl"


@pytest.mark.parametrize("name", ["system", "dead_letters", "payment_events", "orders"])
def test_a_channel_has_a_name_of_its_own(tmp_path: Path, name: str) -> None:
    class Taken(Channel, name=name):
        """Another's."""

    with pytest.raises(InvalidInput, match=f"channels is '{name}'; another name than notifications"):
        composed(tmp_path, Taken())
