"""Callers' URLs: public hosts only, by their text, by their name's addresses, and at the socket."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from aio_platform.errors import InvalidRequest
from aio_platform.http import safe_urls
from aio_platform.http.safe_urls import AddressRefused, check_public_url, check_url, is_public, resolve_public

Names = Callable[..., None]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Say what a name server would, for the running loop; every other name has no address."""
    known: dict[str, tuple[str, ...]] = {}

    async def look_up(host: str, port: int, **_: Any) -> list[Any]:
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port),
            )
            for address in known[host]
        ]

    def set_name(host: str, *addresses: str) -> None:
        known[host] = addresses
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up, raising=False)

    return set_name


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "http://example.com",
        "https://example.com:8443/hook?token=a%20b#part",
        "https://93.184.215.14/x",
        "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
        "https://예시.example/그림.png",
        "https://example.com/" + "a" * 2000,
    ],
)
def test_a_public_url_is_taken(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/hook",
        "//example.com/hook",
        "ftp://example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/plain,x",
        "gopher://example.com/",
        "http://",
        "http:///path",
        "https://user@example.com/",
        "https://user:word@example.com/",
        "https://@example.com:pw@example.com/",
        "https://example.com:22/",
        "https://example.com:25/",
        "https://example.com:0/",
        "https://example.com:70000/",
        "https://example.com:x/",
        "https://exa mple.com/",
        "https://example.com/a b",
        "https://example.com/\r\nX-Header: 1",
        "https://example.com\\@evil.example/",
        "https://example.com/" + "a" * 2048,
        "https://[::1",
    ],
)
def test_what_is_no_such_url_names_its_field(url: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_url(url, "callback_url")
    assert refused.value.param == "callback_url"
    assert refused.value.status == 400


PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",  # a cloud's metadata
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",  # a cloud's metadata
    "169.254.169.254",  # most clouds' metadata
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",  # a cloud's metadata
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::a00:1",  # 10.0.0.1 through NAT64
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",  # Teredo to 10.0.0.1
    "2001:db8::1",
    "2002:a00:1::1",  # 6to4 of 10.0.0.1
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",  # a cloud's metadata
    "fd20:ce::254",  # a cloud's metadata
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused_by_its_text(address: str) -> None:
    parsed = ipaddress.ip_address(address)
    assert not is_public(parsed)
    if "%" not in address:
        host = f"[{address}]" if parsed.version == 6 else address
        with pytest.raises(InvalidRequest, match="public"):
            check_url(f"http://{host}/")


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2a00::1"],
)
def test_the_open_internets_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost", "db.internal", "x.local"])
def test_names_that_are_never_public_are_not_looked_up(host: str) -> None:
    with pytest.raises(InvalidRequest, match="public"):
        check_url(f"http://{host}/")


async def test_a_name_leads_to_all_its_public_addresses(names: Names) -> None:
    names("two.example", "8.8.8.8", "2606:4700::1111", "8.8.8.8")
    found = await resolve_public("two.example")
    assert [str(address) for address in found] == ["8.8.8.8", "2606:4700::1111"]


@pytest.mark.parametrize("address", [address for address in PRIVATE if "%" not in address])
async def test_a_name_that_leads_to_a_private_address_is_refused(names: Names, address: str) -> None:
    names("aimed.example", "8.8.8.8", address)
    with pytest.raises(AddressRefused, match="public"):
        await resolve_public("aimed.example")
    with pytest.raises(InvalidRequest) as refused:
        await check_public_url("https://aimed.example/", "image")
    assert refused.value.param == "image"


@pytest.mark.parametrize(
    "written", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "127.0.0.1.", "1.2.3.0x4", "0x"]
)
def test_an_address_in_an_old_spelling_is_no_host_name(written: str, settings: Settings) -> None:
    settings.AIO_PRIVATE_URL_NETWORKS = ["127.0.0.0/8"]
    with pytest.raises(InvalidRequest):
        check_url(f"http://{written}/")


async def test_a_name_without_addresses_is_refused(names: Names) -> None:
    names("known.example", "8.8.8.8")
    with pytest.raises(InvalidRequest, match="no host"):
        await check_public_url("https://unknown.example/")


async def test_slow_name_servers_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: Any, **__: Any) -> list[Any]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang, raising=False)
    monkeypatch.setattr(safe_urls, "LOOK_UP_LIMIT_S", 0.01)
    with pytest.raises(AddressRefused):
        await resolve_public("slow.example")


async def test_the_operator_can_open_networks_and_nothing_beside_them(settings: Settings) -> None:
    settings.AIO_PRIVATE_URL_NETWORKS = ["127.0.0.1/32", "fd00::/8"]
    check_url("http://127.0.0.1:8000/")
    check_url("http://[::ffff:127.0.0.1]:8000/")
    check_url("http://[fd00::1]/")
    for refused in ("http://127.0.0.2/", "http://10.0.0.1/", "http://[::1]/"):
        with pytest.raises(InvalidRequest):
            check_url(refused)
