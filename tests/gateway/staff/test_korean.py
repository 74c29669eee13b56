"""The staff site in Korean says everything in Korean: every page, and what every action says when it is done."""

from html.parser import HTMLParser

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import translation
from left_in_english import HANGUL, is_english

from accounts.models import AuditEntry, Plan, User
from accounts.staff import page_registry
from accounts.staff.labels import TARGETS
from aio_platform.refusals import refusals
from gateway.endpoints import ENDPOINT_NAMES
from tests.gateway.staff.staff_world import World, make_world, some_calls
from usage.ledger.rates import PRICED_UNITS
from usage.reports import REPORTS

ROOT = "root@staff.test"
PAGES = [page.name for page in page_registry.registered() if not page.is_action]
ACTIONS = [page.name for page in page_registry.registered() if page.is_action]
FILES = {"report-csv", "catalog-export"}
# Codes and names that staff look for as they are: of the audit record, of reports' groupings, of the small catalog.
NAMES = {
    "Slug", "TOML", "load_catalog", "account.suspend", "task.failed", "opening credits", "an apology",
    "staff-test", "task-test", "kie_suno", "music_task", "openai_chat", "127.0.0.1:",
    "account,plan,key,member,endpoint,model,upstream,route,outcome", "code,endpoint,account,key,plan",
    "key_… / aio_…", "Upstream p", "first", "second", "small", "spare", "Asia/Seoul", *ENDPOINT_NAMES, *PRICED_UNITS,
}  # fmt: skip
# The same where they are all of a text.
WHOLE_NAMES = {
    "account",
    "en",
    "esc",
    "first",
    "ko",
    "second",
    "small",
    "spare",
    "staff",
    "suno",
    "system",
    "test",
}
# What has no words of ours: icons are drawn from their names, and options that say their own value.
SILENT_ELEMENTS = {"script", "style", "code", "pre", "textarea", "time"}
ICON = "material-symbols-outlined"
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source"}


