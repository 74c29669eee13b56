"""Who may come to the staff site: every address of it, every kind of visitor, every permission."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts import actions
from accounts.models import User
from accounts.staff import page_registry
from tests.gateway.staff.staff_world import World, make_world

# Every page and action of ours; `load` is asked without a text, `export` for the version there is.
NAMES = [page.name for page in page_registry.registered()]


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def person(email: str, **flags: Any) -> Client:
    user = User.objects.create_user(email, "correct-horse-battery", **flags)
    client = Client()
    client.force_login(user)
    return client


def staff_with(*permissions: str) -> Client:
    client = person("some@staff.test", is_staff=True)
    user = User.objects.get(email="some@staff.test")
    for permission in permissions:
        label, _, codename = permission.partition(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=label, codename=codename))
    return client


def page_named(name: str) -> page_registry.Page:
    [found] = [page for page in page_registry.registered() if page.name == name]
    return found


def ask(client: Client, world: World, name: str) -> Any:
    page, address = page_named(name), world.address(name)
    return client.post(address, world.form(name)) if page.is_action else client.get(address)


@pytest.mark.parametrize("name", NAMES)
def test_whoever_may_do_everything_gets_every_page(world: World, name: str) -> None:
    answer = ask(person("root@staff.test", is_staff=True, is_superuser=True), world, name)
    assert answer.status_code in ((302,) if page_named(name).is_action else (200,)), answer.content[:500]


@pytest.mark.parametrize("name", [name for name in NAMES if page_named(name).permission])
def test_without_the_permission_each_page_and_each_action_is_403(world: World, name: str) -> None:
    own = page_named(name).permission
    others = {page.permission for page in page_registry.registered() if page.permission} - {own}
    assert ask(staff_with(*others), world, name).status_code == 403


@pytest.mark.parametrize("name", NAMES)
def test_the_permission_is_enough(world: World, name: str) -> None:
    permission = page_named(name).permission
    answer = ask(staff_with(*([permission] if permission else [])), world, name)
    assert answer.status_code in (200, 302)


@pytest.mark.parametrize("name", [name for name in NAMES if page_named(name).is_action])
def test_looking_at_an_action_does_nothing(world: World, name: str) -> None:
    answer = person("root@staff.test", is_staff=True, is_superuser=True).get(world.address(name))
    assert answer.status_code == 405


def every_address(world: World) -> list[str]:
    """Ours, Django's for each registered table, and some that are nobody's."""
    ours = [world.address(name) for name in NAMES]
    tables = [
        f"/staff/{model._meta.app_label}/{model._meta.model_name}/{rest}"
        for model in admin.site._registry
        for rest in ("", "add/", "1/change/", "1/history/", "1/delete/")
    ]
    rest = ["/staff/login/", "/staff/logout/", "/staff/search/", "/staff/jsi18n/", "/staff/password_change/"]
    return [*ours, *tables, *rest, "/staff/nothing/", "/staff/auth/", "/staff/autocomplete/", "/staff/r/1/1/"]


def test_a_member_who_is_not_of_the_staff_finds_nothing_anywhere(world: World) -> None:
    client = Client()
    client.force_login(User.objects.get(email="owner@lab.test"))
    for address in every_address(world):
        for answer in (client.get(address), client.post(address, {})):
            assert answer.status_code == 404, address


def test_whoever_was_staff_finds_nothing(world: World) -> None:
    client = person("gone@staff.test", is_staff=True, is_superuser=True)
    assert client.get("/staff/").status_code == 200
    User.objects.filter(email="gone@staff.test").update(is_staff=False)
    assert client.get("/staff/").status_code == 404


def test_who_is_not_signed_in_is_sent_to_the_members_sign_in_page_and_back(world: World) -> None:
    for address in every_address(world):
        if address == "/staff/logout/":
            continue
        answer = Client().get(address)
        assert answer.status_code == 302, address
        assert answer["Location"].startswith("/auth/login/?next="), address


def test_the_site_has_no_sign_in_form_of_its_own(world: World) -> None:
    answer = person("root@staff.test", is_staff=True, is_superuser=True).get("/staff/login/")
    assert answer["Location"] == "/staff/"


def test_an_unknown_address_is_404_for_staff_too(world: World) -> None:
    client = person("root@staff.test", is_staff=True, is_superuser=True)
    for address in ("/staff/nothing/", "/staff/accounts/acct_0000000000000000/", "/staff/reports/nothing/"):
        assert client.get(address).status_code == 404


def test_only_what_is_recorded_is_served(world: World) -> None:
    names = {model._meta.label for model in admin.site._registry}
    assert names == {"accounts.User", "accounts.Plan", "auth.Group"}


def test_forms_without_a_token_are_refused(world: World) -> None:
    user = User.objects.create_user("root@staff.test", is_staff=True, is_superuser=True)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    for name in NAMES:
        if page_named(name).is_action:
            assert client.post(world.address(name), world.form(name)).status_code == 403, name


def test_every_address_of_the_site_is_guarded() -> None:
    """Nothing was put under /staff/ beside the site."""
    under = [
        pattern
        for pattern in get_resolver().url_patterns
        if isinstance(pattern, URLPattern | URLResolver) and str(pattern.pattern).startswith("staff")
    ]
    [resolver] = under
    assert isinstance(resolver, URLResolver)
    assert resolver.namespace == "staff"


def test_members_of_the_staff_who_may_change_people_cannot_make_themselves_more(world: World) -> None:
    client = staff_with("accounts.view_user", "accounts.change_user")
    user = User.objects.get(email="some@staff.test")
    address = f"/staff/accounts/user/{user.pk}/change/"
    assert client.get(address).status_code == 200
    client.post(address, {"is_active": "on", "is_superuser": "on", "is_staff": "on"})
    user.refresh_from_db()
    assert not user.is_superuser
    root = User.objects.create_superuser("root@staff.test")
    assert client.post(f"/staff/accounts/user/{root.pk}/change/", {"is_active": ""}).status_code == 403


def test_a_plan_with_accounts_is_not_deleted(world: World) -> None:
    client = person("root@staff.test", is_staff=True, is_superuser=True)
    client.post("/staff/accounts/plan/standard/delete/", {"post": "yes"})
    assert actions.set_plan(world.account, "standard").plan_id == "standard"


def test_only_staff_pages_may_evaluate_and_none_loads_from_elsewhere(world: World) -> None:
    client = person("root@staff.test", is_staff=True, is_superuser=True)
    staff = client.get("/staff/")["Content-Security-Policy"]
    member = client.get("/welcome")["Content-Security-Policy"]
    assert "'unsafe-eval'" in staff
    assert "unsafe" not in member
    for policy in (staff, member):
        assert "http" not in policy
        assert "*" not in policy
    scripts = next(part for part in staff.split(";") if part.strip().startswith("script-src"))
    assert "'unsafe-inline'" not in scripts


def test_the_navigation_shows_what_one_may_see_and_marks_where_one_is(world: World) -> None:
    page = staff_with("accounts.view_user", "gateway.view_task").get("/staff/").content.decode()
    for link, is_there in (
        ("/staff/tasks/", True),
        ("/staff/accounts/", False),
        ("/staff/upstreams/", False),
    ):
        assert (f'href="{link}"' in page) is is_there, link
    root = User.objects.create_superuser("root@staff.test")
    client = Client()
    client.force_login(root)
    for path, title in (
        ("/staff/accounts/user/", "Users"),
        ("/staff/accounts/", "Accounts"),
        ("/staff/", "Overview"),
    ):
        request = client.get(path).wsgi_request
        marked = [
            item["title"]
            for group in page_registry.navigation(request)
            for item in group["items"]
            if item["active"](request)
        ]
        assert marked == [title]
