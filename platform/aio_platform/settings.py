"""Settings, read from the environment; `docs/operating.md` lists every variable."""

import ipaddress
import os
import re
import secrets
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _

from aio_platform.db.url import django_database
from aio_platform.http.cors import read_origins
from aio_platform.mail_settings import mail_settings
from aio_platform.observability.logs import configure_logs

ROOT = Path(__file__).resolve().parent.parent.parent
PLATFORM_DIR = ROOT / "platform"

_IS_LIMIT_OF_ENDPOINT = re.compile(r"AIO_[A-Z0-9_]+_(TIME_LIMIT_S|MAX_BODY_BYTES)")


def _files_of_pages(kind: str) -> list[Path]:
    """Where templates or static files lie: with the pages of each app that they are for."""
    return [
        path for app in ("accounts", "usage", "gateway") for path in sorted((ROOT / app).glob(f"*/{kind}"))
    ]


def _flag(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true", "yes", "on")


def _integer(name: str, default: int, *, at_least: int | None = None) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    try:
        number = int(text)
    except ValueError:
        raise SystemExit(f"{name} must be a whole number, got {text!r}") from None
    if at_least is not None and number < at_least:
        raise SystemExit(f"{name} must be at least {at_least}, got {text!r}")
    return number


def _limits_of_endpoints() -> dict[str, int]:
    """The settings for endpoints' limits that the environment gives, by name without its AIO_."""
    return {
        name.removeprefix("AIO_"): _integer(name, 0)
        for name, text in os.environ.items()
        if _IS_LIMIT_OF_ENDPOINT.fullmatch(name) and text
    }


def _networks(name: str, default: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    given = os.environ.get(name, default)
    try:
        return [ipaddress.ip_network(text.strip(), strict=False) for text in given.split(",") if text.strip()]
    except ValueError as error:
        raise SystemExit(f"{name} must be networks, comma-separated: {error}") from None


def _secret_key(data_dir: Path) -> str:
    """SECRET_KEY, or one made on first use and kept beside the data, readable by its owner alone."""
    given = os.environ.get("SECRET_KEY")
    if given:
        return given
    path = data_dir / "secret_key"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        data_dir.mkdir(parents=True, exist_ok=True)
    made = secrets.token_urlsafe(50)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(made)
    return made


AIO_DATA_DIR = Path(os.environ.get("AIO_DATA_DIR") or ROOT / ".aio").resolve()
AIO_HOST = os.environ.get("AIO_HOST", "127.0.0.1")
AIO_PORT = _integer("AIO_PORT", 8000)
AIO_WORKERS = _integer("AIO_WORKERS", 0)  # 0: one for each core
AIO_CATALOG = os.environ.get("AIO_CATALOG", "")
# An operator's own adapters: dotted names of modules, read by gateway.adapters.registry.
ADAPTER_MODULES = [name.strip() for name in os.environ.get("AIO_ADAPTERS", "").split(",") if name.strip()]
# An operator's own endpoints: dotted names of modules, read by gateway.endpoints.
ENDPOINT_MODULES = [name.strip() for name in os.environ.get("AIO_ENDPOINTS", "").split(",") if name.strip()]
AIO_SANDBOX = _flag("AIO_SANDBOX")  # start the sandbox upstream even beside real ones
DATABASE_URL = os.environ.get("DATABASE_URL", "")
REDIS_URL = os.environ.get("REDIS_URL", "")

# Where upstreams and the links in mails reach us; without it upstreams are polled only.
PUBLIC_URL = os.environ.get("AIO_PUBLIC_URL", "")
# Where this machine reaches us, for links when nobody said where others do.
_LOOPBACK_BY_WILDCARD = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104
BASE_URL = PUBLIC_URL or f"http://{_LOOPBACK_BY_WILDCARD.get(AIO_HOST, AIO_HOST)}:{AIO_PORT}"
EMAIL_URL = os.environ.get("EMAIL_URL", "")
DEFAULT_FROM_EMAIL = SERVER_EMAIL = os.environ.get("EMAIL_FROM", "AIO platform <no-reply@localhost>")
if EMAIL_URL and not PUBLIC_URL:
    raise SystemExit("EMAIL_URL needs AIO_PUBLIC_URL: links in mails must not follow a request's Host header")
globals().update(mail_settings(EMAIL_URL, AIO_DATA_DIR))

DEBUG = _flag("DEBUG")
SECRET_KEY = _secret_key(AIO_DATA_DIR)
ALLOWED_HOSTS = [host for host in os.environ.get("ALLOWED_HOSTS", "*").split(",") if host]
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("CSRF_TRUSTED_ORIGINS", "").split(",") if origin]
try:
    CORS_ORIGINS = read_origins(os.environ.get("AIO_CORS_ORIGINS", ""))
except ValueError as error:
    raise SystemExit(f"AIO_CORS_ORIGINS: {error}") from None
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _flag("AIO_BEHIND_TLS_PROXY") else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _flag("AIO_BEHIND_TLS_PROXY")
SESSION_COOKIE_HTTPONLY = True

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "aio_platform",
    "accounts",
    "usage",
    "gateway",
    # After ours, so that our templates are found first.
    "unfold.apps.BasicAppConfig",
    "accounts.staff.apps.StaffConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
]
MIDDLEWARE = [
    "aio_platform.http.request_context.RequestContextMiddleware",
    "aio_platform.http.middleware.private_answers.PrivateAnswersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "aio_platform.http.middleware.null_refusals.NullRefusalsMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "aio_platform.appearance.AppearanceMiddleware",
    "aio_platform.page_errors.PageErrorsMiddleware",
    "accounts.view_as.ViewAsMiddleware",
]
ROOT_URLCONF = "aio_platform.urls"
ASGI_APPLICATION = "aio_platform.asgi.application"
APPEND_SLASH = False  # API clients lose their body on a redirect
# The kernel knows no app: these name what the ASGI application mounts and opens, and what pages of one app ask of
# the apps above it.
GATEWAY_URLCONF = "gateway.urls"
GATEWAY_LIFESPAN = "gateway.calls.runtime.opened"
API_URLCONFS = ["accounts.urls", "usage.urls", "gateway.django_urls"]
AUTH_URLCONF = "accounts.sign_in.urls"
KEY_SCOPE_CHOICES = "gateway.catalog.scope_choices.scope_choices"
MODEL_SLUGS = "gateway.catalog.scope_choices.model_slugs"
REFUSAL_TABLES = ["aio_platform.refusals", "accounts.refusals", "usage.refusals", "gateway.catalog.refusals"]
PAGE_URLCONFS = ["accounts.page_urls", "usage.page_urls", "gateway.page_urls"]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PLATFORM_DIR / "templates", *_files_of_pages("templates")],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "aio_platform.appearance.appearance",
                "accounts.page_context.shell",
                "gateway.pages.sandbox_notice.sandbox_notice",
            ]
        },
    }
]

