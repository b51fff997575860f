"""What a receiver of webhooks says, and what it means.

2xx                                     sent
3xx                                     permanent: redirects are not followed
410                                     permanent, and the address is dead: the receiver wants no more
408, 425, 429                           not now: after Retry-After, else as any attempt that reached nobody
503 with Retry-After                    not now
other 4xx                               permanent
other 5xx                               unknown: it may have been taken
"""

from yarl import URL

from sagamore.actors.notifications.channel import permanent, sent
from sagamore.actors.providers.http_client import SHOWN_CHARACTERS_MAX, Answer
from sagamore.engine.effect import NotReached, Outcome, Throttled, Unknown
from sagamore.engine.text import storable

NOT_NOW = (408, 425, 429)


def outcome_of(answer: Answer, now_ms: int) -> Outcome:
    """The outcome of a POST that was answered."""
    status, said = answer.status, f"{answer.status} {shown(answer.body)}".rstrip()
    if 200 <= status < 300:
        return sent(message=str(status))
    if 300 <= status < 400:
        to = _origin(answer.headers.get("Location", ""))
        return permanent("redirected", f"{status} to {to}: redirects are not followed")
    if status == 410:
        return permanent("gone", said, dead_address=True)
    if status in NOT_NOW or status == 503:
        wait_ms = answer.retry_after_ms(now_ms, default_ms=0)
        if wait_ms:
            return Throttled(wait_ms)
    if status in NOT_NOW:
        return NotReached(said)
    return permanent(f"http_{status}", said) if 400 <= status < 500 else Unknown(said)


def shown(body: bytes) -> str:
    """The beginning of it in one line, fit for a terminal."""
    text = body[: 4 * SHOWN_CHARACTERS_MAX].decode(errors="replace")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return storable(line[:SHOWN_CHARACTERS_MAX])


def _origin(location: str) -> str:
    """Without path and query, which may hold what is secret."""
    try:
        url = URL(location)
        return str(url.origin())[:SHOWN_CHARACTERS_MAX] if url.host else "another path"
    except ValueError:
        return "no URL"
