"""What an e-mail address is, and what must not be in a message: the pure half of the channel."""

import pytest

from sagamore.actors.notifications.channel import CannotSend
from sagamore.actors.notifications.channels.email import BODY_BYTES_MAX, SUBJECT_CHARACTERS_MAX, EmailChannel
from sagamore.actors.notifications.errors import BadAddress

CHANNEL = EmailChannel()
PARTS = {"subject": "Your order", "text": "Thank you"}
LONGEST = "a" * 64 + "@" + ".".join(["b" * 62, "b" * 62, "b" * 63])
TOO_LONG = "a" * 64 + "@" + ".".join(["b" * 62, "b" * 63, "b" * 63])


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("ann@example.com", "ann@example.com"),
        ("Ann.O'Neill+shop@Example.COM", "Ann.O'Neill+shop@example.com"),
        ("a@b.co", "a@b.co"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@xn--strae-oqa.de", "ann@xn--strae-oqa.de"),
        ("ann@例え.テスト", "ann@xn--r8jz45g.xn--zckzah"),
        (LONGEST, LONGEST),
    ],
)
def test_an_address_is_kept_as_it_is_sent(address: str, kept: str) -> None:
    assert CHANNEL.check_address(address) == kept
    assert CHANNEL.check_address(kept) == kept


@pytest.mark.parametrize(
    "address",
    [
        "", "ann", "@example.com", "ann@", "ann@@example.com", "ann example.com", "ann@localhost", "ann@127.0.0.1",
        "ann@[127.0.0.1]", "Ann <ann@example.com>", "<ann@example.com>", "ann@example.com, bob@example.com",
        "ann@example.com bob@example.com", "ann(home)@example.com", '"ann"@example.com', "ann@example.com\n",
        "ann\r\nBcc: bob@example.com", "ann@example.com\r\nRCPT TO:<bob@example.com>", "ann@exam\0ple.com",
        " ann@example.com", "ann@example.com ", ".ann@example.com", "ann.@example.com", "a..b@example.com",
        "änn@example.com", "ann@-example.com", "ann@example-.com", "ann@example..com", "ann@example.com.",
        "ann@straße.de", "ann@ex\uff20ample.com", "ann\uff20example.com",
        "ann@" + "b" * 64 + ".com", "a" * 65 + "@example.com",
        TOO_LONG, "ann@ex_ample.com", "ann@\ud800.com", "mailto:ann@example.com",
    ],
)  # fmt: skip
def test_what_is_no_single_plain_address_is_refused_and_told_what_would_be_right(address: str) -> None:
    with pytest.raises(BadAddress, match=r"^email address is .*would be right"):
        CHANNEL.check_address(address)


def test_a_message_of_all_parts_and_of_many_letters_may_leave() -> None:
    CHANNEL.check_parts({**PARTS, "subject": "\u0417\u0430\u043a\u0430\u0437 🎁\u200d", "html": "<p>x</p>"})
    CHANNEL.check_parts({**PARTS, "subject": "x" * SUBJECT_CHARACTERS_MAX, "text": "x" * BODY_BYTES_MAX})


@pytest.mark.parametrize(
    ("part", "text", "code"),
    [
        *(("subject", f"Hello{end}Bcc: bob@example.com", "header_injection")
          for end in ("\r\n", "\n", "\r", "\0", "\x0b", "\x0c", "\x1c", "\x7f", "\x85", "\u2028", "\u2029", "\ud800")),
        ("subject", "", "empty_subject"),
        ("subject", " \u00a0 ", "empty_subject"),
        ("subject", "x" * (SUBJECT_CHARACTERS_MAX + 1), "subject_too_long"),
        ("text", "", "empty_text"),
        ("text", " \n", "empty_text"),
        ("text", "ü" * (BODY_BYTES_MAX // 2) + "x", "body_too_long"),
        ("html", "x" * (BODY_BYTES_MAX + 1), "body_too_long"),
    ],
)  # fmt: skip
def test_what_must_never_leave_is_named(part: str, text: str, code: str) -> None:
    with pytest.raises(CannotSend) as caught:
        CHANNEL.check_parts({**PARTS, part: text})
    assert caught.value.code == code
