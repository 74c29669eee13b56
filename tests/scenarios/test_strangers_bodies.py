"""Nobody's body is waited for, kept or parsed before it is known that their key may call; once it is, it is."""

import json
import socket

import pytest
from limits.floods import made_up_key
from running_platform import RunningPlatform, Tenant
from scenarios.asking import Books
from scenarios.task_calls import IMAGES, image

from gateway.urls import urlpatterns

ADDRESSES = [
    "/" + pattern.pattern.describe().strip("'").replace("<str:task_id>", "task-unified-1-sbx-1")
    for pattern in urlpatterns
    if hasattr(getattr(pattern.callback, "view_class", None), "post") and "webhooks" not in str(pattern)
]


def first_line(platform: RunningPlatform, request: bytes) -> str:
    with socket.create_connection(("127.0.0.1", platform.port), timeout=20) as connection:
        connection.sendall(request)
        with connection.makefile("rb") as answer:
            return answer.readline().decode().strip()


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_body_of_an_unknown_key_is_refused_before_it_has_come(
    address: str, platform: RunningPlatform
) -> None:
    """Addresses of tasks once held a megabyte of any stranger's; each connection had its own."""
    head = (
        f"POST {address} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n"
    )
    key = made_up_key().decode()
    request = f"{head}Authorization: Bearer {key}\r\n\r\n".encode() + b"[" * 1000
    assert first_line(platform, request) in {
        "HTTP/1.1 401 Unauthorized",
        "HTTP/1.1 429 Too Many Requests",  # so many keys were guessed from here
    }


def test_there_are_addresses_to_try() -> None:
    assert len(ADDRESSES) > 20


def test_bodies_of_any_size_and_form_come_whole_from_a_valid_key(
    platform: RunningPlatform, tenant: Tenant, books: Books
) -> None:
    with platform.client(tenant) as client:
        for size in (10, 9_000, 40_000, 300_000, 900_000):
            body = json.dumps(
                {"model": "gemini", "messages": [{"role": "user", "content": "a " * (size // 2)}]}
            )
            for _ in range(2):
                assert client.post("/v1/chat/completions", content=body).status_code == 200, size
                # A generator's is sent in chunks, without its size.
                answer = client.post(
                    "/v1/chat/completions", content=iter([body[:size].encode(), body[size:].encode()])
                )
                assert answer.status_code == 200, answer.text
    assert books.held() == 0


def test_a_key_for_the_synchronous_endpoint_may_send_a_large_body_to_the_address_of_both(
    platform: RunningPlatform,
) -> None:
    tenant = platform.new_tenant(key_options=("--scope=images",))
    with platform.client(tenant) as client:
        body = {"model": "sbx-image", "prompt": "A cat. " * 2000, "size": "1024x1024"}
        answer = client.post(IMAGES, json=body)
        assert answer.status_code != 403, answer.text
        assert client.post(IMAGES, json=image("a" * 9000)).status_code in (400, 403)
