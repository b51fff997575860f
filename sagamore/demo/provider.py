"""`python -m sagamore.demo.provider …`: the payment twin, which also stops when its standard input ends."""

import os
import signal
import sys
import threading

from sagamore.twin.__main__ import main


def _stop_at_the_end_of_input() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_stop_at_the_end_of_input, daemon=True).start()
    sys.exit(main())
