"""The webhook channel's provider: signed POSTs after Standard Webhooks, to nobody but who was checked.

The id is the delivery's in all attempts and copies, so a receiver that follows the standard takes each once; that is
why an attempt of unknown outcome is simply made again. Time and signature are new at each attempt. The address that
was checked is the one connected to (`checked_resolver.py`), while TLS and the Host header go by the name; redirects,
proxies of the environment and cookies do not exist here.

    Webhooks(["whsec_…"])                       one receiver, or several that trust each other
    Webhooks(lambda outgoing: secrets[outgoing.user_id])

Two receivers that share a secret can sign for each other; several secrets of one receiver, newest first, are its
rotation. The engine ends a call; what is shorter here is the way to the receiver.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Sequence

import aiohttp
from yarl import URL

from sagamore.actors.notifications.channel import Outgoing, permanent
from sagamore.actors.notifications.channels.webhook import WebhookChannel, body_of, receiver_of
from sagamore.actors.notifications.errors import BadAddress
from sagamore.actors.providers.checked_resolver import AddressNotAllowed, CheckedResolver, LookUp, system_look_up
from sagamore.actors.providers.http_client import Answer, HttpClient
from sagamore.actors.providers.receivers import Receivers
from sagamore.actors.providers.webhook_answers import outcome_of
from sagamore.actors.providers.webhook_signatures import keys_of, signatures
from sagamore.engine.effect import Call, Capabilities, Declined, NotReached, Outcome, Succeeded, Throttled
from sagamore.engine.errors import InvalidInput
from sagamore.engine.policy import DAY_MS

KEY_TTL_MS = 7 * DAY_MS  # deliveries end after three days; half of this is when the engine stops to trust in a key
BODY_BYTES_MAX = 20 * 1024  # the standard's advice for a payload
ANSWER_BYTES_MAX = 16 * 1024
IDLE_S = 5.0

SecretsOf = Callable[[Outgoing], Sequence[str]]


class Webhooks(WebhookChannel):
    """`secrets` for all receivers, or a function that finds them for a delivery. `tls` where receivers' certificates
    are signed by a private authority. At most `in_flight_max` calls at once, `receiver_in_flight_max` to one receiver.
    For one event loop. Raises InvalidInput."""

    def __init__(
        self,
        secrets: Sequence[str] | SecretsOf,
        *,
        allow_http: bool = False,
        allowed_networks: Iterable[str] = (),
        tls: ssl.SSLContext | None = None,
        in_flight_max: int = 256,
        receiver_in_flight_max: int = 64,
        look_up: LookUp = system_look_up,
    ) -> None:
        super().__init__(allow_http=allow_http, allowed_networks=allowed_networks)
        bounds = {"in_flight_max": in_flight_max, "receiver_in_flight_max": receiver_in_flight_max}
        for field, bound in bounds.items():
            if bound < 1:
                raise InvalidInput(field, bound, "at least 1 would be right")
        self.capabilities = Capabilities(
            takes_key=True, key_ttl_ms=KEY_TTL_MS, in_flight_max=in_flight_max, breaks=False
        )  # fmt: skip
        self._keys = None if callable(secrets) else keys_of(secrets)
        self._secrets_of = secrets if callable(secrets) else None
        self._tls, self._look_up = tls, look_up
        self._places = asyncio.Semaphore(in_flight_max)  # not the connections: who waits has not failed to be reached
        self._closed = False
        self._receivers = Receivers(receiver_in_flight_max)
        self._http = HttpClient(
            answer_bytes_max=ANSWER_BYTES_MAX, cut=True, connections_max=0, connector=self._connector
        )  # fmt: skip

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        """One attempt."""
        try:
            address = self.check_address(outgoing.address)  # the composition may have become stricter since
            keys = self._keys_for(outgoing)
        except BadAddress as error:
            return permanent("address_not_allowed", str(error))
        except InvalidInput as error:
            return permanent("no_secret", str(error))
        body = body_of(outgoing)
        if len(body) > BODY_BYTES_MAX:
            return permanent("payload_too_large", f"{len(body)} bytes, of at most {BODY_BYTES_MAX}")
        receiver = receiver_of(address)
        wait_ms = self._receivers.admit(receiver, self.clock.elapsed_ms())
        if wait_ms:
            return Throttled(wait_ms)
        answered: bool | None = None
        try:
            async with self._places:
                answered = False
                outcome = await self._post(address, receiver, outgoing.delivery, body, keys)
                answered = isinstance(outcome, Succeeded | Declined)
        finally:
            self._receivers.ended(receiver, self.clock.elapsed_ms(), answered)
        return outcome

    async def close(self) -> None:
        """Close the connections; what is under way is unknown."""
        self._closed = True
        await self._http.close()

    def _keys_for(self, outgoing: Outgoing) -> tuple[bytes, ...]:
        return keys_of(self._secrets_of(outgoing)) if self._secrets_of else self._keys or ()

    async def _post(self, address: str, receiver: str, delivery: str, body: bytes, keys: tuple[bytes, ...]) -> Outcome:
        if self._closed:
            return NotReached("the channel is closed")
        at_ms = self.clock.now_ms()
        headers = {
            "Content-Type": "application/json", "webhook-id": delivery, "webhook-timestamp": str(at_ms // 1000),
            "webhook-signature": signatures(keys, delivery, at_ms // 1000, body),
        }  # fmt: skip
        if not self._receivers.others(receiver):
            headers["Connection"] = "close"  # else one would lie idle for each receiver that is called now and then
        url = URL(address, encoded=True)  # to the letter
        try:
            answer = await self._http.send("POST", url, content=body, headers=headers)
        except AddressNotAllowed as error:
            return permanent("address_not_allowed", str(error))
        return outcome_of(answer, self.clock.now_ms()) if isinstance(answer, Answer) else answer

    def _connector(self, limit: int) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(
            limit=limit, keepalive_timeout=IDLE_S, ssl=self._tls or True, use_dns_cache=False,
            resolver=CheckedResolver(self.networks, self._look_up),
        )  # fmt: skip
