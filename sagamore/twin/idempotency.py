"""Idempotency keys: the first answer to a key is the only one, for as long as the key lives.

    key unknown                      execute; the answer is stored, whatever it is
    key stored, same request         the stored answer again, byte for byte
    key under way, same request      409 key_in_use
    key known, another request       400 key_mismatch
    key older than its lifetime      forgotten: the next request with it is a new one

A request is its path and its parameters in canonical form. What is refused at the door never reaches this file.
"""

from collections import OrderedDict

from msgspec import Raw, Struct

from sagamore.twin.errors import Rejected

KEY_CHARACTERS_MAX = 255  # as card providers document it


class Answer(Struct, frozen=True):
    """What was or will be sent, body as bytes of JSON."""

    status: int
    body: Raw


class Stored(Struct, frozen=True):
    """An answer and the request it belongs to."""

    key: str
    fingerprint: str
    at_ms: int
    answer: Answer


class Keys:
    """All keys that live."""

    def __init__(self, key_ttl_ms: int) -> None:
        self._key_ttl_ms = key_ttl_ms
        self._stored: OrderedDict[str, Stored] = OrderedDict()  # oldest first
        self._under_way: dict[str, str] = {}  # key -> fingerprint

    def __len__(self) -> int:
        return len(self._stored)

    @property
    def under_way(self) -> int:
        """Requests that are being executed."""
        return len(self._under_way)

    def begin(self, key: str, fingerprint: str) -> Answer | None:
        """The stored answer; or None, and the key is under way until `end`.

        Raises:
            Rejected: 400 without a usable key or with another request's key, 409 while the key is under way.
        """
        if not 0 < len(key) <= KEY_CHARACTERS_MAX:
            raise Rejected(
                400,
                "key_missing" if not key else "key_too_long",
                f"Idempotency-Key: 1 to {KEY_CHARACTERS_MAX} characters",
            )
        stored = self._stored.get(key)
        known = stored.fingerprint if stored else self._under_way.get(key)
        if known is None:
            self._under_way[key] = fingerprint
            return None
        if known != fingerprint:
            raise Rejected(400, "key_mismatch", "this key belongs to another path or other parameters")
        if stored is None or key in self._under_way:  # stored, and its answer has not gone out yet
            raise Rejected(409, "key_in_use", "a request with this key is under way")
        return stored.answer

    def store(self, stored: Stored) -> None:
        """Keep it for the key's lifetime."""
        self._stored[stored.key] = stored

    def end(self, key: str) -> None:
        """The request is over, answered or not."""
        del self._under_way[key]

    def prune(self, now_ms: int) -> None:
        """Forget the keys whose lifetime is over."""
        while self._stored:
            oldest = next(iter(self._stored.values()))
            if now_ms - oldest.at_ms < self._key_ttl_ms:
                return
            self._stored.popitem(last=False)
