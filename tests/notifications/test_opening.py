"""What would otherwise show as dead letters is found when the shop is opened: templates that are missing, variables
that no event has, a locale that nothing is written in."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from sagamore import Line, Money, Sagamore, Settings, SimulatedPayments
from sagamore.actors.notifications.channel import Channel, Outgoing, sent
from sagamore.actors.notifications.door import Event
from sagamore.actors.notifications.event_type import Category, EventType
from sagamore.actors.notifications.inbox import Inbox
from sagamore.actors.notifications.order_events import order_event_types
from sagamore.actors.notifications.settings import NotificationSettings
from sagamore.engine.effect import Call, Capabilities, Outcome
from sagamore.engine.errors import InvalidInput
from sagamore.engine.message import Record
from sagamore.notifying import Notifying
from tests.notifications.templates.kit import EMAIL, SMS, folder
from tests.notifications.test_shop import SOON, listed

ORDERS = [event_type.name for event_type in order_event_types(())]
PARCEL = "PARCEL/en/chat.text.txt"


class Chat(Channel, name="chat", parts=("text",), optional=("link",)):
    """A host's own."""

    capabilities = Capabilities(takes_key=True)

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        """It arrives."""
        return sent()


class Hook(Channel, name="webhook", addressed=False):
    """Needs no template."""


class Letter(Channel, name="letter", parts=("html",)):
    """The part whose file is named otherwise."""


class Parcel(Record, tag="PARCEL", version=2):
    """1 had `shelf` for `place`."""

    place: str
    code: str = ""

    @classmethod
    def upcast(cls, fields: dict[str, Any], version: int) -> dict[str, Any]:
        """A shelf is a place."""
        return {"place": fields.pop("shelf")} | fields


def composed(
    at: Path, *channels: Channel, types: Iterable[EventType] = (), files: dict[str, str] | None = None, **more: Any
) -> Notifying:
    """A program's notifications, as they are when a shop is opened."""
    categories = more.pop("categories", (Category(name="parcels"),))
    settings = NotificationSettings(
        event_types=tuple(types), categories=categories,
        templates=(folder(at / "templates", **(files or {})),), **more,
    )  # fmt: skip
    return Notifying(at / "shop", channels, settings)


def parcel(*channels: str) -> tuple[EventType]:
    return (EventType(Parcel, "parcels", channels),)


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
        "order_channels is 'chat'; a channel that has the templates ORDER_CREATED/en/chat.text.txt,"
        " ORDER_CONFIRMED/en/chat.text.txt, ORDER_CANCELLED/en/chat.text.txt and 3 more"
    )
    assert not (tmp_path / "shop").exists()


def test_a_channel_that_is_named_for_orders_and_has_all_is_told(tmp_path: Path) -> None:
    notifying = composed(
        tmp_path, Chat(), Inbox(), Hook(), files=of_orders(chat_text="x"), order_channels=("webhook", "chat")
    )
    assert channels_of(notifying) == ("webhook", "chat")


def test_the_file_that_is_missing_is_named_as_it_would_be_looked_for(tmp_path: Path) -> None:
    files = of_orders(chat_text="x")
    del files["ORDER_SHIPPED/en/chat.text.txt"]
    with pytest.raises(InvalidInput, match=r"templates ORDER_SHIPPED/en/chat\.text\.txt$"):
        composed(tmp_path, Chat(), files=files, order_channels=("chat",))
    with pytest.raises(InvalidInput, match=r"templates ORDER_CREATED/en/letter\.html, "):
        composed(tmp_path / "templates", Letter(), order_channels=("letter",))


# --- events of the host's own ---


