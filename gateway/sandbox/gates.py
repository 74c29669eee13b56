"""Gates that answers wait at until a test opens them: what has to be under way is, for as long as the test needs."""

_opened: set[str] = set()


def open_gate(name: str) -> None:
    """Let every answer pass that waits at the gate of that name, or will."""
    _opened.add(name)


def is_open(name: str) -> bool:
    return name in _opened


def close_all() -> None:
    """As at the start."""
    _opened.clear()
