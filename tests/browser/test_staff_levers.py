"""Staff at work in a real browser, on a platform under load: each step does what it says and is on the record."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect
from running_platform import RunningPlatform, Tenant

from tests.browser.conftest import SignedUp

SANDBOX_CATALOG = Path(__file__).resolve().parents[2] / "gateway" / "catalogs" / "sandbox.toml"
SPARE = """
[upstreams.spare]
base_url = "env:AIO_SANDBOX_URL"

[[routes]]
endpoint = "chat"
model = "gemini"
upstream = "spare"
adapter = "openai_chat"
rate = "chat-standard"
max_output_tokens = 4096
priority = 1
"""
BODY = {
    "model": "gemini",
    "messages": [{"role": "user", "content": "Hello!"}],
    "stream": False,
    "max_tokens": 5,
}


@pytest.fixture
def spare_route(platform: RunningPlatform, tmp_path: Path) -> Iterator[None]:
    """A second upstream behind the model, and afterwards the catalog as it was."""
    file = tmp_path / "two.toml"
    file.write_text(SANDBOX_CATALOG.read_text() + SPARE)
    platform.manage("load_catalog", str(file))
    yield
    platform.manage("load_catalog", str(SANDBOX_CATALOG))


def call(platform: RunningPlatform, tenant: Tenant) -> httpx.Response:
    with platform.client(tenant) as client:
        return client.post("/v1/chat/completions", json=BODY)


@dataclass
class Load:
    """Callers that hardly pause, and every answer's status."""

    platform: RunningPlatform
    tenant: Tenant
    statuses: list[int] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Load":
        self.threads = [threading.Thread(target=self._work) for _ in range(4)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def _work(self) -> None:
        with self.platform.client(self.tenant) as client:
            while not self.stop.is_set():
                self.statuses.append(client.post("/v1/chat/completions", json=BODY).status_code)
                self.stop.wait(0.02)

    def wait_for(self, more: int) -> None:
        wanted = len(self.statuses) + more
        self.until(lambda: len(self.statuses) >= wanted)

    def until(self, condition: Callable[[], bool]) -> None:
        give_up_at = time.monotonic() + 240
        while not condition():
            assert time.monotonic() < give_up_at, "it did not come about under this load"
            time.sleep(0.05)


class SlowStream(threading.Thread):
    """One streamed call that is under way for seconds."""

    def __init__(self, platform: RunningPlatform, tenant: Tenant) -> None:
        super().__init__()
        self.platform, self.tenant = platform, tenant
        self.lines: list[str] = []
        self.begun = threading.Event()

    def __enter__(self) -> "SlowStream":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.join()

    def run(self) -> None:
        slowly = [{"role": "user", "content": "Hello! [[sbx:chunks=30;gap_ms=200]]"}]
        body = BODY | {"messages": slowly, "stream": True, "max_tokens": 200}
        with (
            self.platform.client(self.tenant) as client,
            client.stream("POST", "/v1/chat/completions", json=body) as answer,
        ):
            for line in answer.iter_lines():
                if line:
                    self.lines.append(line)
                    self.begun.set()


def upstreams_of_newest_calls(platform: RunningPlatform, tenant: Tenant, number: int) -> set[str]:
    """Where so many went that were answered last."""
    with platform.client(tenant) as client:
        answer = client.get("/api/v1/usage", params={"limit": number})
    return {event["upstream"] for event in answer.json()["data"]}


def test_staff_act_and_each_step_is_on_the_record(
    page: Page, platform: RunningPlatform, staff: str, spare_route: None
) -> None:
    tenant = platform.new_tenant(credits="0.000001", plan="unlimited")
    refused = call(platform, tenant)
    assert refused.status_code == 402

    # Find the account by its key's prefix, and read why the call was refused.
    page.goto("/staff/accounts/")
    page.get_by_label("Find").fill(tenant.key[:12])
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name=tenant.name).click()
    expect(page.get_by_role("heading", name=tenant.name)).to_be_visible()
    refusals = page.get_by_role("region", name="Refused calls")
    expect(refusals.get_by_text("insufficient_credits")).to_be_visible()
    expect(refusals.get_by_text("The balance is below what the call could cost.")).to_be_visible()
    page.goto("/staff/calls/")
    page.get_by_label("Request id").fill(refused.headers["X-Request-Id"])
    page.get_by_role("button", name="Show").click()
    expect(
        page.get_by_role("region", name="Refused calls").get_by_text("insufficient_credits")
    ).to_be_visible()

    # Grant credits: the next call is served.
    page.goto(f"/staff/accounts/{tenant.account_id}/")
    page.get_by_label("Credits", exact=True).fill("500")
    page.get_by_label("Reason").fill("a hard day")
    page.get_by_role("button", name="Grant").click()
    expect(page.get_by_text("500 credits granted")).to_be_visible()
    assert call(platform, tenant).status_code == 200

    # Switch the upstream off under load: no call fails, none goes there any more, and what it has it finishes.
    with Load(platform, tenant) as load, SlowStream(platform, tenant) as stream:
        load.wait_for(40)
        assert stream.begun.wait(240)
        page.goto("/staff/upstreams/")
        page.get_by_role("button", name="Drain: sandbox").click()
        expect(page.get_by_text("sandbox drains")).to_be_visible()
        # What was under way at that moment is answered meanwhile.
        load.until(lambda: upstreams_of_newest_calls(platform, tenant, 40) == {"spare"})
        load.wait_for(80)
        assert upstreams_of_newest_calls(platform, tenant, 80) == {"spare"}
    assert set(load.statuses) == {200}
    assert stream.lines[-1] == "data: [DONE]"
    page.get_by_role("button", name="Take calls: sandbox").click()
    expect(page.get_by_text("sandbox takes calls again")).to_be_visible()

    # Suspend the account: its next call is refused.
    page.goto(f"/staff/accounts/{tenant.account_id}/")
    page.get_by_role("button", name="Suspend").click()
    expect(page.get_by_text("is suspended")).to_be_visible()
    assert call(platform, tenant).status_code == 403

    page.goto("/staff/audit/")
    page.get_by_label("Who").fill(staff)
    page.get_by_role("button", name="Show").click()
    rows = page.get_by_role("region", name="Staff record").locator("tbody tr")
    expect(rows).to_have_count(4)
    written = [re.sub(r"\s+", " ", row) for row in rows.all_inner_texts()]
    actions = ["account.suspend", "upstream.serve", "upstream.drain", "account.grant"]
    assert [next(action for action in actions if action in row) for row in written] == actions
    assert "status: active → suspended" in written[0]
    assert "reason: a hard day" in written[3]
    assert all("127.0.0.1" in row for row in written)