@pytest.mark.parametrize(
    ("channels", "files", "field", "names"),
    [
        (("chat",), {}, "channels of PARCEL", PARCEL),
        (("webhook", "chat"), {}, "channels of PARCEL", PARCEL),
        (("chat",), {"PARCEL/en/chat.link.txt": ""}, "channels of PARCEL", PARCEL),
        (("chat",), {"PARCEL/de/chat.text.txt": ""}, "channels of PARCEL", PARCEL),
        (("chat",), {PARCEL: "", "PARCEL/de/chat.link.txt": ""}, "channels of PARCEL", "PARCEL/de/chat.text.txt"),
        (("push",), {}, "fallbacks of parcels", PARCEL),
        (("inbox",), {PARCEL: ""}, "channels of PARCEL", "PARCEL/en/inbox.title.txt"),
        (("email",), {}, "channels of PARCEL", "PARCEL/en/email.subject.txt, PARCEL/en/email.text.txt"),
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
    assert (refused.value.field, refused.value.expected) == (field, f"a channel that has the templates {names}")


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
            (("chat", "INBOX"), "inbox", "a channel that has the templates PARCEL/en/inbox.title.txt"),
            (("webhook",), "sms", "a channel that has the templates PARCEL/en/sms.text.txt"),
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


# --- variables ---


@pytest.mark.parametrize(
    ("text", "line", "name"),
    [
        ("{{ plase }}", 1, "plase"),
        ("a\n{% if place %}\n{{ plase.x }}{% endif %}", 3, "plase"),
        ("{% for place in plases %}{% endfor %}", 1, "plases"),
        ("{% for p in place %}{{ p }}{% endfor %}{{ p }}", 1, "p"),
        ("{% for p in place %}{% else %}{{ loop.index }}{% endfor %}", 1, "loop"),
        ("{% for p in place if plase %}{% endfor %}", 1, "plase"),
        ("{% set greeting = greting %}{{ greeting }}", 1, "greting"),
        ("{{ place|replace('a', plase) }}", 1, "plase"),
        ("{{ place|default(plase) }}", 1, "plase"),
        ("{{ plase.x|default('') }}", 1, "plase"),
        ("{{ shelf }}", 1, "shelf"),
        ("{{ type }}", 1, "type"),
        ("{{ user }}", 1, "user"),
    ],
)
def test_a_variable_that_the_event_has_not_is_refused_with_file_and_line(
    tmp_path: Path, text: str, line: int, name: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        composed(tmp_path, Chat(), types=parcel("chat"), files={PARCEL: text})
    assert refused.value.field == f"template {tmp_path / 'templates' / PARCEL}:{line}"
    assert (refused.value.value, refused.value.expected) == (name, "a field of PARCEL: place, code; or user_id")


@pytest.mark.parametrize(
    "text",
    [
        "{{ place }}{{ code }}{{ user_id }}",
        "{% for each in place %}{{ each }}{{ loop.index }}{% endfor %}",
        "{% for a, b in place|items %}{{ a }}{{ b }}{% endfor %}",
        "{% if code %}{% set x = place %}{{ x }}{% endif %}{% if code %}{{ x }}{% endif %}",
        "{{ shelf|default('') }}",
        "{% if shelf is defined %}{{ shelf }}{% endif %}",
        "{% if shelf is undefined %}{% else %}{{ shelf }}{% endif %}",
        "{{ {'a': 1}.a }}{{ true }}{{ place.anything.at.all }}",
    ],
)
def test_what_the_event_has_and_what_a_template_does_without_is_taken(tmp_path: Path, text: str) -> None:
    composed(tmp_path, Chat(), types=parcel("chat"), files={PARCEL: text})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{% include '_shared/x.txt' %}", "each"),
        ("{% for each in place %}{% endfor %}{% include '_shared/x.txt' %}", "each"),
        ("{% for each in place %}{% include '_shared/x.txt' %}{% endfor %}", ""),
        ("{% set each = place %}{% include '_shared/x.txt' %}", ""),
        ("{% if each is defined %}{% include '_shared/x.txt' %}{% endif %}", ""),
    ],
)
def test_an_included_file_sees_the_variables_around_it(tmp_path: Path, text: str, name: str) -> None:
    files = {PARCEL: text, "_shared/x.txt": "{% include '_shared/y.txt' %}", "_shared/y.txt": "\n{{ each }}{{ place }}"}
    if not name:
        composed(tmp_path, Chat(), types=parcel("chat"), files=files)
        return
    with pytest.raises(InvalidInput) as refused:
        composed(tmp_path, Chat(), types=parcel("chat"), files=files)
    assert refused.value.field == f"template {tmp_path / 'templates/_shared/y.txt'}:2"
    assert refused.value.value == name


def test_variables_are_looked_for_in_every_part_and_language_and_in_templates_of_orders(tmp_path: Path) -> None:
    for n, name in enumerate(("PARCEL/en/chat.link.txt", "PARCEL/de/chat.text.txt", "ORDER_SHIPPED/de/email.html")):
        with pytest.raises(InvalidInput, match="gone"):
            composed(
                tmp_path / str(n), Chat(), types=parcel("chat"), files={PARCEL: "", name: "{{ gone }}"}
            )  # fmt: skip


def test_a_folder_may_hold_templates_of_types_that_this_program_has_not(tmp_path: Path) -> None:
    composed(tmp_path, Chat(), files={PARCEL: "{{ gone }}"})


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


async def test_a_directory_that_is_opened_without_its_channels_names_them(tmp_path: Path) -> None:
    async with Sagamore.open(tmp_path / "shop", channels=[Chat(), Inbox()], payments=SimulatedPayments()):
        pass
    with pytest.raises(InvalidInput, match=r"^channels is \(\); those of this directory \(chat, inbox\), without"):
        async with Sagamore.open(tmp_path / "shop", payments=SimulatedPayments()):
            pass
