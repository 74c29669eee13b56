from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "usage"

    def ready(self) -> None:
        from usage import sign_up  # noqa: F401 - connects itself to allauth's signal
