"""Push messages to an app on a device: addresses are registration tokens or Firebase installation ids, a message is a
title, a body and perhaps a link. Pure; `actors/providers/fcm.py` sends.

No receipts: the service says that it took a message, never that a device showed it.
"""

from collections.abc import Mapping

import msgspec

from sagamore.actors.notifications.channel import CannotSend, Channel
from sagamore.actors.notifications.errors import BadAddress

TOKEN_CHARACTERS_MAX = 1_024  # tokens of today have 140 to 350, and nobody promises a length
PAYLOAD_BYTES_MAX = 4_096
ENVELOPE_BYTES = 256  # of the payload, for the names of the fields and the delivery's id


class PushChannel(Channel, name="push", parts=("title", "body"), optional=("link",)):
    """A registration token or an installation's id, and what fits into a payload."""

    def check_address(self, address: str) -> str:
        """The token as it is. Raises BadAddress."""
        printable = address.isascii() and address.isprintable() and " " not in address
        if not printable or not 1 <= len(address) <= TOKEN_CHARACTERS_MAX:
            raise BadAddress(
                self.name, address,
                f"a device's token or installation id: 1 to {TOKEN_CHARACTERS_MAX} characters of printable ASCII",
            )  # fmt: skip
        return address

    def check_parts(self, parts: Mapping[str, str]) -> None:
        """Raises CannotSend for a message that would show nothing, or is too large for the payload."""
        if not (parts.get("title", "") + parts.get("body", "")).strip():
            raise CannotSend("empty_text", "a push message without title and body")
        size = len(msgspec.json.encode(parts)) + ENVELOPE_BYTES
        if size > PAYLOAD_BYTES_MAX:
            raise CannotSend("payload_too_large", f"{size} bytes; a push message has at most {PAYLOAD_BYTES_MAX}")
