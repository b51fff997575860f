"""Which URLs are taken at the door, and which addresses are public."""

from ipaddress import ip_address

import pytest

from sagamore.actors.notifications.channels.networks import Networks
from sagamore.actors.notifications.channels.webhook import WebhookChannel, receiver_of
from sagamore.actors.notifications.errors import BadAddress
from sagamore.engine.errors import InvalidInput

PUBLIC = WebhookChannel()
OPEN = WebhookChannel(allow_http=True, allowed_networks=("0.0.0.0/0", "::/0"))


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.com", "https://example.com"),
        ("HTTPS://Example.COM/Path?Q=a%20b&c=[1]", "https://example.com/Path?Q=a%20b&c=[1]"),
        ("https://hooks.example.com:8443/in/~ann/@me", "https://hooks.example.com:8443/in/~ann/@me"),
        ("https://xn--bcher-kva.example/?x", "https://xn--bcher-kva.example/?x"),
        ("https://8.8.8.8/hook", "https://8.8.8.8/hook"),
        ("https://[2606:4700::1111]:443/", "https://[2606:4700::1111]:443/"),
        ("https://1password.com/", "https://1password.com/"),
        ("https://a_b.example.com?x", "https://a_b.example.com?x"),
    ],
)
def test_a_public_url_is_kept_with_scheme_and_host_in_lower_case(url: str, kept: str) -> None:
    assert PUBLIC.check_address(url) == PUBLIC.check_address(kept) == kept


NO_URLS = [
    "", "example.com", "//example.com/", "ftp://example.com/", "file:///etc/passwd", "https://", "https:///path",
    "https:example.com", "https://example.com:", "https://example.com:0", "https://example.com:99999",
    "https://example.com:+443/", "https://example.com:٤٤٣/", "https://example.com/#part", "https://example.com#part",
    "https://ann@example.com/", "https://ann:secret@example.com/", "https://example.com\\@10.0.0.1/",
    "https://example.com\\.10.0.0.1/", "https://example.com/\\evil", " https://example.com/", "https://example.com/ x",
    "https://example.com/\r\nHost: evil", "https://example.com/\n", "https://exam\tple.com/", "https://example.com/\0",
    "https://example.com/\x7f", "https://exämple.com/", "https://example.com/ä", "https://example。com/",
    "https://ex%61mple.com/", "https://-example.com/", "https://example-.com/", "https://example..com/",
    "https://.example.com/", "https://example.com./", f"https://{'a' * 64}.com/", f"https://{'a.' * 130}com/",
    f"https://example.com/{'x' * 2_000}", "https://example.com/<script>", 'https://example.com/"', "https://[::1/",
    "https://[::1]x/", "https://[fe80::1%25eth0]/", "https://[1.2.3.4]/", "https://[:::]/", "https://[v1.x]/",
]  # fmt: skip


@pytest.mark.parametrize("url", NO_URLS)
def test_what_two_parsers_could_read_differently_is_no_url_whatever_is_allowed(url: str) -> None:
    for channel in (PUBLIC, OPEN):
        with pytest.raises(BadAddress, match="would be right"):
            channel.check_address(url)


@pytest.mark.parametrize(
    "host",
    [
        "127.1", "127.0.1", "2130706433", "017700000001", "0177.0.0.1", "0x7f000001", "0x7f.0.0.1", "0x7F.1", "0X7f.1",
        "127.0.0.0x1", "127.0.0.01", "1.2.3.4.5", "256.1.1.1", "0", "0x", "example.0x0", "example.1", "10.0x0.0.1",
        "4294967295", "00000000177.1", "①②⑦.0.0.1", "127。0。0。1", "%31%32%37.0.0.1", "[::ffff:127.1]",
    ],
)  # fmt: skip
def test_a_host_that_some_resolver_takes_for_a_number_is_refused_whatever_is_allowed(host: str) -> None:
    for channel in (PUBLIC, OPEN):
        with pytest.raises(BadAddress):
            channel.check_address(f"https://{host}/")


PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:0:8.8.8.8",
    "64:ff9b::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::8.8.8.8", "100::1", "2001::1", "2001:db8::1", "2001:10::1",
    "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:a00:1::", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd12:3456::1",
    "fe80::1", "fec0::1", "ff02::1", "ffff::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused_unless_its_network_is_allowed(address: str) -> None:
    url = f"https://[{address}]/" if ":" in address else f"https://{address}/"
    with pytest.raises(BadAddress, match="a public host would be right"):
        PUBLIC.check_address(url)
    allowing = WebhookChannel(allowed_networks=(address,))
    assert allowing.check_address(url) == url
    assert not Networks().admit(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
        "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "198.17.255.255",
        "198.20.0.0", "223.255.255.255", "2001:200::1", "2606:4700::1", "2a00:1450::1", "2002:808:808::1",
        "64:ff9b::8.8.8.8", "::ffff:8.8.8.8",
    ],
)  # fmt: skip
def test_a_public_address_is_admitted(address: str) -> None:
    assert Networks().admit(ip_address(address))


def test_an_allowed_network_admits_what_carries_it_and_no_other() -> None:
    networks = Networks(["10.1.0.0/16", "fd00::/8"])
    assert all(networks.admit(ip_address(text)) for text in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "8.8.8.8"))
    assert not any(networks.admit(ip_address(text)) for text in ("10.2.0.1", "::ffff:10.2.0.1", "fc00::1", "127.0.0.1"))


@pytest.mark.parametrize("network", ["10.0.0.1/8", "private", "10.0.0.0/33", ""])
def test_an_allowed_network_that_is_none_is_refused_by_name(network: str) -> None:
    with pytest.raises(InvalidInput, match="allowed_networks"):
        WebhookChannel(allowed_networks=[network])


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "db", "metadata", "x.localhost"])
def test_a_name_that_only_a_local_network_knows_is_refused_unless_one_is_allowed(host: str) -> None:
    with pytest.raises(BadAddress, match="is not"):
        PUBLIC.check_address(f"https://{host}:8443/")
    assert WebhookChannel(allowed_networks=["10.0.0.0/8"]).check_address(f"https://{host}/").endswith("/")


def test_http_must_be_allowed() -> None:
    with pytest.raises(BadAddress, match="begins with https://,"):
        PUBLIC.check_address("http://example.com/")
    assert WebhookChannel(allow_http=True).check_address("http://example.com/") == "http://example.com/"


def test_ports_of_mail_and_the_like_are_refused() -> None:
    for port in (1, 22, 25, 110, 587, 1023):
        with pytest.raises(BadAddress, match="443, 80 or one from 1024"):
            OPEN.check_address(f"https://example.com:{port}/")
    for port in (80, 443, 1024, 65_535):
        assert PUBLIC.check_address(f"https://example.com:{port}/")


def test_a_password_is_not_shown_by_its_refusal() -> None:
    with pytest.raises(BadAddress) as refused:
        PUBLIC.check_address("https://ann:s3cret@example.com/")
    assert "s3cret" not in str(refused.value) + repr(refused.value.value)


@pytest.mark.parametrize("rest", ["", "/", "/a//b", "?x=//y", "/?x"])
def test_a_receiver_is_host_and_port(rest: str) -> None:
    assert receiver_of(f"https://example.com:8443{rest}") == "example.com:8443"