DATABASES = {
    "default": {
        "ENGINE": "aio_platform.db.postgres_backend",
        "NAME": "aio",
        "USER": "postgres",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
}
if DATABASE_URL:
    try:
        DATABASES["default"] |= django_database(DATABASE_URL)
    except ValueError as error:
        raise SystemExit(str(error)) from None

CACHES: dict[str, dict[str, Any]]
if REDIS_URL:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
else:
    # One node: each worker counts for itself, so a people-facing limit is met at most AIO_WORKERS times over.
    # With fewer entries than there are addresses a few hundred of them would push one another's counts out.
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "OPTIONS": {"MAX_ENTRIES": 20_000},
        }
    }
    SILENCED_SYSTEM_CHECKS = ["django_ratelimit.E003", "django_ratelimit.W001"]

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_ADAPTER = "accounts.sign_in.adapter.SignInAdapter"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[AIO platform] "
# With a mail server an address is proven before its credits are given; without one nobody could prove theirs.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_URL else "optional"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
# Failures to sign in count by person and network, so that nobody is locked out by somebody else's; together, those from
# where the person never signed in, and those from a browser that they did (accounts.sign_in.limits). Whoever asks for
# mails to somebody's address does not flood it; the links in those that came are good.
ACCOUNT_RATE_LIMITS = {
    "login_failed": "10/m/ip,5/5m/key",
    "login_failed_elsewhere": "50/h/key",
    "login_failed_known_browser": "10/5m/key",
    "reset_password": "20/m/ip,3/m/key,10/h/key",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = not EMAIL_URL
MFA_TOTP_ISSUER = "AIO platform"
USERSESSIONS_TRACK_ACTIVITY = True

# Pages load nothing from elsewhere and run no script that is not a file of ours. What tasks made is shown from our
# own address; blob: and data: are what the workbench shows before anything is sent.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "media-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

UNFOLD = {
    "SITE_TITLE": _("AIO staff"),
    "SITE_HEADER": _("AIO staff"),
    "SITE_SYMBOL": "monitoring",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "STYLES": ["accounts.staff.page_registry.stylesheet"],
    "SCRIPTS": ["accounts.staff.page_registry.script"],
    "SIDEBAR": {"navigation": "accounts.staff.page_registry.navigation"},
    "ACCOUNT": {"navigation": [{"title": _("Sign-in and security"), "link": "/settings"}]},
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ko", "한국어")]
LOCALE_PATHS = [PLATFORM_DIR / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = AIO_DATA_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns where there is none
STATICFILES_DIRS = [PLATFORM_DIR / "static", *_files_of_pages("static")]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
# Browsers ask each time whether a file has changed: after an update no old module runs beside new ones.
WHITENOISE_MAX_AGE = 0
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Django's own pages read no large bodies; gateway views have limits of their own.
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
SECURE_REFERRER_POLICY = "same-origin"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ApiKeyAuthentication",
        "accounts.authentication.MemberSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.authentication.BelongsToAccount"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "gateway.openapi.operations.OperationSchema",
    "EXCEPTION_HANDLER": "aio_platform.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "AIO platform",
    "DESCRIPTION": "One account, one aio_ key, one wallet, every AI endpoint.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": BASE_URL}],
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "DeliveryStateEnum": "gateway.webhooks_out.deliveries.STATES",
        "KeyStatusEnum": "accounts.keys.serializers.STATUSES",
    },
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,  # it would say every value twice
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "gateway.openapi.documented_errors.add_errors",
        "gateway.openapi.code_samples.add_code_samples",
        "gateway.openapi.components.name_components",
    ],
}

