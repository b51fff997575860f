"""What a registration token is, and which messages never leave."""

import pytest

from sagamore.actors.notifications.channel import CannotSend
from sagamore.actors.notifications.channels.push import PushChannel
from sagamore.actors.notifications.errors import BadAddress

PUSH = PushChannel()


def test_push_needs_title_and_body_may_have_a_link_and_declares_no_receipts() -> None:
    assert (PUSH.name, PUSH.parts, PUSH.optional, PUSH.receipts) == ("push", ("title", "body"), ("link",), False)


@pytest.mark.parametrize("token", ["a", "fGh-1_:APA91b" * 12, "x" * 1_024])
def test_a_token_is_kept_as_it_is(token: str) -> None:
    assert PUSH.check_address(token) == token


@pytest.mark.parametrize("token", ["", " ", "a b", "a\n", "a\t", "a\x7f", "ü", "x" * 1_025])
def test_anything_else_is_no_token_and_the_error_says_what_is(token: str) -> None:
    with pytest.raises(BadAddress, match=r"push address is .*a device's token or installation id: 1 to 1024"):
        PUSH.check_address(token)


@pytest.mark.parametrize(
    "parts", [{"title": "a", "body": ""}, {"title": "", "body": "a"}, {"title": "a", "body": "b" * 3_800, "link": "/"}]
)
def test_a_message_that_fits_may_leave(parts: dict[str, str]) -> None:
    PUSH.check_parts(parts)


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"title": "", "body": " \n"}, "empty_text"), ({"title": "", "body": "", "link": "/orders/1"}, "empty_text"),
        ({"title": "a", "body": "b" * 4_096}, "payload_too_large"),
        ({"title": "a", "body": "ü" * 2_000}, "payload_too_large"),
        ({"title": "a", "body": '"' * 2_000}, "payload_too_large"),
        ({"title": "a", "body": "b", "link": "/" * 4_000}, "payload_too_large"),
    ],
)  # fmt: skip
def test_a_message_that_shows_nothing_or_is_too_large_never_leaves(parts: dict[str, str], code: str) -> None:
    with pytest.raises(CannotSend) as refused:
        PUSH.check_parts(parts)
    assert refused.value.code == code
