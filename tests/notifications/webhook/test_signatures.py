"""What we sign is judged by the reference verifier."""

import time
from base64 import b64encode

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from sagamore.actors.providers.webhook_signatures import keys_of, signatures
from sagamore.engine.errors import InvalidInput
from tests.notifications.webhook.kit import OLD_SECRET, SECRET

BODY = '{"type":"ORDER_SHIPPED","name":"Zoë"}'.encode()


def headers(secrets: list[str], body: bytes = BODY) -> dict[str, str]:
    at_s = int(time.time())
    return {
        "webhook-id": "dlv_1", "webhook-timestamp": str(at_s),
        "webhook-signature": signatures(keys_of(secrets), "dlv_1", at_s, body),
    }  # fmt: skip


def test_while_a_secret_is_replaced_both_verify_and_no_other_does() -> None:
    both = headers([SECRET, OLD_SECRET])
    assert Webhook(SECRET).verify(BODY, both) == Webhook(OLD_SECRET).verify(BODY, both) == {
        "type": "ORDER_SHIPPED", "name": "Zoë"
    }  # fmt: skip
    newest = headers([SECRET])["webhook-signature"]
    assert both["webhook-signature"].split(" ")[0] == newest
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD_SECRET).verify(BODY, headers([SECRET]))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_id_time_and_body_are_all_signed(name: str) -> None:
    changed = headers([SECRET])
    changed[name] = str(int(time.time()) + 1)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, changed)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY + b" ", headers([SECRET]))


def secret(size: int) -> str:
    return f"whsec_{b64encode(bytes(size)).decode()}"


@pytest.mark.parametrize("bad", [secret(23), secret(65), "whsec_", "", secret(32)[6:], "whsec_ä", "whsec_" + "?" * 40])
def test_a_secret_that_is_none_is_refused_and_not_shown(bad: str) -> None:
    with pytest.raises(InvalidInput, match=r"secrets\[1\]") as refused:
        keys_of([SECRET, bad])
    assert not any(text and text in str(refused.value) for text in (SECRET, bad.removeprefix("whsec_")))


def test_secrets_are_a_list_of_some() -> None:
    for bad in (SECRET, [], [SECRET] * 9):
        with pytest.raises(InvalidInput, match="secrets") as refused:
            keys_of(bad)
        assert SECRET not in str(refused.value)
    assert [len(key) for key in keys_of([secret(24), secret(64)])] == [24, 64]