def test_a_pasted_key_finds_its_page_and_is_shown_nowhere(
    page: Page, platform: RunningPlatform, staff: str
) -> None:
    tenant = platform.new_tenant()
    page.goto("/staff/keys/")
    page.get_by_label("A prefix, or a whole key").fill(tenant.key)
    page.get_by_role("button", name="Find", exact=True).click()
    page.wait_for_url(f"**/staff/keys/{tenant.key_id}/")
    assert tenant.key not in page.content()
    page.get_by_role("button", name="Revoke for good").click()
    expect(page.get_by_text("is revoked")).to_be_visible()
    assert call(platform, tenant).status_code == 401
    assert tenant.key not in platform.log.read_text()


def test_view_as_a_member_shows_the_dashboard_to_read_only(
    page: Page, platform: RunningPlatform, staff: str, new_owner: Callable[[], SignedUp]
) -> None:
    member = new_owner()
    page.goto(f"/staff/accounts/{member.account_id}/")
    page.get_by_role("button", name="View as a member").click()
    page.wait_for_url("**/overview")
    expect(page.get_by_text(member.account_name).first).to_be_visible()
    expect(page.get_by_text("Nothing can be changed.")).to_be_visible()
    csrf = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "csrftoken")
    answer = page.context.request.post(
        "/switch-account", form={"account": "acct_0000000000000000", "csrfmiddlewaretoken": csrf}
    )
    assert answer.status == 403
    page.get_by_role("button", name="Stop viewing").click()
    page.wait_for_url(f"**/staff/accounts/{member.account_id}/")
    page.goto("/staff/audit/")
    expect(
        page.get_by_role("region", name="Staff record").get_by_text("account.view_as_end").first
    ).to_be_visible()
