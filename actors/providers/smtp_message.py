"""A delivery as the bytes of a message: the same at every attempt, since all that is in them comes from the delivery.

Put together by hand from pure ASCII (RFC 5322, 2045, 2047), so that a line end can come into a header from nowhere and
no relay needs 8BITMIME or SMTPUTF8. The standard library's EmailMessage makes its boundaries by chance and folds long
Message-IDs and addresses into encoded words that nobody reads.
"""

import binascii
import re
from email.utils import formatdate
from urllib.parse import quote

import msgspec

from sagamore.actors.notifications.channel import CannotSend, Outgoing

LINE_BYTES_MAX = 998  # RFC 5322 2.1.1
FOLD = "\r\n "
ENCODED_WORD_BYTES_MAX = 45  # of text; RFC 2047 allows 75 characters with all around it
_UNSUBSCRIBE_SCHEMES = ("https://", "http://", "mailto:")
_line_ends = re.compile(r"\r\n|\r|\n")


class Letterhead(msgspec.Struct, frozen=True):
    """What is the same in all messages of one shop."""

    sender: str
    """The address."""
    sender_name: str = ""
    unsubscribe_url: str = ""
    """With `{user_id}` and `{delivery}` in it, if wanted."""


def is_unsubscribe_url(template: str) -> bool:
    """Whether it can be put between the angle brackets of List-Unsubscribe."""
    filled = _unsubscribe_url(template, "", "")
    visible = filled.isascii() and filled.isprintable() and not set(filled) & set(" <>,{}")
    return visible and filled.startswith(_UNSUBSCRIBE_SCHEMES)


def message_id(letterhead: Letterhead, outgoing: Outgoing) -> str:
    """The same for every copy, so that a receiver can tell one."""
    return f"<{outgoing.delivery}@{letterhead.sender.rpartition('@')[2]}>"


def message_bytes(letterhead: Letterhead, outgoing: Outgoing) -> bytes:
    """Headers and body with CRLF, before dots are doubled. Raises CannotSend: `header_injection`, `header_too_long`."""
    headers = [
        _header("Message-ID", message_id(letterhead, outgoing)),
        _header("Date", formatdate(outgoing.created_ms / 1000)),
        _header("From", *_from(letterhead)),
        _header("To", outgoing.address),
        _header("Subject", *_words(outgoing.part("subject"))),
        _header("Auto-Submitted", "auto-generated"),
    ]
    if letterhead.unsubscribe_url:
        url = _unsubscribe_url(letterhead.unsubscribe_url, outgoing.user_id, outgoing.delivery)
        headers.append(_header("List-Unsubscribe", f"<{url}>"))
        if url.startswith("https://"):
            headers.append(_header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    headers.append(_header("MIME-Version", "1.0"))
    return b"".join(headers) + _content(outgoing)


def _content(outgoing: Outgoing) -> bytes:
    text, html = outgoing.part("text"), outgoing.part("html")
    if not html:
        return _entity("plain", text)
    boundary = f"=_{outgoing.delivery}"  # "=_" is in no quoted-printable text
    start = f"--{boundary}\r\n".encode()
    head = _header("Content-Type", f'multipart/alternative; boundary="{boundary}"')
    return head + b"\r\n" + start + _entity("plain", text) + start + _entity("html", html) + start[:-2] + b"--\r\n"


def _entity(subtype: str, text: str) -> bytes:
    lines = "\n".join(_line_ends.split(text)).encode(errors="replace")
    body = binascii.b2a_qp(lines, istext=True).replace(b"\n", b"\r\n")
    head = _header("Content-Type", f"text/{subtype}; charset=utf-8")
    return head + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + body + b"\r\n"


def _header(name: str, *lines: str) -> bytes:
    """One header, folded between the lines; no other line end can be in it."""
    if not all(line.isascii() and line.isprintable() for line in lines):
        raise CannotSend("header_injection", f"{name} would contain a control character")
    if len(name) + 2 + max(map(len, lines)) > LINE_BYTES_MAX:
        raise CannotSend("header_too_long", f"{name} would have a line of more than {LINE_BYTES_MAX} bytes")
    return f"{name}: {FOLD.join(lines)}\r\n".encode("ascii")


def _from(letterhead: Letterhead) -> list[str]:
    name = letterhead.sender_name
    if not name:
        return [letterhead.sender]
    words = ['"' + re.sub(r'(["\\])', r"\\\1", name) + '"'] if _is_plain(name) else _words(name)
    return [*words[:-1], f"{words[-1]} <{letterhead.sender}>"]


def _words(text: str) -> list[str]:
    """Text as itself if it can be, else as encoded words, each of whole characters. A line end in it is encoded too,
    and so none."""
    if _is_plain(text):
        return [text]
    chunks = [b""]
    for character in text:
        encoded = character.encode(errors="replace")
        if len(chunks[-1]) + len(encoded) > ENCODED_WORD_BYTES_MAX:
            chunks.append(b"")
        chunks[-1] += encoded
    return [f"=?utf-8?b?{binascii.b2a_base64(chunk, newline=False).decode()}?=" for chunk in chunks]


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and "=?" not in text


def _unsubscribe_url(template: str, user_id: str, delivery: str) -> str:
    return template.replace("{user_id}", quote(user_id, safe="")).replace("{delivery}", quote(delivery, safe=""))