class Words(HTMLParser):
    """Every text of a page that somebody reads or hears."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._open: list[tuple[str, bool, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_silent = tag in SILENT_ELEMENTS or ICON in (given.get("class") or "").split()
        if tag not in VOID:
            is_silent = is_silent or bool(self._open and self._open[-1][1])
            self._open.append((tag, is_silent, given.get("value") if tag == "option" else None))
        for name in (
            "aria-label",
            "placeholder",
            "title",
            "alt",
            "data-label",
            "data-navigation",
            "data-rows",
        ):
            self._add(given.get(name) or "")
        if tag == "input" and given.get("type") in ("submit", "button"):
            self._add(given.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in {each for each, _, _ in self._open}:
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        _, is_silent, value = self._open[-1] if self._open else ("", False, None)
        if not is_silent and data.strip() != value:
            self._add(data)

    def _add(self, text: str) -> None:
        if text.strip():
            self.found.add(" ".join(text.split()))


@pytest.fixture
def world(db: None) -> World:
    cache.clear()
    made = make_world()
    some_calls(made)
    return made


@pytest.fixture
def staff(db: None) -> Client:
    client = Client(headers={"Accept-Language": "ko"})
    client.force_login(User.objects.create_user(ROOT, is_staff=True, is_superuser=True))
    return client


def english(html: str, world: World) -> list[str]:
    """What the page says in English, that is neither data nor a name."""
    plans = [
        form for slug in Plan.objects.values_list("slug", flat=True) for form in (slug, slug.capitalize())
    ]
    data = {world.account.name, world.key.name, world.task_id, world.delivery_id, ROOT, *plans, *NAMES}
    return sorted(text for text in Words(html).found - WHOLE_NAMES if is_english(text, data))


def english_at(address: str, staff: Client, world: World) -> list[str]:
    answer = staff.get(address)
    assert answer.status_code == 200, (address, answer.content[:300])
    return english(answer.content.decode(), world)


def test_every_reason_to_refuse_a_call_has_words_for_staff_and_for_members() -> None:
    with translation.override("ko"):
        for row in refusals().values():
            assert HANGUL.search(str(row.label))
            assert HANGUL.search(str(row.explanation))


@pytest.mark.parametrize("name", [name for name in PAGES if name not in FILES])
def test_every_page_is_korean(world: World, staff: Client, name: str) -> None:
    assert english_at(world.address(name), staff, world) == []


@pytest.mark.parametrize("query", ["", "?compare=yes&interval=day"])
@pytest.mark.parametrize("name", sorted(REPORTS))
def test_every_report_is_korean(world: World, staff: Client, name: str, query: str) -> None:
    if query and not REPORTS[name].dimensions:
        query = "?timezone=Asia/Seoul"
    if name == "top_accounts":
        query = ""
    assert english_at(f"/staff/reports/{name}/{query}", staff, world) == []


def test_lists_and_forms_of_django_are_korean(world: World, staff: Client) -> None:
    person = User.objects.get(email=ROOT)
    left = {
        address: english_at(address, staff, world)
        for address in (
            *(f"/staff/{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry),
            "/staff/auth/group/add/",
            "/staff/accounts/plan/add/",
            "/staff/accounts/plan/standard/change/",
            "/staff/accounts/plan/scale/delete/",
            "/staff/accounts/plan/standard/delete/",
            "/staff/accounts/plan/?slug=nothing",
            "/staff/accounts/user/?q=nobody",
            f"/staff/accounts/user/{person.pk}/change/",
        )
    }
    assert {address: texts for address, texts in left.items() if texts} == {}


@pytest.mark.parametrize("name", ACTIONS)
def test_what_an_action_says_is_korean(world: World, staff: Client, name: str) -> None:
    answer = staff.post(world.address(name), world.form(name), follow=True)
    assert answer.status_code == 200
    if answer.request["PATH_INFO"].startswith("/staff/"):
        assert english(answer.content.decode(), world) == []


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("account-grant", {"amount": "-1"}),
        ("account-plan", {"plan": "gold"}),
        ("cost-publish", {"route": "nowhere"}),
        ("rate-publish", {"tokens_in_per": "x"}),
        ("route-change", {"priority": "x"}),
        ("catalog-load", {"toml": ""}),
    ],
)
def test_what_is_refused_is_said_in_korean(
    world: World, staff: Client, name: str, form: dict[str, str]
) -> None:
    answer = staff.post(world.address(name), world.form(name) | form, follow=True)
    # What is wrong in a catalog is said in the words of the file.
    left = [text for text in english(answer.content.decode(), world) if not text.startswith("catalog")]
    assert left == []


def test_the_record_names_in_korean_what_an_action_was_done_to(world: World, staff: Client) -> None:
    for name in ACTIONS:
        staff.post(world.address(name), world.form(name))
    kinds = set(AuditEntry.objects.filter(actor_kind="staff").values_list("target_kind", flat=True))
    assert kinds <= set(TARGETS)
    assert f"계정 {world.account.name}" in Words(staff.get("/staff/audit/").content.decode()).found


def test_what_is_written_down_is_the_same_in_every_language(world: World, staff: Client) -> None:
    allowed = Permission.objects.get(codename="view_plan")
    answer = staff.post("/staff/auth/group/add/", {"name": "support", "permissions": [allowed.pk]})
    assert answer.status_code == 302
    written = AuditEntry.objects.get(action="group.add").after
    assert written["permissions"] == ["Accounts | plan | Can view plan"]


def test_a_report_says_in_korean_which_filter_it_does_not_take(world: World, staff: Client) -> None:
    answer = staff.get("/staff/reports/liability/?model=small")
    assert answer.status_code == 400
    assert "쓰지 않은 크레딧은 현재 기준입니다" in answer.content.decode()
    assert english(answer.content.decode(), world) == []


def test_states_that_are_rare_are_korean_too(world: World, staff: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_account SET status = 'suspended'")
        cursor.execute("UPDATE accounts_apikey SET revoked_at = now()")
    staff.post("/staff/upstreams/first/drain")
    for name in ("accounts", "account", "keys", "key", "upstreams", "routes"):
        assert english_at(world.address(name), staff, world) == []


def test_the_staff_who_read_english_are_not_given_korean(world: World, staff: Client) -> None:
    answer = staff.get("/staff/", headers={"Accept-Language": "en"})
    assert "Unspent credits" in answer.content.decode()
    assert len(english(answer.content.decode(), world)) > 20


def test_staff_switch_their_language_on_the_page_they_are_on(world: World, staff: Client) -> None:
    page = staff.get("/staff/rates/?before=1").content.decode()
    assert 'name="next" type="hidden" value="/staff/rates/?before=1"' in page
    answer = staff.post("/i18n/setlang/", {"language": "en", "next": "/staff/rates/"}, follow=True)
    assert "Rates in force" in answer.content.decode()
