"""Payment effects: the engine's Provider over a host's payment provider.

Decodes the stored request, calls the method that the operation names and looks at the answer before the engine may
believe it: an answer that cannot be read, that does not answer what was asked, or that speaks of another amount than
was asked for, is unknown: a person looks at it, the books do not swallow it.
"""

from typing import Any, get_args

import msgspec

from sagamore.actors.orders.payment_provider import (
    CaptureRequest,
    ChargeRequest,
    Operation,
    PaymentAnswer,
    PaymentProvider,
    PaymentRequest,
    ReadRequest,
    RefundRequest,
    VoidRequest,
    declined,
    decode_answer,
    ending,
)
from sagamore.engine.effect import Call, Declined, Outcome, Succeeded, Unknown

NAME = "payments"
ANSWER_CHARACTERS_MAX = 16_384  # what a payment keeps of it goes into its state, its reports and its alerts
SHOWN_CHARACTERS_MAX = 200  # of an answer nobody understood
MOVES_AMOUNT = frozenset({"captured", "authorised", "refunded", "refund_pending"})

_charge = msgspec.json.Decoder(ChargeRequest).decode
_capture = msgspec.json.Decoder(CaptureRequest).decode
_void = msgspec.json.Decoder(VoidRequest).decode
_refund = msgspec.json.Decoder(RefundRequest).decode
_read = msgspec.json.Decoder(ReadRequest).decode


class PaymentEffects:
    """Give it to the engine under its `name`; close it when the engine has stopped."""

    name = NAME

    def __init__(self, provider: PaymentProvider) -> None:
        self.provider = provider
        self.capabilities = provider.capabilities

    async def call(self, call: Call) -> Outcome:
        """One attempt."""
        request: PaymentRequest
        match _operation(call):
            case "charge":
                request = _charge(call.request)
                return _checked(call, request, await self.provider.charge(request, call.key))
            case "authorise":
                request = _charge(call.request)
                return _checked(call, request, await self.provider.authorise(request, call.key))
            case "capture":
                request = _capture(call.request)
                return _checked(call, request, await self.provider.capture(request, call.key))
            case "void":
                request = _void(call.request)
                return _checked(call, request, await self.provider.void(request, call.key))
            case "refund":
                request = _refund(call.request)
                return _checked(call, request, await self.provider.refund(request, call.key))
            case "read":
                request = _read(call.request)
                return _checked(call, request, await self._find(request) or NOT_FOUND)

    async def look_up(self, call: Call) -> Outcome | None:
        """What became of a call: read by the provider's id where one is known, else found by our reference."""
        request = _request(call)
        provider_id = getattr(request, "provider_id", "")
        refund_id = getattr(request, "refund_id", "")
        found = await self._find(ReadRequest(request.order_id, request.attempt, provider_id, refund_id))
        if isinstance(found, Declined):
            return Unknown(f"the look-up was declined: {found.answer}")
        operation = _operation(call)
        if found is None or operation == "read" or not isinstance(found, Succeeded):
            return None if found is None else _checked(call, request, found)
        if ending(operation, decode_answer(found.answer).status) is None:
            return None  # the payment is there, and what was asked has not happened to it
        return _checked(call, request, found)

    async def close(self) -> None:
        """Close the host's provider."""
        await self.provider.close()

    async def _find(self, request: ReadRequest) -> Outcome | None:
        if request.provider_id and not request.refund_id:
            return await self.provider.read(request)
        if self.capabilities.look_up:
            return await self.provider.look_up(request)
        return NOT_FOUND


ANSWERED = (Succeeded, Declined)
NOT_FOUND = declined(PaymentAnswer("refused", code="not_found", message="the provider does not find it"))
_OPERATIONS = frozenset(get_args(Operation))


def _operation(call: Call) -> Operation:
    if call.operation not in _OPERATIONS:
        raise ValueError(f"{call.operation!r} is no operation of payments")
    return call.operation  # type: ignore[return-value]  # one of them, as the line above says


def _request(call: Call) -> PaymentRequest:
    match _operation(call):
        case "charge" | "authorise":
            return _charge(call.request)
        case "capture":
            return _capture(call.request)
        case "void":
            return _void(call.request)
        case "refund":
            return _refund(call.request)
        case "read":
            return _read(call.request)


def _checked(call: Call, request: PaymentRequest, outcome: Any) -> Outcome:
    """What the provider returned, or Unknown in its place if its answer must not be believed."""
    if not isinstance(outcome, Outcome):
        return Unknown(f"a {type(outcome).__name__} is no outcome of a call")
    if not isinstance(outcome, ANSWERED):
        return outcome
    if len(outcome.answer) > ANSWER_CHARACTERS_MAX:
        return Unknown(f"an answer of {len(outcome.answer)} characters, more than {ANSWER_CHARACTERS_MAX}")
    try:
        answer = decode_answer(outcome.answer)
    except msgspec.MsgspecError as error:
        return Unknown(f"the provider's answer cannot be read ({error}): {outcome.answer[:SHOWN_CHARACTERS_MAX]}")
    if isinstance(outcome, Succeeded) and call.operation != "read" and ending(_operation(call), answer.status) is None:
        return Unknown(f"{answer.status} is no answer to {call.operation}")
    asked: int = getattr(request, "amount", answer.amount)
    if answer.status in MOVES_AMOUNT and isinstance(outcome, Succeeded) and answer.amount != asked:
        return Unknown(f"{answer.amount} {answer.status} where {asked} was asked for")
    return outcome
