"""Pictures of the pages for docs/ and README: a platform with made-up months of calls, and a browser.

make screenshots
"""

import json
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from running_platform import ROOT, RunningPlatform

from tests.browser.conftest import CHROMIUM, CHROMIUM_FLAGS, PASSWORD, fill_sign_in_form, set_password
from tests.browser.used_account import PROMPT, Used, use

FOLDER = ROOT / "docs" / "screenshots"
MAX_BYTES = 160_000
SIZES = {"light": (1280, 800), "dark": (1280, 800), "phone": (390, 844)}
DAYS = 45
STAFF = "staff@example.test"
SINCE = (datetime.now(UTC) - timedelta(days=DAYS)).strftime("%Y-%m-%d")
VISITOR, MEMBER, STAFF_MEMBER = "visitor", "member", "staff"
# Name, address, who looks at it, and what the page is.
PAGES = (
    ("home", "/", VISITOR, "What visitors see first"),
    ("sign-in", "/auth/login/", VISITOR, "Sign-in, with a password or a passkey"),
    ("overview", "/overview", MEMBER, "Overview: credits, runway, spend, calls, success and latency"),
    ("keys", "/keys", MEMBER, "API keys with their limits, last use and spend"),
    ("usage", "/usage?period=30d&group_by=model", MEMBER, "Usage by model"),
    ("calls", "/usage/calls", MEMBER, "Calls, live"),
    ("receipt", "/usage/calls/{request_id}", MEMBER, "The receipt of a call"),
    ("tasks", "/tasks", MEMBER, "Tasks"),
    ("task", "/tasks/{task_id}", MEMBER, "A task's life and its result"),
    ("credits", "/credits", MEMBER, "Credits, grants and the ledger"),
    ("workbench", "/workbench?endpoint=chat&model=gemini", MEMBER, "The workbench after a run"),
    ("callbacks", "/callbacks", MEMBER, "Callbacks and their deliveries"),
    ("team", "/team", MEMBER, "Members, roles and invitations"),
    ("settings", "/settings", MEMBER, "Settings"),
    ("security", "/settings/security", MEMBER, "Sign-in security"),
    ("audit", "/audit", MEMBER, "The audit log"),
    ("docs", "/docs", VISITOR, "The documentation"),
    ("docs-endpoint", "/docs/endpoints/images-generations", VISITOR, "An endpoint's reference"),
    ("docs-prices", "/docs/prices", VISITOR, "Prices, from the rate card in force"),
    ("staff-home", "/staff/", STAFF_MEMBER, "Staff: what matters now"),
    (
        "staff-calls",
        "/staff/reports/calls/?since={since}&interval=day",
        STAFF_MEMBER,
        "Report: calls and credits",
    ),
    ("staff-margin", "/staff/reports/margin/?since={since}&interval=day", STAFF_MEMBER, "Report: margin"),
    (
        "staff-latency",
        "/staff/reports/latency/?since={since}&interval=day",
        STAFF_MEMBER,
        "Report: latency and errors by upstream",
    ),
    (
        "staff-refusals",
        "/staff/reports/refusals/?since={since}&interval=day",
        STAFF_MEMBER,
        "Report: refusals by reason",
    ),
    (
        "staff-conversion",
        "/staff/reports/conversion/",
        STAFF_MEMBER,
        "Report: from trial to paid, and retention",
    ),
    (
        "staff-top-accounts",
        "/staff/reports/top_accounts/",
        STAFF_MEMBER,
        "Report: top accounts and unusual changes",
    ),
    ("staff-liability", "/staff/reports/liability/", STAFF_MEMBER, "Report: unspent credits"),
    ("staff-holds", "/staff/reports/holds/", STAFF_MEMBER, "Report: holds open too long"),
    ("staff-stuck-tasks", "/staff/reports/stuck_tasks/", STAFF_MEMBER, "Report: stuck and slow tasks"),
    (
        "staff-reconciliation",
        "/staff/reports/reconciliation/",
        STAFF_MEMBER,
        "Report: whether the books agree",
    ),
)
OWNER_OF_THE_BUSIEST = """
import json
from django.db.models import Sum
from accounts.models import Account, Membership
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT account_id FROM usage_event GROUP BY account_id ORDER BY count(*) DESC LIMIT 1")
    account = Account.objects.get(pk=cursor.fetchone()[0])
owner = Membership.objects.get(account=account, role="owner").user
print(json.dumps([account.name, owner.email]))
"""


def main() -> int:
    """Take every picture anew and write docs/screenshots.md; 1 where a picture is too large to keep."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        platform = RunningPlatform(Path(directory) / "platform").start()
        try:
            platform.environment["AIO_DATABASE_AS_OWNER"] = "1"
            platform.manage(
                "generate_usage", "--accounts=6", f"--days={DAYS}", "--events=30000", "--seed=7", "--quiet"
            )
            account, email = json.loads(platform.manage("shell", "-v", "0", "-c", OWNER_OF_THE_BUSIEST))
            set_password(platform, email)
            used = use(platform, account)
            platform.manage("create_staff", STAFF, "--superuser", stdin=PASSWORD + "\n")
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
                for look in SIZES:
                    _take_all(browser, platform, look, email, used)
                browser.close()
        finally:
            platform.stop()
    (ROOT / "docs" / "screenshots.md").write_text(_gallery())
    large = [path.name for path in sorted(FOLDER.glob("*.png")) if path.stat().st_size > MAX_BYTES]
    if large:
        print(f"larger than {MAX_BYTES:,} bytes: {', '.join(large)}", file=sys.stderr)
    return 1 if large else 0


def _take_all(browser: Browser, platform: RunningPlatform, look: str, email: str, used: Used) -> None:
    width, height = SIZES[look]
    context = browser.new_context(
        base_url=platform.base_url,
        viewport={"width": width, "height": height},
        color_scheme="dark" if look == "dark" else "light",
        locale="en-US",
        timezone_id="Asia/Seoul",
    )
    page = context.new_page()
    # Visitors' pages first: the same addresses show something else to members.
    _take_those_of(VISITOR, page, look, used)
    _sign_in(page, email)
    _take_those_of(MEMBER, page, look, used)
    context.clear_cookies()
    _sign_in(page, STAFF)
    _take_those_of(STAFF_MEMBER, page, look, used)
    context.close()


def _sign_in(page: Page, email: str) -> None:
    page.goto("/auth/login/")
    fill_sign_in_form(page, email)
    page.wait_for_url(lambda address: "/auth/" not in address)


def _take_those_of(who: str, page: Page, look: str, used: Used) -> None:
    for name, address, whose, _ in PAGES:
        if whose == who:
            _take(page, name, address.replace("{since}", SINCE), look, used)


def _take(page: Page, name: str, address: str, look: str, used: Used) -> None:
    page.goto(used.path(address))
    page.wait_for_load_state("load")
    if name == "workbench":
        page.locator("textarea").first.fill(PROMPT)
        page.locator("#run").click()
    page.wait_for_timeout(1200)  # charts are drawn, and pictures have come
    page.screenshot(path=FOLDER / f"{name}-{look}.png", animations="disabled", scale="css")


def _gallery() -> str:
    lines = [
        "# Screenshots",
        "",
        "Made by `make screenshots` on a platform with made-up months of calls.",
        "",
    ]
    for name, address, _, title in PAGES:
        lines += [f"## {title}", "", f"`{address}`", ""]
        lines += [f"![{title}, {look}](screenshots/{name}-{look}.png)" for look in SIZES]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.exit(main())
