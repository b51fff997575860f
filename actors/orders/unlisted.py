"""A message that no row of a table lists."""

from sagamore.engine.errors import SagamoreError


class Unlisted(SagamoreError):
    """An actor sent what no row of the receiver's table takes in its state: a bug. The engine tries the message again
    (an elder one may be in retry), then keeps it as a dead letter."""

    code = "unlisted"

    def __init__(self, what: str, key: str, state: str, event: str, advice: str = "") -> None:
        super().__init__(f"{what} {key}: no row for {event} in {state}" + (f"; {advice}" if advice else ""))
