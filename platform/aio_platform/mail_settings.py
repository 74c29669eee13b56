"""Where mails go: a server named by EMAIL_URL, or without one to files that the operator can read."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

# Implicit TLS, STARTTLS, or neither, and the port each is usually found at.
_SCHEMES = {"smtps": (True, False, 465), "smtp+tls": (False, True, 587), "smtp": (False, False, 25)}
SERVER_TIME_LIMIT_S = 10


def mail_settings(url: str, data_dir: Path) -> dict[str, Any]:
    """Django's settings for `scheme://user:password@host:port`; files under `data_dir`/mail where it is empty.

    Exits with a message that names EMAIL_URL, and never its password, where the URL is not understood.
    """
    if not url:
        directory = data_dir / "mail"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)  # links in mails let people in
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": str(directory),
        }
    try:
        parts = urlsplit(url)
        tls, starttls, usual_port = _SCHEMES[parts.scheme]
        host, port = parts.hostname, parts.port or usual_port
    except (KeyError, ValueError):
        host, port, tls, starttls, parts = None, 0, False, False, urlsplit("")
    if not host:
        raise SystemExit(
            "EMAIL_URL must be smtps://, smtp+tls:// or smtp:// with a host, as in smtps://user:password@mail.example"
        )
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": host,
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": tls,
        "EMAIL_USE_TLS": starttls,
        "EMAIL_TIMEOUT": SERVER_TIME_LIMIT_S,
    }
