"""Pictures of the pages for docs/ and README: a platform with made-up months of calls, and a browser.

make screenshots
"""

import json
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from running_platform import ROOT, RunningPlatform

from tests.browser.conftest import CHROMIUM, CHROMIUM_FLAGS, PASSWORD, set_password
from tests.browser.used_account import PROMPT, Used, use

FOLDER = ROOT / "docs" / "screenshots"
MAX_BYTES = 160_000
SIZES = {"light": (1280, 800), "dark": (1280, 800), "phone": (390, 844)}
# Name, address, whether one must be signed in, and what the page is.
PAGES = (
    ("home", "/", False, "What visitors see first"),
    ("sign-in", "/auth/login/", False, "Sign-in, with a password or a passkey"),
    ("overview", "/overview", True, "Overview: credits, runway, spend, calls, success and latency"),
    ("keys", "/keys", True, "API keys with their limits, last use and spend"),
    ("usage", "/usage?period=30d&group_by=model", True, "Usage by model"),
    ("calls", "/usage/calls", True, "Calls, live"),
    ("receipt", "/usage/calls/{request_id}", True, "The receipt of a call"),
    ("tasks", "/tasks", True, "Tasks"),
    ("task", "/tasks/{task_id}", True, "A task's life and its result"),
    ("credits", "/credits", True, "Credits, grants and the ledger"),
    ("workbench", "/workbench?endpoint=chat&model=gemini", True, "The workbench after a run"),
    ("callbacks", "/callbacks", True, "Callbacks and their deliveries"),
    ("team", "/team", True, "Members, roles and invitations"),
    ("settings", "/settings", True, "Settings"),
    ("security", "/settings/security", True, "Sign-in security"),
    ("audit", "/audit", True, "The audit log"),
    ("docs", "/docs", False, "The documentation"),
    ("docs-endpoint", "/docs/endpoints/images-generations", False, "An endpoint's reference"),
    ("docs-prices", "/docs/prices", False, "Prices, from the rate card in force"),
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
                "generate_usage", "--accounts=6", "--days=45", "--events=30000", "--seed=7", "--quiet"
            )
            account, email = json.loads(platform.manage("shell", "-v", "0", "-c", OWNER_OF_THE_BUSIEST))
            set_password(platform, email)
            used = use(platform, account)
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
    for name, address, _, _ in [each for each in PAGES if not each[2]]:
        _take(page, name, address, look, used)
    page.goto("/auth/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url("**/overview")
    for name, address, _, _ in [each for each in PAGES if each[2]]:
        _take(page, name, address, look, used)
    context.close()


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