LOG_FORMAT = os.environ.get("AIO_LOG_FORMAT", "json" if not DEBUG else "console")
LOGGING_CONFIG = None
configure_logs(LOG_FORMAT, level=os.environ.get("AIO_LOG_LEVEL", "INFO"))

# Limits of the gateway, in seconds and bytes. Each endpoint's own have their defaults where it is described
# (gateway/endpoints.py); AIO_STT_TIME_LIMIT_S and its like override them. The others are those that endpoints share.
ENDPOINT_LIMITS = _limits_of_endpoints()
MAX_JSON_BODY_BYTES = _integer("AIO_MAX_JSON_BODY_BYTES", 20_000_000)
BODY_TIME_LIMIT_S = _integer("AIO_BODY_TIME_LIMIT_S", 60)
UPLOAD_DIR = os.environ.get("AIO_UPLOAD_DIR") or None  # None: the system's temporary directory
STREAM_IDLE_LIMIT_S = _integer("AIO_STREAM_IDLE_LIMIT_S", 60)
STREAM_END_GRACE_S = _integer("AIO_STREAM_END_GRACE_S", 5)
STREAM_TIME_LIMIT_S = _integer("AIO_STREAM_TIME_LIMIT_S", 900)
STALLED_READER_LIMIT_S = _integer("AIO_STALLED_READER_LIMIT_S", 60)
# An upstream that sent what nobody asked for gets a new connection for each call for so long.
UPSTREAM_NO_REUSE_S = _integer("AIO_UPSTREAM_NO_REUSE_S", 600)
# What anybody may take of a gateway process before they have shown a key (see ADR 23): in total, and as a part of each
# total for one client address.
ADDRESS_SHARE_PERCENT = _integer("AIO_ADDRESS_SHARE_PERCENT", 25, at_least=1)
MAX_CONNECTIONS = _integer("AIO_MAX_CONNECTIONS", 4000, at_least=1)
MAX_HEAD_BYTES = _integer("AIO_MAX_HEAD_BYTES", 32_768, at_least=1024)
MAX_HEADERS = _integer("AIO_MAX_HEADERS", 100, at_least=1)
MAX_TARGET_BYTES = _integer("AIO_MAX_TARGET_BYTES", 8192, at_least=64)
HEAD_TIME_LIMIT_S = _integer("AIO_HEAD_TIME_LIMIT_S", 10, at_least=1)
KEEP_ALIVE_S = _integer("AIO_KEEP_ALIVE_S", 75, at_least=1)
MAX_HEADS_BYTES = _integer("AIO_MAX_HEADS_BYTES", 24_000_000)
MAX_UNASKED_BODIES_BYTES = _integer("AIO_MAX_UNASKED_BODIES_BYTES", 16_000_000)
MAX_UNREAD_ANSWERS_BYTES = _integer("AIO_MAX_UNREAD_ANSWERS_BYTES", 64_000_000)
MAX_BODIES_BEFORE_KEY_BYTES = _integer("AIO_MAX_BODIES_BEFORE_KEY_BYTES", 16_000_000)
# JSON bodies over 32 KB of callers with a valid key, from their reading to their answer.
MAX_LARGE_BODIES_BYTES = _integer("AIO_MAX_LARGE_BODIES_BYTES", 200_000_000, at_least=1)
MAX_PAGE_BODY_BYTES = _integer("AIO_MAX_PAGE_BODY_BYTES", 1_000_000)
MAX_PAGE_BODIES_BYTES = _integer("AIO_MAX_PAGE_BODIES_BYTES", 16_000_000)
PAGE_CALLS_AT_ONCE = _integer("AIO_PAGE_CALLS_AT_ONCE", 8, at_least=1)
PAGE_CALLS_WAITING = _integer("AIO_PAGE_CALLS_WAITING", 256, at_least=1)
PAGE_WAIT_LIMIT_S = _integer("AIO_PAGE_WAIT_LIMIT_S", 20, at_least=1)
HOLD_MARGIN_S = _integer("AIO_HOLD_MARGIN_S", 60)
# Networks that callback and input URLs may lie in although they are private; for development.
AIO_PRIVATE_URL_NETWORKS = [
    network for network in os.environ.get("AIO_PRIVATE_URL_NETWORKS", "").split(",") if network
]
AIO_RESULTS = os.environ.get("AIO_RESULTS", "")  # "mirror": keep copies of what tasks made
AIO_RESULTS_KEEP_DAYS = _integer("AIO_RESULTS_KEEP_DAYS", 14)
AIO_RESULTS_MAX_BYTES = _integer("AIO_RESULTS_MAX_BYTES", 1_000_000_000)
KEY_GUESSES_PER_ADDRESS = os.environ.get("AIO_KEY_GUESSES_PER_ADDRESS", "60/m")
KEYS_ISSUED_PER_MEMBER = os.environ.get("AIO_KEYS_ISSUED_PER_MEMBER", "30/h")
# Mails with invitations, by who sends them and by whom they are for; the link can always be copied.
INVITATION_MAILS_PER_MEMBER = os.environ.get("AIO_INVITATION_MAILS_PER_MEMBER", "50/h")
INVITATION_MAILS_PER_ADDRESS = os.environ.get("AIO_INVITATION_MAILS_PER_ADDRESS", "10/d")
# Set when a proxy of ours terminates connections; the address is then the last one it added.
TRUST_FORWARDED_FOR = _flag("AIO_TRUST_FORWARDED_FOR")
METRICS_NETWORKS = _networks("AIO_METRICS_NETWORKS", "127.0.0.0/8,::1")  # who may see /metrics

