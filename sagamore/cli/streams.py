"""The standard streams, made fit for everything that commands print."""

import codecs
import io
import json
import os
import sys
from typing import TextIO

ERASE_TO_END = "\033[K"  # what a terminal still shows to the right


def prepare_streams() -> None:
    """None is closed, and standard output takes any text: what its encoding lacks comes as `\\uXXXX`, which JSON reads
    too."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # or the next file opened would take its number, and get what is printed
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=ESCAPE)


def redraws(stream: TextIO) -> bool:
    """Whether it is a terminal on which a line can be drawn over another."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _escape(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


ESCAPE = "sagamore.escape"
codecs.register_error(ESCAPE, _escape)
