"""Settings come from the environment: a bad variable is named, and a made secret stays its owner's."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def read_settings(data_dir: Path, *names: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Read the settings in a fresh process with nothing but this environment; prints those named as JSON."""
    shown = ", ".join(f"{name!r}: settings.{name}" for name in names)
    return subprocess.run(
        [
            sys.executable,
            "-c",
            f"import json; from aio_platform import settings; print(json.dumps({{{shown}}}, default=str))",
        ],
        cwd=data_dir.parent,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "platform"),
            "AIO_DATA_DIR": str(data_dir),
            **environment,
        },
        capture_output=True,
        text=True,
    )


def values(data_dir: Path, *names: str, **environment: str) -> Any:
    completed = read_settings(data_dir, *names, **environment)
    assert completed.returncode == 0, completed.stderr
    return json.loads(completed.stdout)


def test_the_defaults_keep_everything_on_loopback_and_safe(tmp_path: Path) -> None:
    read = values(tmp_path / "data", "AIO_HOST", "AIO_PORT", "DEBUG", "DATABASE_URL", "TRUST_FORWARDED_FOR")
    assert read == {
        "AIO_HOST": "127.0.0.1",
        "AIO_PORT": 8000,
        "DEBUG": False,
        "DATABASE_URL": "",
        "TRUST_FORWARDED_FOR": False,
    }


@pytest.mark.parametrize(
    "url",
    ["postgresql://ada:s3cret@host:port/aio", "mysql://ada:s3cret@host/aio", "postgresql://ada:s3cret@host"],
)
def test_a_bad_database_url_is_refused_in_one_line_that_shows_nothing_of_it(url: str, tmp_path: Path) -> None:
    completed = read_settings(tmp_path / "data", DATABASE_URL=url)
    assert completed.returncode == 1
    assert completed.stderr.startswith("DATABASE_URL")
    assert completed.stderr.count("\n") == 1
    assert "s3cret" not in completed.stderr


def test_a_sockets_directory_keeps_its_case(tmp_path: Path) -> None:
    url = "postgresql://%2Ftmp%2FMySockets/Aio"
    read = values(tmp_path / "data", "DATABASES", DATABASE_URL=url)["DATABASES"]["default"]
    assert (read["HOST"], read["NAME"], read["PORT"]) == ("/tmp/MySockets", "Aio", "")


@pytest.mark.parametrize("name", ["AIO_TASK_KEEP_DAYS", "AIO_CALLBACK_KEEP_DAYS"])
@pytest.mark.parametrize("text", ["0", "-1"])
def test_what_is_kept_is_kept_for_a_day_at_least(name: str, text: str, tmp_path: Path) -> None:
    completed = read_settings(tmp_path / "data", **{name: text})
    assert completed.returncode == 1
    assert completed.stderr == f"{name} must be at least 1, got {text!r}\n"


@pytest.mark.parametrize(
    "name", ["AIO_PORT", "AIO_WORKERS", "AIO_CHAT_TIME_LIMIT_S", "AIO_MAX_JSON_BODY_BYTES"]
)
@pytest.mark.parametrize("text", ["eighty", "80.5", "0x50", "8000;"])
def test_a_number_that_is_none_is_refused_by_its_name_in_one_line(
    name: str, text: str, tmp_path: Path
) -> None:
    completed = read_settings(tmp_path / "data", **{name: text})
    assert completed.returncode == 1
    assert completed.stderr == f"{name} must be a whole number, got {text!r}\n"


def test_a_number_left_empty_is_as_good_as_unset(tmp_path: Path) -> None:
    assert values(tmp_path / "data", "AIO_PORT", AIO_PORT="") == {"AIO_PORT": 8000}


@pytest.mark.parametrize(
    ("text", "expected"), [("1", True), ("true", True), ("ON", True), ("0", False), ("", False)]
)
def test_flags_are_read_as_people_write_them(text: str, expected: bool, tmp_path: Path) -> None:
    assert values(tmp_path / "data", "DEBUG", DEBUG=text, AIO_LOG_FORMAT="json") == {"DEBUG": expected}


def test_a_secret_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    first = values(data_dir, "SECRET_KEY")["SECRET_KEY"]
    assert len(first) >= 50
    assert (data_dir / "secret_key").stat().st_mode & 0o777 == 0o600
    assert values(data_dir, "SECRET_KEY")["SECRET_KEY"] == first
    assert values(tmp_path / "other", "SECRET_KEY")["SECRET_KEY"] != first


