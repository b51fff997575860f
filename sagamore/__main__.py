"""`sagamore`, also `python -m sagamore`: what is in `sagamore.cli.command`, loaded where Ctrl-C is already answered."""

import sys
from collections.abc import Sequence

INTERRUPTED = 128 + 2  # as shells have it: 128 and the signal


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; `argv` without the program's name."""
    try:
        from sagamore.cli.command import run_command

        return run_command(argv)
    except KeyboardInterrupt:
        print("sagamore: interrupted", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
