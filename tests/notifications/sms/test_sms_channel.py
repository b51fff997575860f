"""What a telephone number is, and which texts never leave."""

import pytest

from sagamore.actors.notifications.channel import CannotSend
from sagamore.actors.notifications.channels.sms import SmsChannel
from sagamore.actors.notifications.errors import BadAddress

SMS = SmsChannel()


def test_sms_needs_a_text_and_its_provider_reports_what_became_of_it() -> None:
    assert (SmsChannel.name, SmsChannel.parts, SmsChannel.optional, SmsChannel.receipts) == ("sms", ("text",), (), True)


@pytest.mark.parametrize("number", ["+1234567", "+14155550100", "+123456789012345"])
def test_a_number_is_kept_as_it_is(number: str) -> None:
    assert SMS.check_address(number) == number


@pytest.mark.parametrize(
    "number",
    [
        "", "+", "14155550100", "0014155550100", "+123456", "+1234567890123456", "+0123456789", "+1 415 555 0100",
        "+1-415-555-0100", "+1415555010x", "+14155550100\n",
        "whatsapp:+14155550100", "+\uff11\uff14155550100", "tel:+14155550100",
    ],
)  # fmt: skip
def test_anything_else_is_no_number_and_the_error_says_what_is(number: str) -> None:
    with pytest.raises(BadAddress, match=r"sms address is .*E\.164: \+ and 7 to 15 digits"):
        SMS.check_address(number)


@pytest.mark.parametrize("text", ["a", "a" * 1_600, "ü" * 1_600, "😀" * 800, "two\nlines"])
def test_a_text_that_fits_may_leave(text: str) -> None:
    SMS.check_parts({"text": text})


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "empty_text"), (" \n", "empty_text"), ("a" * 1_601, "text_too_long"), ("😀" * 801, "text_too_long")],
)
def test_a_text_that_is_empty_or_too_long_never_leaves(text: str, code: str) -> None:
    with pytest.raises(CannotSend) as refused:
        SMS.check_parts({"text": text})
    assert refused.value.code == code
