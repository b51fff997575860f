"""A folder of templates, read whole and once: no turn opens a file.

    FOLDER/ORDER_SHIPPED/de/email.subject.txt      CHANNEL.PART.txt: plain text
    FOLDER/ORDER_SHIPPED/de/email.html             CHANNEL.html: the part `html`, the only one that is escaped
    FOLDER/_shared/footer.html                     for {% include "_shared/footer.html" %} in files of the same suffix

What begins with a dot is left alone; whatever else is there must be named so.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sagamore.actors.notifications.locale import is_locale
from sagamore.engine.errors import InvalidInput

FILES_MAX = 5_000  # of a folder: 50 event types in 10 languages; they compile in about 5 s
FILE_BYTES_MAX = 64 << 10  # a message is rarely a tenth of that
SHARED_FOLDER = "_shared"

_PART = re.compile(r"([a-z][a-z0-9_-]*)\.(?:([a-z][a-z0-9_]*)\.txt|html)")
_SHARED = re.compile(r"[\w.-]+\.(?:txt|html)")


class Source(msgspec.Struct, frozen=True):
    """One file. `name` is its path below the folder; of a shared file only `name`, `path` and `text` say something."""

    name: str
    path: Path
    text: str
    event_type: str = ""
    locale: str = ""
    channel: str = ""
    part: str = ""


def read_folder(folder: Path) -> Iterator[Source]:
    """Its files, sorted by name. Raises InvalidInput."""
    if not folder.is_dir():
        raise InvalidInput(f"templates {folder}", folder.name, "a folder that is there")
    for count, source in enumerate(_below(folder), start=1):
        if count > FILES_MAX:
            raise InvalidInput(f"templates {folder}", folder.name, f"a folder of at most {FILES_MAX:,} files")
        yield source


def file_name(event_type: str, locale: str, channel: str, part: str) -> str:
    """Where a part is looked for, below the folder."""
    return f"{event_type}/{locale}/{channel}.{part}" + ("" if part == "html" else ".txt")


def _below(folder: Path) -> Iterator[Source]:
    for top in _entries(folder):
        for entry in _entries(_folder(top)):
            if top.name == SHARED_FOLDER:
                if not _SHARED.fullmatch(entry.name):
                    raise InvalidInput(f"template {entry}", entry.name, "name a shared file NAME.txt or NAME.html")
                yield Source(entry.relative_to(folder).as_posix(), entry, _text(entry))
                continue
            if not is_locale(entry.name):
                raise InvalidInput(
                    f"template {entry}", entry.name, "name the folders EVENT_TYPE/LOCALE, as ORDER_SHIPPED/de-AT"
                )
            for path in _entries(_folder(entry)):
                named = _PART.fullmatch(path.name)
                if named is None:
                    raise InvalidInput(f"template {path}", path.name, "name a part CHANNEL.PART.txt or CHANNEL.html")
                name = path.relative_to(folder).as_posix()
                yield Source(name, path, _text(path), top.name, entry.name, named[1], named[2] or "html")


def _entries(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise InvalidInput(
            f"template {path}", path.name, "put a part at EVENT_TYPE/LOCALE/CHANNEL.PART.txt or CHANNEL.html"
        )
    return path


def _text(path: Path) -> str:
    if not path.is_file():  # a pipe would be waited for
        raise InvalidInput(f"template {path}", path.name, "a file")
    try:
        with path.open("rb") as file:
            body = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InvalidInput(f"template {path}", path.name, f"a file that can be read: {error.strerror}") from error
    if len(body) > FILE_BYTES_MAX:
        raise InvalidInput(f"template {path}", path.name, f"a file of at most {FILE_BYTES_MAX:,} bytes")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        raise InvalidInput(f"template {path}:{line}", body[error.start : error.end], "write it in UTF-8") from error
