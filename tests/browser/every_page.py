"""The pages there are, and who looks at them: a visitor, and a member of an account that has been used."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, Page
from running_platform import RunningPlatform

from tests.browser.conftest import PATIENCE_MS, SignedUp, take_session
from tests.browser.used_account import Used, use

PUBLIC = (
    "/",
    "/auth/login/",
    "/auth/signup/",
    "/auth/password/reset/",
    "/auth/password/reset/done/",
    "/docs",
    "/docs/authentication",
    "/docs/models",
    "/docs/prices",
    "/docs/tasks",
    "/docs/callbacks",
    "/docs/streaming",
    "/docs/errors",
    "/docs/limits",
    "/docs/idempotency",
    "/docs/openapi",
    "/docs/changelog",
    "/docs/endpoints/chat",
    "/docs/endpoints/tts",
    "/docs/endpoints/images-generations",
    "/docs/endpoints/usage",
    "/docs/endpoints/keys",
    "/docs/search?q=model",
    "/no-such-page",
)
MEMBERS = (
    "/overview",
    "/keys",
    "/keys/new",
    "/keys/{key_id}/change",
    "/keys/{key_id}/rotate",
    "/keys/{key_id}/revoke",
    "/usage",
    "/usage?group_by=model",
    "/usage?measure=p95&group_by=none",
    "/usage?group_by=wrong",
    "/usage/calls",
    "/usage/calls/{request_id}",
    "/tasks",
    "/tasks/{task_id}",
    "/credits",
    "/workbench",
    "/callbacks",
    "/team",
    "/settings",
    "/settings/security",
    "/audit",
    "/auth/email/",
    "/auth/password/change/",
    "/auth/2fa/",
    "/auth/sessions/",
    "/usage/calls/req_00000000000000000000000000000000",
)
WIDE = {"width": 1280, "height": 900}


@dataclass(frozen=True)
class Visitor:
    """The owner of a used account, what their pages name, and tabs with and without their session."""

    person: SignedUp
    used: Used
    member_tab: Page
    public_tab: Page

    def tab(self, path: str) -> Page:
        """The tab in which that page is looked at."""
        return self.member_tab if path in MEMBERS else self.public_tab


@contextmanager
def visiting(
    chromium: Browser, platform: RunningPlatform, new_owner: Callable[[], SignedUp], locale: str
) -> Iterator[Visitor]:
    """Somebody who reads that language."""
    person = new_owner()
    used = use(platform, person.account_name, callback_url=f"{platform.sandbox_url}/nowhere")
    contexts = [
        chromium.new_context(
            base_url=platform.base_url,
            locale=locale,
            timezone_id="Asia/Seoul",
            viewport=WIDE,  # type: ignore[arg-type]
        )
        for _ in range(2)
    ]
    for context in contexts:
        context.set_default_timeout(PATIENCE_MS)
    member, public = contexts
    take_session(member, platform, person)
    yield Visitor(person, used, member.new_page(), public.new_page())
    for context in contexts:
        context.close()
