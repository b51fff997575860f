"""The built-in templates, with the data of orders' events."""

from typing import get_args

import msgspec
import pytest

from sagamore.actors.notifications.order_events import order_event_types
from sagamore.actors.notifications.templates import Templates
from sagamore.actors.orders.order_messages import Reason
from tests.notifications.templates.kit import parts_of

TEMPLATES = Templates()
PARTS = {"email": {"subject", "text", "html"}, "sms": {"text"}, "push": {"title", "body"}, "inbox": {"title", "body"}}
EVENTS = {each.name: each.data for each in order_event_types(())}
SMS_CHARACTERS_MAX = 160  # of the GSM alphabet in one message
GSM_NOT_ASCII = set("äöüÄÖÜß")


def filled(event_type: str, text: str) -> dict[str, object]:
    """Each field of the event's data with this text."""
    return {field.name: text for field in msgspec.structs.fields(EVENTS[event_type])}


@pytest.mark.parametrize("locale", ["en", "de"])
@pytest.mark.parametrize("channel", PARTS)
@pytest.mark.parametrize("event_type", EVENTS)
def test_each_order_event_is_told_in_each_channel_and_language(event_type: str, channel: str, locale: str) -> None:
    found = TEMPLATES.preview(event_type, channel, locale, filled(event_type, "A<7"), user_id="ann")
    parts = parts_of(found)
    assert set(parts) == PARTS[channel]
    assert all(text.strip() == text and "  " not in text for text in parts.values())
    assert not any("\n" in text for name, text in parts.items() if name not in ("text", "html"))
    told = " ".join(text for name, text in parts.items() if name != "title")
    assert "A<7" in told or "A&lt;7" in told
    assert "A<7" not in parts.get("html", "")
    if channel == "email":
        assert f'<html lang="{locale}">' in parts["html"]


def test_every_template_is_for_an_event_of_orders() -> None:
    views = TEMPLATES.views()
    assert {(view.event_type, view.channel, view.locale) for view in views} == {
        (event_type, channel, locale) for event_type in EVENTS for channel in PARTS for locale in ("de", "en")
    }
    assert all(set(view.parts) == PARTS[view.channel] for view in views)


@pytest.mark.parametrize("event_type", EVENTS)
@pytest.mark.parametrize("locale", ["en", "de"])
def test_a_text_message_is_one(event_type: str, locale: str) -> None:
    data = filled(event_type, "ord_" + "x" * 26)
    for reason in get_args(Reason):
        if "reason" in data:
            data["reason"] = reason
        text = parts_of(TEMPLATES.preview(event_type, "sms", locale, data, user_id="ann"))["text"]
        assert len(text) <= SMS_CHARACTERS_MAX
        assert all(c.isascii() or c in GSM_NOT_ASCII for c in text)


@pytest.mark.parametrize("channel", ["email", "sms", "push", "inbox"])
@pytest.mark.parametrize("locale", ["en", "de"])
def test_every_reason_of_a_cancellation_has_words(channel: str, locale: str) -> None:
    def told(reason: str) -> dict[str, str]:
        data = {"order_id": "ord_1", "reason": reason}
        return parts_of(TEMPLATES.preview("ORDER_CANCELLED", channel, locale, data, user_id="ann"))

    without = told("ONE_THAT_IS_NEW")
    seen = [told(reason) for reason in get_args(Reason)]
    for name in without:
        if name in ("text", "html", "body"):
            assert len({parts[name] for parts in seen}) == len(get_args(Reason))
            assert all(len(parts[name]) > len(without[name]) for parts in seen)
            assert not any(reason in parts[name] for parts in seen for reason in get_args(Reason))
