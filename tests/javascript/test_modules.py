"""Our scripts are modules that a browser finds: each in its page's folder, importing from that folder alone."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.template.loader import get_template

ROOT = Path(__file__).resolve().parents[2]
APPS = ("platform", "accounts", "usage", "gateway")
MODULES = sorted(path for app in APPS for path in (ROOT / app).rglob("static/**/*.mjs"))
TEMPLATES = sorted(path for app in APPS for path in (ROOT / app).rglob("templates/**/*.html"))
IMPORT = re.compile(r'^(?:import|}) (?:.*from )?"([^"]+)";$', re.M)
STATIC = re.compile(r"{% static '([^']+)' %}")
SCRIPT = re.compile(r"<script\b([^>]*)>")
MOST_LINES = 250


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_imports_from_its_own_folder_alone(module: Path) -> None:
    text = module.read_text("utf-8")
    imported = IMPORT.findall(text)

    assert len(imported) == len(re.findall(r"^import\b", text, re.M))
    for name in imported:
        assert re.fullmatch(r"\./[a-z_]+\.mjs", name), name
        assert (module.parent / name).is_file(), name


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_is_short_and_says_what_it_is_for(module: Path) -> None:
    text = module.read_text("utf-8")

    assert text.startswith("// ")
    assert text.count("\n") <= MOST_LINES


def test_every_module_is_loaded_by_a_page_or_by_another() -> None:
    loaded: set[Path] = set()
    for template in TEMPLATES:
        loaded |= {Path(str(finders.find(name))) for name in STATIC.findall(template.read_text("utf-8"))}
    unseen = [module for module in MODULES if module in loaded]
    while unseen:
        module = unseen.pop()
        for name in IMPORT.findall(module.read_text("utf-8")):
            if module.parent / name not in loaded:
                loaded.add(module.parent / name)
                unseen.append(module.parent / name)

    assert [name_of(module) for module in MODULES if module not in loaded] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=name_of)
def test_files_that_a_template_names_are_there(template: Path) -> None:
    text = template.read_text("utf-8")

    for name in STATIC.findall(text):
        assert finders.find(name), name
    # The policy allows no inline script; only what others made is no module.
    for attributes in SCRIPT.findall(text):
        assert "src=" in attributes
        assert 'type="module"' in attributes or "vendor/" in attributes


def test_templates_are_found_where_their_pages_are() -> None:
    for name in ("base.html", "account/login.html", "allauth/layouts/manage.html", "usage/keys/list.html"):
        assert Path(get_template(name).origin.name).is_relative_to(ROOT), name  # type: ignore[attr-defined]