# Asynchronous generations.
TASK_NODE = _integer("AIO_NODE", 1)  # the first number in task ids
TASK_SUBMIT_LIMIT_S = _integer("AIO_TASK_SUBMIT_LIMIT_S", 60)
TASK_POLL_LIMIT_S = _integer("AIO_TASK_POLL_LIMIT_S", 30)
TASK_CALLS_IN_FLIGHT = _integer("AIO_TASK_CALLS_IN_FLIGHT", 200)  # to one upstream, of one worker
TASK_LEASE_S = _integer("AIO_TASK_LEASE_S", 20)  # after a worker's death its tasks wait this long
TASK_STOP_LIMIT_S = _integer("AIO_TASK_STOP_LIMIT_S", 20)
MAX_TASK_BODY_BYTES = _integer("AIO_MAX_TASK_BODY_BYTES", 1_000_000)
TASK_KEEP_DAYS = _integer("AIO_TASK_KEEP_DAYS", 90, at_least=1)  # then its bodies go; its row and price stay
# Whole months besides the running one whose calls archive_usage leaves in the database.
CALLS_KEEP_MONTHS = _integer("AIO_CALLS_KEEP_MONTHS", 3, at_least=1)
CALLBACK_KEEP_DAYS = _integer("AIO_CALLBACK_KEEP_DAYS", 30, at_least=1)  # of deliveries that have ended
