"""What an e-mail channel can be set to; what cannot work is refused when it is made."""

import sys
from typing import Any

import pytest

import sagamore.actors.providers
from sagamore.actors.providers.smtp import SmtpEmail
from sagamore.engine.errors import InvalidInput


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"host": "mail.example.com"}, "tls"), ({"host": "10.0.0.1"}, "tls"), ({"tls": "ssl"}, "tls"),
        ({"port": 0}, "port"), ({"port": 65_536}, "port"), ({"connections_max": 0}, "connections_max"),
        ({"connections_max": 257}, "connections_max"), ({"messages_max": 0}, "messages_max"),
        ({"idle_ms": 0}, "idle_ms"), ({"patience_ms": 0}, "patience_ms"), ({"username": "shop"}, "username"),
        ({"password": "hush"}, "username"), ({"sender": ""}, "sender"), ({"sender": "Shop"}, "email address"),
        ({"sender": "Shop\r\nBcc: x <shop@example.com>"}, "sender"), ({"unsubscribe_url": "shop.example"}, "unsub"),
        ({"tls": "starttls", "ca_file": "/nowhere.pem"}, "ca_file"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused_and_no_password_is_shown(settings: Any, named: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{named}") as caught:
        SmtpEmail(**{"host": "127.0.0.1", "sender": "shop@example.com", "tls": "none", **settings})
    assert "hush" not in str(caught.value)


def test_plain_text_to_elsewhere_is_for_those_who_say_so() -> None:
    SmtpEmail("10.0.0.1", 25, sender="shop@example.com", tls="none", plain_text_allowed=True)
    for host in ("localhost", "127.0.0.2", "::1"):
        SmtpEmail(host, 25, sender="shop@example.com", tls="none")


def test_without_aiosmtplib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sagamore.actors.providers.smtp_connections", raising=False)
    monkeypatch.delattr(sagamore.actors.providers, "smtp_connections", raising=False)
    monkeypatch.setitem(sys.modules, "aiosmtplib", None)
    with pytest.raises(ImportError, match=r"pip install 'sagamore\[email\]'"):
        SmtpEmail("127.0.0.1", sender="shop@example.com", tls="none")
