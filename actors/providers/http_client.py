"""One HTTP client for the providers: what can be proved of an exchange, and what cannot.

    no name, connection or TLS, or none in time     NotReached: not one byte of the request was written
    broken or silent after that                     Unknown; also a kept connection that the server has closed
    an answer                                       Answer: what it means is the provider's to say

Nothing is sent twice or to another address: no redirects, no repeats, no proxy of the environment, no cookies. No text
of ours names a URL's path or a header: they may hold secrets.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

import aiohttp
import msgspec
from yarl import URL

from sagamore.engine.effect import NotReached, Unknown
from sagamore.engine.errors import InvalidInput
from sagamore.engine.policy import HOUR_MS, SECOND_MS
from sagamore.engine.text import storable

CONNECTIONS_MAX = 256  # the engine keeps fewer calls in flight
CONNECT_TIMEOUT_MS = 10 * SECOND_MS  # name, connection and TLS, and the wait for one of the connections
ANSWER_BYTES_MAX = 65_536
CUT_MS = SECOND_MS  # for the body of an answer of which the status is enough
RETRY_AFTER_MAX_MS = HOUR_MS  # all calls to the provider wait so long
SHOWN_CHARACTERS_MAX = 200  # of an answer nobody understood

_UNWRITTEN = (
    aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ServerFingerprintMismatch, aiohttp.InvalidURL
)  # fmt: skip


class Answer(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Their names in any case."""
    body: bytes

    @property
    def shown(self) -> str:
        """The status and the beginning of the body, for a person."""
        return f"{self.status} {self.body[:SHOWN_CHARACTERS_MAX].decode(errors='replace')}".rstrip()

    def retry_after_ms(self, now_ms: int, default_ms: int) -> int:
        """How long the server asks to stay away, from Retry-After in seconds or as a date; `default_ms` if it does not
        say, or says a time that is over. At most RETRY_AFTER_MAX_MS."""
        wait_ms = _wait_ms(self.headers.get("Retry-After", "").strip(), now_ms)
        return min(wait_ms if wait_ms > 0 else default_ms, RETRY_AFTER_MAX_MS)


class HttpClient:
    """For one event loop; its connections are kept until `close`.

    `timeout_ms` for a whole exchange, 0 for none but the engine's. An answer of more than `answer_bytes_max` bytes is
    unknown; with `cut` only its status counts: the body ends there, after CUT_MS or where it breaks. More sends than
    `connections_max` wait for a connection. `connector` makes what opens connections, for a client with rules of its
    own.
    """

    def __init__(
        self, *, timeout_ms: int = 0, answer_bytes_max: int = ANSWER_BYTES_MAX, cut: bool = False,
        connections_max: int = CONNECTIONS_MAX, connector: Callable[..., aiohttp.BaseConnector] = aiohttp.TCPConnector,
    ) -> None:  # fmt: skip
        self._timeout_ms, self._answer_bytes_max, self._cut = timeout_ms, answer_bytes_max, cut
        self._connections_max, self._connector = connections_max, connector
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self, method: str, url: str | URL, *, content: bytes | None = None, headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer | NotReached | Unknown:  # fmt: skip
        """One exchange. Raises ValueError for a header with a line end."""
        request = self._opened().request(
            method, url, data=content, headers=headers, params=query, allow_redirects=False, auto_decompress=False
        )  # fmt: skip
        bytes_max = self._answer_bytes_max
        try:
            async with request as response:
                body = await self._read(response)
                if len(body) > bytes_max and not self._cut:
                    return Unknown(f"{response.status} with more than {bytes_max} bytes")
                return Answer(response.status, response.headers, bytes(body[:bytes_max]))
        except _UNWRITTEN as error:
            return NotReached(_told(error))
        except (aiohttp.ClientError, OSError) as error:
            return Unknown(_told(error))

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _read(self, response: aiohttp.ClientResponse) -> bytearray:
        body = bytearray()
        try:
            async with asyncio.timeout(CUT_MS / SECOND_MS if self._cut else None):
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > self._answer_bytes_max:
                        response.close()
                        break
        except (TimeoutError, aiohttp.ClientError):
            if not self._cut:
                raise
            response.close()
        return body

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._connector(limit=self._connections_max),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "sagamore", "Accept-Encoding": "identity"},
                timeout=aiohttp.ClientTimeout(
                    total=self._timeout_ms / SECOND_MS or None, connect=CONNECT_TIMEOUT_MS / SECOND_MS
                ),
            )
        return self._session


def words_of(text: str) -> str:
    """A provider's words, short and storable."""
    return storable(text[:SHOWN_CHARACTERS_MAX])


def base_url_of(field: str, url: str) -> str:
    """The URL without a slash at its end. Raises InvalidInput unless it begins with http:// or https://."""
    if not url.startswith(("http://", "https://")):
        raise InvalidInput(field, url, "a URL that begins with http:// or https:// would be right")
    return url.rstrip("/")


def _told(error: Exception) -> str:
    match error:
        case aiohttp.ConnectionTimeoutError():
            text = f"no connection within {CONNECT_TIMEOUT_MS} ms"
        case aiohttp.InvalidURL():
            text = "not a URL"
        case aiohttp.ClientResponseError():
            text = error.message
        case TimeoutError():
            text = "no answer in time"
        case _:
            text = str(error)
    return f"{type(error).__name__}: {text}"[:SHOWN_CHARACTERS_MAX]


def _wait_ms(value: str, now_ms: int) -> int:
    try:
        if value.isdecimal():
            return int(value) * SECOND_MS
        at = parsedate_to_datetime(value)
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * SECOND_MS) - now_ms
    except (ValueError, OverflowError):
        return 0
