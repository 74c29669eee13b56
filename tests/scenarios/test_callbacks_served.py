"""A customer hears of a real task's end from a running server, and believes nobody else.

The customer is a program of its own: it checks each request with the `standardwebhooks` package, answers 401 to what
that does not verify, and takes each event once.
"""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from running_platform import RunningPlatform, Tenant
from scenarios.asking import TenantPool, eventually
from scenarios.task_calls import IMAGES, TASKS, ended, marked_image, opened
from standardwebhooks import Webhook, WebhookVerificationError

CALLBACKS = "/api/v1/callbacks"
SOON_S = 240.0


class Customer:
    """An endpoint on loopback. `down` is how many requests it answers with 503 before it works."""

    def __init__(self) -> None:
        self.secret = ""
        self.down = 0
        self.taken: dict[str, dict[str, Any]] = {}
        self.answers: list[int] = []
        self.headers: list[dict[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/events"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def receive(self, headers: dict[str, str], body: bytes) -> int:
        self.headers.append(headers)
        if self.down > 0:
            self.down -= 1
            return 503
        try:
            event = Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            return 401
        self.taken.setdefault(headers["webhook-id"], event)
        return 204

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        customer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = customer.receive(headers, body)
                customer.answers.append(status)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    running = RunningPlatform(
        tmp_path_factory.mktemp("callbacks"), environment={"AIO_PRIVATE_URL_NETWORKS": "127.0.0.0/8"}
    ).start()
    yield running
    running.assert_books_agree()
    assert running.stop() == 0


@pytest.fixture(scope="module")
def accounts(served: RunningPlatform) -> TenantPool:
    return TenantPool(served)


@pytest.fixture
def account(accounts: TenantPool) -> Tenant:
    return accounts.take()


@pytest.fixture
def client(served: RunningPlatform, account: Tenant) -> Iterator[httpx.Client]:
    with served.client(account) as opened_client:
        yield opened_client


@pytest.fixture
def customer(client: httpx.Client) -> Iterator[Customer]:
    """It was given the account's secret, as its owner reads it from the API."""
    made = Customer()
    made.secret = client.get(f"{CALLBACKS}/secret").json()["secret"]
    yield made
    made.stop()


def told_of(client: httpx.Client, task_id: str) -> dict[str, Any]:
    """The task's one delivery, with its attempts, once it has ended."""

    def look() -> dict[str, Any] | None:
        [listed] = client.get(f"{CALLBACKS}/deliveries", params={"task": task_id}).json()["data"] or [{}]
        if listed.get("status") in (None, "pending"):
            return None
        found: dict[str, Any] = client.get(f"{CALLBACKS}/deliveries/{listed['id']}").json()
        return found

    return eventually(look, SOON_S)


@pytest.mark.parametrize(("magic", "status"), [("task_s=0.1", "SUCCESS"), ("task=fail;task_s=0.1", "FAILED")])
def test_a_tasks_end_is_told_once_signed_and_as_a_poll_shows_it(
    magic: str, status: str, client: httpx.Client, customer: Customer
) -> None:
    body, _ = marked_image(f"[[sbx:{magic}]]", callback_url=customer.url)
    task_id = opened(client, body)

    delivery = told_of(client, task_id)

    [(event_id, event)] = customer.taken.items()
    polled = ended(client, task_id)
    assert polled["status"] == status
    assert event["data"] == polled
    assert event["type"] == ("task.succeeded" if status == "SUCCESS" else "task.failed")
    assert (delivery["status"], delivery["event_id"], delivery["url"]) == (
        "delivered",
        event_id,
        customer.url,
    )
    assert [attempt["status"] for attempt in delivery["attempts"]] == customer.answers == [204]
    [headers] = customer.headers
    assert "authorization" not in headers
    assert client.headers["authorization"].removeprefix("Bearer ") not in str(headers)


def test_an_endpoint_that_was_down_is_told_again_under_the_same_id(
    client: httpx.Client, customer: Customer
) -> None:
    customer.down = 1
    body, _ = marked_image("[[sbx:task_s=0.1]]", callback_url=customer.url)
    task_id = opened(client, body)

    delivery = told_of(client, task_id)

    assert [attempt["status"] for attempt in delivery["attempts"]] == customer.answers == [503, 204]
    assert {headers["webhook-id"] for headers in customer.headers} == set(customer.taken)
    again = client.post(f"{CALLBACKS}/deliveries/{delivery['id']}/resend")
    assert again.status_code == 202
    eventually(lambda: len(customer.answers) == 3, SOON_S)
    assert customer.answers[-1] == 204
    assert len(customer.taken) == 1, "by its id the customer knew that it has it"


def test_a_forged_event_is_rejected(
    served: RunningPlatform, accounts: TenantPool, client: httpx.Client, customer: Customer
) -> None:
    """By somebody without the secret, with another account's, and with a genuine one that was changed or kept."""
    body, _ = marked_image("[[sbx:task=fail;task_s=0.1]]", callback_url=customer.url)
    task_id = opened(client, body)
    told_of(client, task_id)
    [genuine] = customer.headers
    event = json.dumps(next(iter(customer.taken.values())), separators=(",", ":"), ensure_ascii=False)
    with served.client(accounts.take()) as stranger:
        strangers_secret = stranger.get(f"{CALLBACKS}/secret").json()["secret"]
    assert strangers_secret != customer.secret
    now = str(int(time.time()))

    def forged(text: str, **changed: str) -> int:
        kept = {name: value for name, value in genuine.items() if name.startswith("webhook-")}
        headers = kept | {name.replace("_", "-"): value for name, value in changed.items()}
        return httpx.post(
            customer.url, content=text.encode(), headers=headers, trust_env=False, timeout=60
        ).status_code

    before = dict(customer.taken)
    changed = event.replace("FAILED", "SUCCESS")
    assert changed != event
    assert forged(event) == 204, "the customer itself is sound: the genuine one, sent again, is taken"
    assert forged(changed) == 401
    assert forged(event, webhook_id="evt_another") == 401
    assert forged(event, webhook_timestamp=now[:-1] + str((int(now[-1]) + 1) % 10)) == 401
    assert forged(event, webhook_signature="v1,bm8=") == 401
    signed = {"webhook_id": "evt_forged", "webhook_timestamp": now}
    assert (
        forged(changed, **signed, webhook_signature=signature(strangers_secret, "evt_forged", now, changed))
        == 401
    )
    old = str(int(now) - 3600)
    stale = signature(customer.secret, "evt_old", old, event)
    assert forged(event, webhook_id="evt_old", webhook_timestamp=old, webhook_signature=stale) == 401
    assert customer.taken == before


def test_a_rotated_secret_signs_beside_the_old_one(client: httpx.Client, customer: Customer) -> None:
    old = customer.secret
    rotated = client.post(f"{CALLBACKS}/secret", json={"overlap_s": 3600})
    assert rotated.status_code == 201
    new = rotated.json()["secret"]
    for secret in (old, new):
        customer.secret = secret
        body, _ = marked_image("[[sbx:task_s=0.1]]", callback_url=customer.url)
        assert told_of(client, opened(client, body))["status"] == "delivered"
    assert len(customer.taken) == 2


def test_the_accounts_endpoint_hears_of_every_task(client: httpx.Client, customer: Customer) -> None:
    assert client.put(f"{CALLBACKS}/endpoint", json={"url": customer.url}).status_code == 200
    tasks = {opened(client, marked_image("[[sbx:task_s=0.1]]")[0]) for _ in range(3)}

    eventually(lambda: len(customer.taken) == 3, SOON_S)

    assert {event["data"]["task_id"] for event in customer.taken.values()} == tasks


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/hook", "http://169.254.169.254/latest", "ftp://127.0.0.1/x"]
)
def test_an_address_that_no_callback_may_go_to_is_refused_and_opens_nothing(
    url: str, client: httpx.Client
) -> None:
    answer = client.post(IMAGES, json=marked_image(callback_url=url)[0])

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "callback_url")
    assert client.get(TASKS).json()["data"] == []


def signature(secret: str, event_id: str, timestamp: str, text: str) -> str:
    """As whoever knows that secret would sign."""
    return Webhook(secret).sign(event_id, datetime.fromtimestamp(int(timestamp), UTC), text)
