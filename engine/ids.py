"""Sortable ids: a prefix that names the kind of thing, then a UUIDv7 (RFC 9562, section 5.7) as 32 hex digits.

    ord_0193f3a1b2c3 7 004 8a5f0c9e1d2b3a4f
        48 bits of   | |   2 bits variant, 62 bits: at the edge a counter above random bits, so that the ids of a
        Unix ms      | |   process rise strictly; in a turn a hash of (message id, n), so that a turn taken again
            version 7  |   makes the same ids
                       12 bits: the partition that made it, so that an id finds its way home

Rising ids keep inserts at the end of the B-tree as files grow, and let a partition know, without a read, that an id
above all it has stored is new to it.
"""

from collections.abc import Callable
from hashlib import blake2b

PARTITIONS_MAX = 1 << 12  # the partition's place in an id is 12 bits
_VARIANT = 0b10 << 62
_LOW_BITS = (1 << 62) - 1
ID_DIGITS = 32


def make_id(prefix: str, at_ms: int, low_bits: int, partition: int = 0) -> str:
    """An id made at `at_ms` in `partition`; `low_bits` (62 bits) tell it from others of the same millisecond."""
    value = (at_ms & 0xFFFFFFFFFFFF) << 80 | 0x7 << 76 | partition << 64 | _VARIANT | low_bits & _LOW_BITS
    return f"{prefix}_{value.to_bytes(ID_DIGITS // 2, 'big').hex()}"


def derived_id(prefix: str, at_ms: int, partition: int, message_id: str, n: int) -> str:
    """The n-th id of the turn that takes `message_id`: the same however often the turn is taken."""
    digest = blake2b(f"{message_id}/{n}".encode(), digest_size=8).digest()
    return make_id(prefix, at_ms, int.from_bytes(digest, "big"), partition)


def partition_of_id(key: str) -> int:
    """The partition that an id carries. Raises ValueError if `key` is no id of ours."""
    digits = key.rpartition("_")[2]
    if len(digits) != ID_DIGITS:
        raise ValueError(f"{key!r} is no id")
    return int(digits[13:16], 16)


def milliseconds_of_id(key: str) -> int:
    """When an id was made, in Unix milliseconds. Raises ValueError if `key` is no id of ours."""
    digits = key.rpartition("_")[2]
    if len(digits) != ID_DIGITS:
        raise ValueError(f"{key!r} is no id")
    return int(digits[:12], 16)


def is_id(key: str, prefix: str) -> bool:
    """Whether `key` is an id with this prefix."""
    return len(key) == len(prefix) + 1 + ID_DIGITS and key.startswith(prefix) and key[len(prefix)] == "_"


class IdMaker:
    """Mints ids at the edge, strictly rising within a process even when the clock stands still or steps back."""

    _COUNTER_STEP = 1 << 40  # leaves 40 random bits below and 22 bits of counter above within one millisecond

    def __init__(self, random_bits: Callable[[int], int]) -> None:
        self._random_bits = random_bits
        self._at_ms = 0
        self._low_bits = 0

    def make(self, prefix: str, now_ms: int, partition: int = 0) -> str:
        """A new id; `now_ms` is the Clock's."""
        if now_ms > self._at_ms:
            self._at_ms, self._low_bits = now_ms, self._random_bits(40)
        else:
            self._low_bits = (self._low_bits // self._COUNTER_STEP + 1) * self._COUNTER_STEP + self._random_bits(40)
            if self._low_bits > _LOW_BITS:
                self._at_ms, self._low_bits = self._at_ms + 1, self._random_bits(40)
        return make_id(prefix, self._at_ms, self._low_bits, partition)
