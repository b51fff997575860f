"""Text that somebody else wrote, an exception or a provider, made into what can be stored (`message.py`) and read."""

ERROR_CHARACTERS_MAX = 500  # of an error in a row or a dead letter: enough for a person, and bounded


def storable(text: str) -> str:
    """The text, with what SQLite's JSON would change replaced."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def error_text(error: BaseException) -> str:
    """An error in one line, also one that cannot say what it is."""
    name = type(error).__name__
    try:
        return storable(f"{name}: {error}"[:ERROR_CHARACTERS_MAX])
    except Exception:  # its own __str__ raises
        return name
