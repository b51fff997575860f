"""What the tests of templates share: channels, and folders written in a line."""

from pathlib import Path
from typing import Any

from sagamore.actors.notifications.channel import CannotSend, Channel
from sagamore.actors.notifications.rendering import Rendered
from sagamore.actors.notifications.template_budget import Budget
from sagamore.actors.notifications.templates import Templates


class Email(Channel, name="email", parts=("subject", "text"), optional=("html",)):
    """The pure half."""


class Sms(Channel, name="sms", parts=("text",)):
    """The pure half."""


class Chat(Channel, name="chat", parts=("text",)):
    """A host's own."""


class Webhook(Channel, name="webhook", parts=()):
    """Sends the event itself."""


EMAIL, SMS, CHAT, WEBHOOK = Email(), Sms(), Chat(), Webhook()


def folder(at: Path, **files: str) -> Path:
    """`{"T/en/sms.text.txt": text}` under a directory."""
    for name, text in files.items():
        path = at / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    at.mkdir(exist_ok=True)
    return at


def rendered(at: Path, text: str, data: Any = None, **files: str) -> str:
    """One template's text; `files` are further ones."""
    templates = Templates([folder(at, **{"T/en/sms.text.txt": text}, **files)])
    ((_, shown),) = templates.render("T", SMS, "en", data or {}, user_id="ann").parts
    return shown


def failure(at: Path, text: str, data: Any = None, **files: str) -> CannotSend:
    """Why one template cannot be rendered."""
    try:
        shown = rendered(at, text, data, **files)
    except CannotSend as error:
        return error
    raise AssertionError(f"rendered {shown[:200]!r}")


def parts_of(found: Rendered) -> dict[str, str]:
    """By name."""
    return dict(found.parts)


SMALL = Budget(steps=1_000, bytes=10_000, output_bytes=1_000)
