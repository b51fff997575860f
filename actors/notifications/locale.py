"""Locales, as users have them and folders of templates are named: a language, and what narrows it down, as de or de-AT.

A locale is a variety of what is left without its last word: zh-Hant-TW of zh-Hant, and that of zh.
"""

import re

from sagamore.actors.text import check_text, shown
from sagamore.engine.errors import InvalidInput

LOCALE_CHARACTERS_MAX = 35  # BCP 47: as long as tags get in practice

_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


def is_locale(text: str) -> bool:
    """By its form; whether anybody speaks it is not asked."""
    return _LOCALE.fullmatch(text) is not None


def check_locale(field: str, value: object, *, optional: bool = False) -> str:
    """The locale itself, or with `optional` the empty text. Raises InvalidInput."""
    text = check_text(field, value, LOCALE_CHARACTERS_MAX, optional=optional, printable=True)
    if text and not is_locale(text):
        raise InvalidInput(field, shown(text), "a locale: a language, as de, or with a region, as de-AT")
    return text


def with_wider(locale: str) -> list[str]:
    """The locale and what it is a variety of, the narrowest first."""
    words = locale.split("-")
    return ["-".join(words[:count]) for count in range(len(words), 0, -1)]
