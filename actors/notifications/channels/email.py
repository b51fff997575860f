"""E-mail: one plain address, a subject that cannot become a header of its own, a text, and HTML if there is some.

The local part is ASCII (no SMTPUTF8: a relay that has it is the exception); a domain in other letters is kept as its
A-label, so that what is stored, compared and sent is one text.
"""

import re
import unicodedata
from collections.abc import Mapping

from sagamore.actors.notifications.channel import CannotSend, Channel
from sagamore.actors.notifications.errors import BadAddress

ADDRESS_CHARACTERS_MAX = 254  # RFC 5321 4.5.3.1.3, less the angle brackets
LOCAL_PART_CHARACTERS_MAX = 64
SUBJECT_CHARACTERS_MAX = 255
BODY_BYTES_MAX = 512 << 10  # of text and of HTML each; mail clients cut off far earlier

_local = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*").fullmatch
_domain = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?![0-9]+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?").fullmatch
_READ_TWO_WAYS = frozenset("ßς\u200c\u200d")
"""Letters of which the codec makes another domain than today's registries do (IDNA 2003 and 2008)."""
_LINE_ENDING = frozenset({"Cc", "Zl", "Zp", "Cs"})
"""Unicode categories: controls, line and paragraph separators, lone surrogates."""


class EmailChannel(Channel, name="email", parts=("subject", "text"), optional=("html",)):
    """Without its sending half, which is in `actors/providers/smtp.py`."""

    def check_address(self, address: str) -> str:
        """The address with its domain in lower case and as A-labels. Raises BadAddress."""
        return plain_address(address)

    def check_parts(self, parts: Mapping[str, str]) -> None:
        """Raises CannotSend: `header_injection`, `empty_subject`, `subject_too_long`, `empty_text`, `body_too_long`."""
        subject = parts.get("subject", "")
        if any(unicodedata.category(character) in _LINE_ENDING for character in subject):
            raise CannotSend("header_injection", "the subject contains a line end or another control character")
        if not subject.strip():
            raise CannotSend("empty_subject", "a subject of at least one visible character would be right")
        if len(subject) > SUBJECT_CHARACTERS_MAX:
            raise CannotSend("subject_too_long", f"{len(subject)} characters; at most {SUBJECT_CHARACTERS_MAX}")
        if not parts.get("text", "").strip():
            raise CannotSend("empty_text", "a text of at least one visible character would be right")
        for name in ("text", "html"):
            size = len(parts.get(name, "").encode(errors="replace"))
            if size > BODY_BYTES_MAX:
                raise CannotSend("body_too_long", f"{name} has {size} bytes; at most {BODY_BYTES_MAX}")


def plain_address(address: str) -> str:
    """The address as it is kept. Raises BadAddress for anything but one `name@domain`."""
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise BadAddress("email", address, "one address as ann@example.com would be right")
    if not _local(local) or len(local) > LOCAL_PART_CHARACTERS_MAX:
        expected = (
            f"before the @ at most {LOCAL_PART_CHARACTERS_MAX} ASCII letters, digits, single dots and "
            "!#$%&'*+/=?^_`{|}~- would be right: no display name, no list, no comment, no quotes"
        )
        raise BadAddress("email", address, expected)
    ascii_domain = _as_ascii(domain)
    if not _domain(ascii_domain):
        expected = (
            "after the @ a domain name as example.com would be right, a part of it in letters that are read in two "
            "ways in its xn-- form"
        )
        raise BadAddress("email", address, expected)
    kept = f"{local}@{ascii_domain}"
    if len(kept) > ADDRESS_CHARACTERS_MAX:
        raise BadAddress("email", address, f"at most {ADDRESS_CHARACTERS_MAX} characters would be right")
    return kept


def _as_ascii(domain: str) -> str:
    """Empty if there is no such form, or two."""
    if domain.isascii():
        return domain.lower()
    if not _READ_TWO_WAYS.isdisjoint(domain):
        return ""
    try:
        return domain.encode("idna").decode().lower()
    except UnicodeError:
        return ""
