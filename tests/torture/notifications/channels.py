"""The channels of the torture of notifications: real HTTP to the judge's receivers.

One call in fifty goes to a port where nobody listens: not one byte of it is handed over.
"""

from random import Random

import aiohttp

from sagamore.actors.notifications.channel import Channel, Outgoing, permanent, sent
from sagamore.engine.effect import Call, Capabilities, NotReached, Outcome, Throttled, Unknown
from tests.torture.notifications.events import CHAT_RATE, KEYED
from tests.torture.notifications.receivers import RETRY_AFTER_MS

UNREACHED = 0.02
IN_FLIGHT_MAX = 64


class HttpChannel(Channel):
    """Sends what it is given as JSON."""

    def __init__(self, port: int, closed_port: int, chance: Random) -> None:
        self._ports, self._chance = (port, closed_port), chance
        self._session: aiohttp.ClientSession | None = None

    async def send(self, outgoing: Outgoing, call: Call) -> Outcome:
        """One POST."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=IN_FLIGHT_MAX))
        port = self._ports[self._chance.random() < UNREACHED]
        headers = {"Idempotency-Key": call.key}
        try:
            async with self._session.post(f"http://127.0.0.1:{port}/", data=call.request, headers=headers) as answer:
                text = await answer.text()
        except aiohttp.ClientConnectorError as error:
            return NotReached(str(error))
        except aiohttp.ClientError as error:
            return Unknown(str(error))
        match answer.status:
            case 200:
                return sent(outgoing.delivery)
            case 422:
                return permanent("refused", text, dead_address=text == "dead")
            case 429:
                return Throttled(RETRY_AFTER_MS)
            case status:
                return Unknown(f"{status}")

    async def close(self) -> None:
        """Hang up."""
        if self._session is not None:
            await self._session.close()


class Chat(HttpChannel, name="chat"):
    """Its provider knows no keys and has a limit."""

    capabilities = Capabilities(takes_key=KEYED["chat"], in_flight_max=IN_FLIGHT_MAX, rates=(CHAT_RATE,))


class Mail(HttpChannel, name="mail"):
    """Its provider knows keys; the settings have a limit."""

    capabilities = Capabilities(takes_key=KEYED["mail"], in_flight_max=IN_FLIGHT_MAX)


class Text(HttpChannel, name="text"):
    """Its provider knows no keys and has no limit."""

    capabilities = Capabilities(takes_key=KEYED["text"], in_flight_max=IN_FLIGHT_MAX)


def channels(ports: dict[str, int], closed_port: int, seed: str) -> list[Channel]:
    """All of them."""
    return [made(ports[made.name], closed_port, Random(f"{seed} {made.name}")) for made in (Chat, Mail, Text)]
