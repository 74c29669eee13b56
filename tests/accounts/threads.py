"""Runs an action in several threads at once, for races."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connections


def in_threads(count: int, action: Callable[[], Any]) -> list[Any]:
    """What each of several threads, started together, got; each has its own database connection."""
    results: list[Any] = []
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait()
        try:
            results.append(action())
        except Exception as error:
            results.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results
