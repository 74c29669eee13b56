"""The worker: what the platform does by the clock instead of on a request."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from aio_platform.supervisor import stop_with_parent
from usage.housekeeping import keep_house


class Command(BaseCommand):
    help = "Run the worker: expire holds and grants, make partitions. Any number may run."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        stop_with_parent()
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        keep_house(stop)
