"""What a host opens a shop with, checked before anything is made on disk. Each check raises an InvalidInput that names
the argument."""

import os
from collections.abc import Sequence
from pathlib import Path

from sagamore.actors.notifications.channel import Channel
from sagamore.actors.orders.payment_provider import PaymentCapabilities
from sagamore.actors.text import shown
from sagamore.engine.actor import Actor
from sagamore.engine.effect import Capabilities
from sagamore.engine.errors import InvalidInput
from sagamore.settings import Settings


def check_path(path: object) -> Path:
    """A path that the file system can be asked for. Empty text, an unset variable perhaps, is none."""
    if not isinstance(path, str | Path):
        raise InvalidInput("path", shown(path), "text or a Path")
    if path == "":
        raise InvalidInput("path", path, 'the directory\'s path, as "shop/", or "." for the current one')
    try:
        if "\0" not in os.fsdecode(os.fsencode(path)):
            return Path(path)
    except UnicodeEncodeError:
        pass
    raise InvalidInput("path", str(path), "a path that can be written in the file system's encoding, without U+0000")


def check_opening(
    settings: object, payments: object, channels: object, actors: object, providers: object, on_alert: object
) -> None:  # fmt: skip
    """All but the path."""
    if settings is not None and not isinstance(settings, Settings):
        raise InvalidInput("settings", shown(settings), "Settings(…)")
    if payments is not None and not _provides(payments, PaymentCapabilities):
        raise InvalidInput("payments", shown(payments), "a PaymentProvider, as SimulatedPayments()")
    for n, channel in enumerate(_listed("channels", channels)):
        if not isinstance(channel, Channel):
            raise InvalidInput(f"channels[{n}]", shown(channel), "an instance of a class derived from Channel")
    for n, actor in enumerate(_listed("actors", actors)):
        if not isinstance(actor, Actor):
            raise InvalidInput(f"actors[{n}]", shown(actor), "an instance of a class derived from Actor")
    for n, provider in enumerate(_listed("providers", providers)):
        if not _provides(provider, Capabilities):
            raise InvalidInput(f"providers[{n}]", shown(provider), "a Provider(name, capabilities, call, look_up)")
    if on_alert is not None and not callable(on_alert):
        raise InvalidInput("on_alert", shown(on_alert), "a function that takes an Alert")


def _provides(provider: object, expected: type[Capabilities]) -> bool:
    """A class in place of an instance does not."""
    return not isinstance(provider, type) and isinstance(getattr(provider, "capabilities", None), expected)


def _listed(field: str, value: object) -> Sequence[object]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise InvalidInput(field, shown(value), "a list or tuple")
    return value
