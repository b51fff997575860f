"""Text messages: addresses are telephone numbers, a message is one text. Pure; `actors/providers/twilio.py` sends."""

import re
from collections.abc import Mapping

from sagamore.actors.notifications.channel import CannotSend, Channel
from sagamore.actors.notifications.errors import BadAddress

TEXT_UNITS_MAX = 1_600  # what Twilio takes, in UTF-16 code units: an emoji is two
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


class SmsChannel(Channel, name="sms", parts=("text",), receipts=True):
    """A number in the form of E.164, and a text that is neither empty nor too long."""

    def check_address(self, address: str) -> str:
        """The number as it is. Raises BadAddress."""
        if not _E164.fullmatch(address):
            raise BadAddress(self.name, address, "a number in the form of E.164: + and 7 to 15 digits, as +14155550100")
        return address

    def check_parts(self, parts: Mapping[str, str]) -> None:
        """Raises CannotSend for a text that is empty or of more than TEXT_UNITS_MAX."""
        text = parts.get("text", "")
        if not text.strip():
            raise CannotSend("empty_text", "a text message without text")
        units = len(text) + sum(character > "\uffff" for character in text)
        if units > TEXT_UNITS_MAX:
            raise CannotSend("text_too_long", f"{units} characters; a text message has at most {TEXT_UNITS_MAX}")
