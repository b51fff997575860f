"""Where a webhook goes: to the address that was checked and no other, under the name that was given."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme
from aiohttp import web

from sagamore.actors.notifications.channels.networks import Networks
from sagamore.actors.providers import checked_resolver
from sagamore.actors.providers.checked_resolver import CheckedResolver
from sagamore.actors.providers.webhooks import Webhooks
from sagamore.engine.effect import NotReached, Succeeded
from tests.notifications.webhook.kit import leading_to, post, receiving, refusal, webhooks
from tests.notifications.webhook.test_address import PRIVATE

PUBLIC = "93.184.216.34"  # never called: what stands beside it is refused


@asynccontextmanager
async def channel(**options: Any) -> AsyncIterator[Webhooks]:
    made = webhooks(**options)
    try:
        yield made
    finally:
        await made.close()


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_that_leads_to_an_address_that_is_not_public_is_refused_for_good(address: str) -> None:
    async with channel(allowed_networks=(), look_up=leading_to(address)) as hooks:
        said = refusal(await post(hooks, "https://hook.example:8443/in?token=t0p"))
    assert (said.code, said.dead_address) == ("address_not_allowed", False)
    assert said.message == f"hook.example leads to {address}, which is not public"


@pytest.mark.parametrize("answers", [[PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], [PUBLIC, "::1"]])
async def test_one_address_that_is_not_public_refuses_the_name(answers: list[str]) -> None:
    async with receiving() as (port, received), channel(allowed_networks=(), look_up=leading_to(answers)) as hooks:
        assert refusal(await post(hooks, f"http://hook.example:{port}/")).code == "address_not_allowed"
    assert received == []


async def test_a_name_that_was_public_at_the_first_look_up_and_is_not_at_the_second_is_refused_then() -> None:
    """127.0.0.2 plays the public address, 127.0.0.1 the private one; both are served."""
    async with receiving(host="0.0.0.0") as (port, received), channel(
        allowed_networks=["127.0.0.2"], look_up=leading_to("127.0.0.2", "127.0.0.1")
    ) as hooks:  # fmt: skip
        url = f"http://hook.example:{port}/"
        assert isinstance(await post(hooks, url), Succeeded)
        assert refusal(await post(hooks, url)).message == "hook.example leads to 127.0.0.1, which is not public"
    assert len(received) == 1


async def test_an_attempt_looks_up_once_and_connects_to_what_it_was_told() -> None:
    asked = []
    peers = []

    def look_up(host: str, port: int) -> Any:
        asked.append((host, port))
        return leading_to("127.0.0.2" if len(asked) == 1 else "127.0.0.1")(host, port)

    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("sockname")[0])
        return web.Response()

    async with receiving(handler, host="0.0.0.0") as (port, received), channel(look_up=look_up) as hooks:
        assert isinstance(await post(hooks, f"http://hook.example:{port}/"), Succeeded)
    assert (asked, peers, received[0].host) == ([("hook.example", port)], ["127.0.0.2"], f"hook.example:{port}")


async def test_an_address_in_the_url_is_checked_at_every_attempt_and_never_looked_up() -> None:
    def look_up(host: str, port: int) -> Any:
        raise AssertionError(host)

    async with receiving() as (port, received):
        async with channel(look_up=look_up) as hooks:
            assert isinstance(await post(hooks, f"http://127.0.0.1:{port}/"), Succeeded)
        async with channel(look_up=look_up, allowed_networks=()) as hooks:  # stricter than when it was stored
            for host in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"):
                said = refusal(await post(hooks, f"http://{host}:{port}/"))
                assert said.code == "address_not_allowed"
    assert len(received) == 1


async def test_the_systems_look_up_is_checked_too() -> None:
    async with receiving() as (port, received):
        async with channel() as hooks:
            assert isinstance(await post(hooks, f"http://localhost:{port}/"), Succeeded)
        async with channel(allowed_networks=["10.0.0.0/8"]) as hooks:
            said = refusal(await post(hooks, f"http://localhost:{port}/"))
    assert said.message in [f"localhost leads to {address}, which is not public" for address in ("127.0.0.1", "::1")]
    assert len(received) == 1


async def test_a_redirect_to_a_private_address_is_not_followed() -> None:
    async with receiving() as (inside, received):

        async def handler(request: web.Request) -> web.Response:
            return web.Response(status=307, headers={"Location": f"http://127.0.0.1:{inside}/admin"})

        async with receiving(handler, host="0.0.0.0") as (port, _), channel(
            allowed_networks=["127.0.0.2"], look_up=leading_to("127.0.0.2")
        ) as hooks:  # fmt: skip
            assert refusal(await post(hooks, f"http://hook.example:{port}/")).code == "redirected"
    assert received == []


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as (proxy, proxied), receiving() as (port, received):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        async with channel(look_up=leading_to("127.0.0.1")) as hooks:
            await post(hooks, f"http://hook.example:{port}/")
    assert (proxied, len(received)) == ([], 1)


async def test_a_look_up_that_hangs_is_not_reached_and_the_next_name_is_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checked_resolver, "LOOK_UP_S", 0.05)
    answer = threading.Event()

    def look_up(host: str, port: int) -> Any:
        if host == "slow.example":
            answer.wait(20)
        return leading_to("127.0.0.1")(host, port)

    try:
        async with receiving() as (port, _), channel(look_up=look_up) as hooks:
            assert isinstance(await post(hooks, f"http://slow.example:{port}/"), NotReached)
            monkeypatch.setattr(checked_resolver, "LOOK_UP_S", 10)
            assert isinstance(await post(hooks, f"http://quick.example:{port}/"), Succeeded)
    finally:
        answer.set()


async def test_a_resolver_is_for_names_of_both_families() -> None:
    resolver = CheckedResolver(Networks(), leading_to([PUBLIC, "2606:4700::1111"]))
    found = await resolver.resolve("hook.example", 443)
    assert [(place["host"], place["hostname"], place["port"]) for place in found] == [
        (PUBLIC, "hook.example", 443), ("2606:4700::1111", "hook.example", 443)
    ]  # fmt: skip
    await resolver.close()


# --- TLS ---


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> Iterator[ssl.SSLContext]:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    yield context


def serving(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


async def test_tls_is_verified_against_the_name_though_the_address_is_pinned(
    authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    names: list[str | None] = []
    certificate = serving(authority, "hook.example")
    certificate.sni_callback = lambda _, name, __: names.append(name)
    async with receiving(ssl=certificate) as (port, received), channel(
        tls=trusting, look_up=leading_to("127.0.0.1")
    ) as hooks:  # fmt: skip
        assert isinstance(await post(hooks, f"https://hook.example:{port}/"), Succeeded)
        other = await post(hooks, f"https://other.example:{port}/")
    assert isinstance(other, NotReached) and "certificate" in other.reason.lower()
    assert names == ["hook.example", "other.example"]
    assert [request.host for request in received] == [f"hook.example:{port}"]


async def test_a_certificate_for_the_address_does_not_do_for_the_name(
    authority: trustme.CA, trusting: ssl.SSLContext
) -> None:
    async with receiving(ssl=serving(authority, "127.0.0.1")) as (port, received), channel(
        tls=trusting, look_up=leading_to("127.0.0.1")
    ) as hooks:  # fmt: skip
        assert isinstance(await post(hooks, f"https://hook.example:{port}/"), NotReached)
        assert isinstance(await post(hooks, f"https://127.0.0.1:{port}/"), Succeeded)
    assert len(received) == 1


async def test_a_certificate_of_an_authority_that_nobody_trusts_is_not_reached(authority: trustme.CA) -> None:
    async with receiving(ssl=serving(authority, "hook.example")) as (port, received), channel(
        look_up=leading_to("127.0.0.1")
    ) as hooks:  # fmt: skip
        assert isinstance(await post(hooks, f"https://hook.example:{port}/"), NotReached)
    assert received == []


async def test_https_at_a_port_that_speaks_http_is_not_reached() -> None:
    async with receiving() as (port, received), channel(look_up=leading_to("127.0.0.1")) as hooks:
        outcome = await asyncio.wait_for(post(hooks, f"https://hook.example:{port}/"), 15)
    assert isinstance(outcome, NotReached) and received == []
