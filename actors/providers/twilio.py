"""Text messages through Twilio's HTTP API.

2xx with a message's sid             sent
429, or 20429 and 21611              throttled: never processed, says Twilio
401, 403, 404 with a code of 20xxx   not reached: the account, its keys or its URL; messages wait until it is mended
400 and the like with another code   permanent; for some codes the number is dead
5xx, 3xx, not Twilio's JSON          unknown: it may have happened, and Twilio has no idempotency key
"""

from base64 import b64encode
from urllib.parse import quote, urlencode

import msgspec

from sagamore.actors.notifications.channel import Outgoing, permanent, sent
from sagamore.actors.notifications.channels.sms import SmsChannel
from sagamore.actors.providers.http_client import CONNECTIONS_MAX, Answer, HttpClient, base_url_of, words_of
from sagamore.engine.effect import Call, NotReached, Outcome, Throttled, Unknown
from sagamore.engine.errors import InvalidInput
from sagamore.engine.policy import SECOND_MS

BASE_URL = "https://api.twilio.com"
TIMEOUT_MS = 20 * SECOND_MS  # the engine's own is 30 s
VALIDITY_MAX_S = 36_000  # how long Twilio queues a message at most, and does so if nothing is said
RETRY_AFTER_DEFAULT_MS = SECOND_MS  # Twilio's limits are a second's
HIDDEN = "(hidden)"  # in errors, for a secret

DEAD_NUMBER = frozenset({
    21211,  # not a valid number
    21214,  # cannot be reached
    21217,  # does not appear to be valid
    21265,  # a short code
    21266,  # our own number
    21610,  # has unsubscribed from this sender
    21614,  # not a mobile number
    21635,  # a landline
})  # fmt: skip
TOO_MANY = frozenset({20429, 21611})  # calls at once; messages in the sender's queue
OF_THE_ACCOUNT = range(20_000, 21_000)
ACCOUNT_STATUSES = frozenset({401, 403, 404})


class _Said(msgspec.Struct):
    """A message, of which `sid` is wanted, or an error."""

    sid: str = ""
    status: str | int = ""
    code: int = 0
    message: str = ""


class TwilioSms(SmsChannel):
    """For one event loop. `sender` is a number, a sender's name or a messaging service (`MG…`). With `api_key_sid`
    (`SK…`) the secret is that key's, else the account's auth token.

    Twilio reports what became of a message to `status_callback`, with `delivery=dlv_…` in its query; what hears it
    there passes it on as a receipt. More sends than `connections_max` wait. Raises InvalidInput.
    """

    def __init__(
        self, account_sid: str, secret: str, *, sender: str, api_key_sid: str = "",
        status_callback: str = "", base_url: str = BASE_URL, timeout_ms: int = TIMEOUT_MS,
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:  # fmt: skip
        _check_sid("account_sid", account_sid, "AC")
        if api_key_sid:
            _check_sid("api_key_sid", api_key_sid, "SK")
        if not secret or not secret.isascii() or not secret.isprintable():
            raise InvalidInput(
                "secret", HIDDEN, "the auth token or the key's secret, in printable ASCII, would be right"
            )
        if not sender or not sender.isprintable():
            raise InvalidInput("sender", sender, "a number, a sender's name or the sid of a messaging service")
        self._url = f"{base_url_of('base_url', base_url)}/2010-04-01/Accounts/{quote(account_sid)}/Messages.json"
        if status_callback:
            base_url_of("status_callback", status_callback)
        self._callback = status_callback
        service = sender.startswith("MG") and len(sender) == SID_CHARACTERS
        self._sender = ("MessagingServiceSid" if service else "From", sender)
        self._headers = {
            "Authorization": "Basic " + b64encode(f"{api_key_sid or account_sid}:{secret}".encode()).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        self._http = HttpClient(timeout_ms=timeout_ms, connections_max=connections_max)

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        """One message."""
        form = self._form(outgoing, self.clock.now_ms())
        answer = await self._http.send("POST", self._url, content=urlencode(form).encode(), headers=self._headers)
        return outcome_of(answer, self.clock.now_ms(), outgoing.address) if isinstance(answer, Answer) else answer

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _form(self, outgoing: Outgoing, now_ms: int) -> list[tuple[str, str]]:
        form = [("To", outgoing.address), self._sender, ("Body", outgoing.part("text"))]
        if outgoing.expires_at_ms:
            left_s = (outgoing.expires_at_ms - now_ms) // SECOND_MS
            form.append(("ValidityPeriod", str(min(max(left_s, 1), VALIDITY_MAX_S))))
        if self._callback:
            joint = "&" if "?" in self._callback else "?"
            form.append(("StatusCallback", f"{self._callback}{joint}delivery={quote(outgoing.delivery)}"))
        return form


def outcome_of(answer: Answer, now_ms: int, number: str) -> Outcome:
    """What an answer of Twilio's means. Its words stay, the number in them does not: words outlive an erasure."""
    said = _read(answer.body)
    if answer.status == 429 or said.code in TOO_MANY:
        return Throttled(answer.retry_after_ms(now_ms, RETRY_AFTER_DEFAULT_MS))
    if 200 <= answer.status < 300 and said.sid:
        return sent(words_of(said.sid), words_of(str(said.status)))
    if 400 <= answer.status < 500 and said.code:
        if answer.status in ACCOUNT_STATUSES and said.code in OF_THE_ACCOUNT:
            return NotReached(f"Twilio refuses the account: {answer.status} {said.code}: {said.message}")
        message = words_of(said.message.replace(number, "the number"))
        return permanent(str(said.code), message, dead_address=said.code in DEAD_NUMBER)
    if answer.status in (401, 403):
        return NotReached(f"Twilio refuses the account: {answer.shown}")
    return Unknown(answer.shown)


SID_CHARACTERS = 34  # two letters and 32 hexadecimal digits


def _check_sid(field: str, sid: str, prefix: str) -> None:
    if len(sid) != SID_CHARACTERS or not sid.isascii() or not sid.isalnum() or not sid.startswith(prefix):
        raise InvalidInput(field, sid, f"{prefix} and 32 hexadecimal digits would be right")


def _read(body: bytes) -> _Said:
    try:
        return msgspec.json.decode(body, type=_Said)
    except (msgspec.MsgspecError, ValueError):
        return _Said()
