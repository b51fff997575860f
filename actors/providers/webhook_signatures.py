"""Standard Webhooks signatures (standardwebhooks.com): `v1,` and the HMAC-SHA256 over id, time and body, in base64.

A secret is `whsec_` and base64. While one is replaced there are several, and as many signatures: a receiver takes a
message if it can verify any of them. No error names a secret.
"""

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

from sagamore.engine.errors import InvalidInput

PREFIX = "whsec_"
KEY_BYTES_MIN, KEY_BYTES_MAX = 24, 64  # the standard's bounds
SECRETS_MAX = 8  # of one receiver at a time; a header is bounded


def keys_of(secrets: Sequence[str]) -> tuple[bytes, ...]:
    """Their keys, in their order. Raises InvalidInput, which says what is wrong and not what it was."""
    expected = f"1 to {SECRETS_MAX} texts of {PREFIX} and the base64 of {KEY_BYTES_MIN} to {KEY_BYTES_MAX} bytes"
    if isinstance(secrets, str) or not 1 <= len(secrets) <= SECRETS_MAX:
        raise InvalidInput("secrets", f"{type(secrets).__name__} of {len(secrets)}", f"{expected}, newest first")
    keys = []
    for place, secret in enumerate(secrets):
        try:
            key = b64decode(secret.removeprefix(PREFIX), validate=True) if secret.startswith(PREFIX) else b""
        except (binascii.Error, ValueError):
            key = b""
        if not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
            raise InvalidInput(f"secrets[{place}]", "hidden", f"not one of {expected}")
        keys.append(key)
    return tuple(keys)


def signatures(keys: Sequence[bytes], message_id: str, at_s: int, body: bytes) -> str:
    """The header `webhook-signature`: one for each key, separated by spaces."""
    signed = f"{message_id}.{at_s}.".encode() + body
    return " ".join(f"v1,{b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}" for key in keys)
