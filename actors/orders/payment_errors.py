"""What payments answers to a person whose resolution it refuses. Nothing has changed then."""

from sagamore.engine.errors import Refused


class NothingToResolve(Refused):
    """The payment is neither STUCK nor parked: the provider's own answer is known, or still being found out."""

    code = "nothing_to_resolve"

    def __init__(self, order_id: str, state: str) -> None:
        super().__init__(
            f"the payment of {order_id} is {state}; only one that is STUCK or parked, and not being"
            " tried again, can be resolved"
        )
        self.order_id, self.state = order_id, state


class CannotResolve(Refused):
    """The outcome or the amount does not answer what was asked of the provider."""

    code = "cannot_resolve"

    def __init__(self, order_id: str, what: str, said: object, expected: str) -> None:
        super().__init__(f"{what} {said!r} does not settle the payment of {order_id}; {expected}")
        self.order_id, self.what, self.said, self.expected = order_id, what, said, expected