def test_a_given_secret_key_is_used_and_none_is_written(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    assert values(data_dir, "SECRET_KEY", SECRET_KEY="mine") == {"SECRET_KEY": "mine"}
    assert not (data_dir / "secret_key").exists()


def test_a_database_url_becomes_djangos_database(tmp_path: Path) -> None:
    url = "postgresql://ada:p%40ss@db.test:6432/aio?sslmode=require"
    database = values(tmp_path / "data", "DATABASES", DATABASE_URL=url)["DATABASES"]["default"]
    assert database["ENGINE"] == "aio_platform.db.postgres_backend"
    expected = {"NAME": "aio", "USER": "ada", "PASSWORD": "p@ss", "HOST": "db.test", "PORT": "6432"}
    assert {name: database[name] for name in expected} == expected
    assert database["OPTIONS"] == {"sslmode": "require"}


def test_a_shared_cache_is_used_where_there_is_one(tmp_path: Path) -> None:
    caches = values(tmp_path / "data", "CACHES", REDIS_URL="redis://cache.test/0")["CACHES"]
    assert "redis" in caches["default"]["BACKEND"]
    assert caches["default"]["LOCATION"] == "redis://cache.test/0"


def test_cookies_are_for_tls_alone_behind_a_proxy_that_terminates_it(tmp_path: Path) -> None:
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_PROXY_SSL_HEADER")
    assert values(tmp_path / "data", *names) == dict.fromkeys(names[:2], False) | {names[2]: None}
    read = values(tmp_path / "data", *names, AIO_BEHIND_TLS_PROXY="1")
    assert read[names[0]] is read[names[1]] is True
    assert read[names[2]] == ["HTTP_X_FORWARDED_PROTO", "https"]


MAIL = ("EMAIL_BACKEND", "EMAIL_FILE_PATH", "ACCOUNT_EMAIL_VERIFICATION")


def test_without_a_mail_server_mails_are_files_for_their_owner_alone(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    read = values(data_dir, *MAIL)
    assert read["EMAIL_BACKEND"].endswith("filebased.EmailBackend")
    assert read["EMAIL_FILE_PATH"] == str(data_dir / "mail")
    assert read["ACCOUNT_EMAIL_VERIFICATION"] == "optional"
    assert (data_dir / "mail").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("url", "tls", "starttls", "port"),
    [
        ("smtps://ada:p%40ss@mail.test", True, False, 465),
        ("smtp+tls://ada:p%40ss@mail.test", False, True, 587),
        ("smtp://ada:p%40ss@mail.test:2525", False, False, 2525),
    ],
)
def test_with_a_mail_server_addresses_are_proven(
    url: str, tls: bool, starttls: bool, port: int, tmp_path: Path
) -> None:
    names = (
        "EMAIL_HOST", "EMAIL_PORT", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD", "EMAIL_USE_SSL", "EMAIL_USE_TLS",
        "ACCOUNT_EMAIL_VERIFICATION",
    )  # fmt: skip
    read = values(tmp_path / "data", *names, EMAIL_URL=url, AIO_PUBLIC_URL="https://ai.test")
    assert [read[name] for name in names] == ["mail.test", port, "ada", "p@ss", tls, starttls, "mandatory"]


@pytest.mark.parametrize(
    "url", ["mail.test", "ftp://mail.test", "smtp://", "smtp://mail.test:x", "smtp://[::1"]
)
def test_a_mail_server_that_is_not_understood_is_said_without_its_password(url: str, tmp_path: Path) -> None:
    url = url.replace("//mail", "//ada:hunter2@mail")
    completed = read_settings(tmp_path / "data", EMAIL_URL=url, AIO_PUBLIC_URL="https://ai.test")
    assert completed.returncode != 0
    assert "EMAIL_URL" in completed.stderr
    assert "hunter2" not in completed.stderr


def test_a_mail_server_needs_the_public_url_that_links_are_of(tmp_path: Path) -> None:
    completed = read_settings(tmp_path / "data", EMAIL_URL="smtp://mail.test")
    assert completed.returncode != 0
    assert "AIO_PUBLIC_URL" in completed.stderr
