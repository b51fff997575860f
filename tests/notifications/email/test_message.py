"""A delivery as bytes: the same every time, readable by another implementation, and one header a header."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sagamore.actors.notifications.channel import CannotSend, Outgoing
from sagamore.actors.providers.smtp_message import Letterhead, is_unsubscribe_url, message_bytes

LETTERHEAD = Letterhead("shop@example.com", "The Shop", "https://shop.example/u?user={user_id}&d={delivery}")
OUTGOING = Outgoing(
    "dlv_0190", "ann/öl?&", "ann@example.com", "ORDER_CREATED", "orders",
    (("subject", "Your order"), ("text", "Thank you")), 1_700_000_000_999,
)  # fmt: skip
TEXT = st.text(st.characters(blacklist_categories=["Cs"]))


def sent_with(**parts: str) -> Outgoing:
    return replace(OUTGOING, parts=tuple({"subject": "Your order", "text": "Thank you", **parts}.items()))


def parsed(outgoing: Outgoing, letterhead: Letterhead = LETTERHEAD) -> EmailMessage:
    message = message_from_bytes(message_bytes(letterhead, outgoing), policy=default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


def lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")


def test_the_headers_say_who_when_which_and_how_to_leave() -> None:
    message = parsed(OUTGOING)
    assert message["Message-ID"] == "<dlv_0190@example.com>"
    assert parsedate_to_datetime(message["Date"]).timestamp() == 1_700_000_000
    assert (message["From"], message["To"]) == ("The Shop <shop@example.com>", "ann@example.com")
    assert (message["Subject"], message["Auto-Submitted"]) == ("Your order", "auto-generated")
    assert message["List-Unsubscribe"] == "<https://shop.example/u?user=ann%2F%C3%B6l%3F%26&d=dlv_0190>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_one_click_is_promised_for_https_only_and_nothing_where_no_url_is_set() -> None:
    mailto = parsed(OUTGOING, replace(LETTERHEAD, unsubscribe_url="mailto:leave@example.com?subject={delivery}"))
    assert mailto["List-Unsubscribe"] == "<mailto:leave@example.com?subject=dlv_0190>"
    assert mailto["List-Unsubscribe-Post"] is None
    assert parsed(OUTGOING, replace(LETTERHEAD, unsubscribe_url=""))["List-Unsubscribe"] is None


def test_html_comes_beside_the_text_which_comes_first() -> None:
    message = parsed(sent_with(html="<p>Grüße</p>"))
    assert message.get_content_type() == "multipart/alternative"
    kinds = [(part.get_content_type(), part.get_content().strip()) for part in message.iter_parts()]
    assert kinds == [("text/plain", "Thank you"), ("text/html", "<p>Grüße</p>")]


@given(subject=TEXT.filter(lambda text: "\0" not in text), text=TEXT, html=TEXT)
def test_any_text_arrives_as_it_was_in_short_ascii_lines_without_a_bare_line_end(
    subject: str, text: str, html: str
) -> None:
    outgoing = sent_with(subject=subject.strip(), text=text, html=html)
    raw = message_bytes(LETTERHEAD, outgoing)
    assert raw == message_bytes(LETTERHEAD, outgoing)
    assert raw.isascii() and raw.endswith(b"\r\n")
    assert not set(raw.replace(b"\r\n", b"")) & {10, 13}
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    body, alternative = message.get_body(("plain",)), message.get_body(("html",))
    assert body is not None and lines(body.get_content()) == lines(text)
    assert not html or (alternative is not None and lines(alternative.get_content()) == lines(html))
    names = [name for name, _ in message_from_bytes(raw).items()]
    assert len(names) == len(set(names)) == 10 + (not html)


@given(
    subject=TEXT.filter(str.isprintable), name=TEXT.filter(lambda text: text.isprintable() and len(text.encode()) <= 45)
)
def test_any_subject_and_sender_name_arrive_as_they_were(subject: str, name: str) -> None:
    message = parsed(sent_with(subject=subject.strip()), replace(LETTERHEAD, sender_name=name.strip()))
    assert message["Subject"] == subject.strip()
    (sender,) = message["From"].addresses
    assert (" ".join(sender.display_name.split()), sender.addr_spec) == (" ".join(name.split()), "shop@example.com")


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\r\n ", "\0", "\u2028"])
def test_no_text_becomes_a_header_even_if_nobody_checked_it(end: str) -> None:
    evil = f"x{end}Bcc: bob@example.com{end}{end}body"
    raw = message_bytes(LETTERHEAD, sent_with(subject=evil, text=f"x{end}.{end}Bcc: bob@example.com", html=evil))
    message = message_from_bytes(raw)
    assert message["Bcc"] is None and message.is_multipart()
    in_user_id = message_from_bytes(message_bytes(LETTERHEAD, replace(OUTGOING, user_id=evil)))
    assert in_user_id["Bcc"] is None
    for field in ("address", "delivery"):
        with pytest.raises(CannotSend, match="header_injection"):
            message_bytes(LETTERHEAD, replace(OUTGOING, **{field: evil}))


def test_a_user_id_that_makes_a_header_too_long_is_refused() -> None:
    with pytest.raises(CannotSend, match="header_too_long"):
        message_bytes(LETTERHEAD, replace(OUTGOING, user_id="ö" * 200))


@pytest.mark.parametrize(
    ("template", "right"),
    [
        ("https://shop.example/{user_id}/{delivery}", True), ("mailto:leave@example.com", True),
        ("http://shop.example/", True), ("shop.example", False), ("javascript:alert(1)", False),
        ("https://shop.example/{user}", False), ("https://shop.example/>x", False), ("https://shop.example/a b", False),
        ("https://shop.example/\r\nX: y", False), ("https://shöp.example/", False), ("https://a/,<https://b/", False),
    ],
)  # fmt: skip
def test_an_unsubscribe_url_is_one_url(template: str, right: bool) -> None:
    assert is_unsubscribe_url(template) == right
