"""No event goes to an address that is not public: not by its text, its name, nor a redirect."""

import pytest
from pytest_django import Settings

from tests.gateway.webhooks_out.conftest import Tenant
from tests.gateway.webhooks_out.customer import Endpoint, WebhookLab, Workers


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("http://127.0.0.2:{port}/hook", "public"),
        ("http://10.0.0.1/", "public"),
        ("http://[::1]:{port}/", "public"),
    ],
)
async def test_a_private_address_gets_nothing_and_the_attempt_says_why(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers, path: str, words: str
) -> None:
    task_id = webhook_lab.end_task(tenant.id, path.format(port=endpoint.port))
    workers.start()
    attempt = await webhook_lab.until_attempted(task_id, 1)
    assert attempt["status"] is None
    assert words in attempt["error"]
    assert endpoint.received == []


async def test_a_name_that_leads_to_a_private_address_gets_nothing(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers, settings: Settings
) -> None:
    settings.AIO_PRIVATE_URL_NETWORKS = ["10.1.2.3/32"]  # so that the name itself is looked up
    task_id = webhook_lab.end_task(tenant.id, f"http://localhost:{endpoint.port}/")
    workers.start()
    attempt = await webhook_lab.until_attempted(task_id, 1)
    assert "public" in attempt["error"]
    assert endpoint.received == []


@pytest.mark.parametrize("status", [307, 308])
async def test_a_redirect_to_a_private_address_is_not_followed(
    tenant: Tenant, webhook_lab: WebhookLab, endpoint: Endpoint, workers: Workers, status: int
) -> None:
    endpoint.status, endpoint.headers = status, {"Location": "http://169.254.169.254/latest/meta-data"}
    task_id = webhook_lab.end_task(tenant.id, endpoint.url)
    workers.start()
    attempt = await webhook_lab.until_attempted(task_id, 1)
    assert "public" in attempt["error"]
    assert len(endpoint.received) == 1
