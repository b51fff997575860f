"""One command: exit status 0 done, 1 refused or failed, 2 bad usage or input, 130 interrupted.

An error is one line on standard error. Nothing here prints a traceback: an operator can do nothing with one.
"""

import logging
import os
import sys
import traceback
from collections.abc import Sequence

from sagamore.cli.output import complain
from sagamore.cli.parser import UsageError
from sagamore.cli.registry import build_parser
from sagamore.cli.session import RemoteError
from sagamore.cli.streams import prepare_streams
from sagamore.engine.errors import InvalidInput, NotADirectoryOfOurs, SagamoreError

INTERRUPTED = 128 + 2  # as shells have it: 128 and the signal
PIPE_CLOSED = 128 + 13
BAD_INPUT = (UsageError, InvalidInput, NotADirectoryOfOurs)


class _Log(logging.Handler):
    """Warnings of the library, and what its event loop complains of, as lines like all others."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line, the error's type and text in place of its traceback."""
        error = record.exc_info[1] if record.exc_info else None
        complain(record.getMessage() + (f": {type(error).__name__}: {error}" if error is not None else ""))


def run_command(argv: Sequence[str] | None) -> int:
    """Run one command; `argv` without the program's name."""
    prepare_streams()
    logs = [logging.getLogger(name) for name in ("sagamore", "asyncio")]
    handler = _Log(logging.WARNING)
    for log in logs:
        log.addHandler(handler)
    try:
        return _run(argv)
    finally:
        for log in logs:
            log.removeHandler(handler)


def _run(argv: Sequence[str] | None) -> int:
    try:
        args = build_parser().parse_args(argv)
        status: int = args.run(args)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as asked:  # --help, SIGTERM
        return int(asked.code or 0)
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    """Say it in a line; the exit status."""
    while isinstance(error, ExceptionGroup):  # of tasks: when the first had failed, the others were cancelled
        error = error.exceptions[0]
    if isinstance(error, OSError):
        complain(f"{error.filename}: {error.strerror}" if error.filename else str(error) or type(error).__name__)
    elif isinstance(error, SagamoreError | UsageError):
        complain(str(error))
    else:
        at = traceback.extract_tb(error.__traceback__)[-1]
        complain(f"this is a bug: {type(error).__name__}: {error} ({os.path.basename(at.filename)}:{at.lineno})")
    bad_input = error.view.bad_input if isinstance(error, RemoteError) else isinstance(error, BAD_INPUT)
    return 2 if bad_input else 1
