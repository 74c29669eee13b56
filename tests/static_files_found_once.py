"""Middleware for tests: static files are looked for once in a process, and not anew for each of a thousand clients."""

from typing import Any, ClassVar

from whitenoise.middleware import WhiteNoiseMiddleware


class FilesFoundOnce(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Serves as its parent does; every instance shares what the first one found."""

    _found: ClassVar[dict[str, Any]] = {}

    def add_files_from_finders(self) -> None:
        if not self._found:
            super().add_files_from_finders()
            self._found.update(self.files)
        self.files.update(self._found)
