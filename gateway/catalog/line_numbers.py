"""Where in a TOML text each value stands. `tomllib` gives values without positions; errors need both.

The text must have been accepted by `tomllib` first: this only finds places, it checks nothing.
"""

import re
import tomllib
from bisect import bisect_right

TomlPath = tuple[str | int, ...]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# Longest first: a multi-line string may end in up to two quotes of its own before the closing three.
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'",
    re.DOTALL,
)
# A date and its time may be parted by a space, which ends every other plain value.
_PLAIN_VALUE = re.compile(r"\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]+|[^\s,\]}#]+")
_SPACE = re.compile(r"[ \t]*")
_SPACE_LINES_AND_COMMENTS = re.compile(r"(?:\s|#[^\n]*)*")


class LineMap:
    """The lines, counted from 1, of a TOML text's tables, keys and array elements."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._line_starts = [0] + [match.end() for match in re.finditer("\n", text)]
        self._lines: dict[TomlPath, int] = {}
        self._last_index: dict[TomlPath, int] = {}
        self._scan()

    def line_of(self, path: TomlPath) -> int:
        """The line of the value at `path`, or of the nearest thing around it that is written down."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                return line
        return 1

    def _scan(self) -> None:
        table: TomlPath = ()
        position = self._skip(_SPACE_LINES_AND_COMMENTS, 0)
        while position < len(self._text):
            if self._text[position] == "[":
                table, position = self._header(position)
            else:
                position = self._pair(table, position)
            position = self._skip(_SPACE_LINES_AND_COMMENTS, position)

    def _header(self, position: int) -> tuple[TomlPath, int]:
        start, brackets = position, 2 if self._text.startswith("[[", position) else 1
        keys, position = self._keys(position + brackets)
        table: TomlPath = ()
        for place, key in enumerate(keys):
            table = (*table, key)
            if brackets == 2 and place == len(keys) - 1:
                self._last_index[table] = self._last_index.get(table, -1) + 1
            self._mark(table, start)
            # A header under an array of tables means that array's newest element.
            if table in self._last_index:
                table = (*table, self._last_index[table])
                self._mark(table, start)
        return table, position + brackets

    def _pair(self, table: TomlPath, position: int) -> int:
        keys, value_at = self._keys(position)
        for length in range(1, len(keys) + 1):
            self._mark((*table, *keys[:length]), position)
        return self._value((*table, *keys), self._skip(_SPACE, value_at + 1))

    def _keys(self, position: int) -> tuple[list[str], int]:
        """Read a dotted key; returns its parts and the position of what ends it, `=` or `]`."""
        keys = []
        while True:
            position = self._skip(_SPACE, position)
            if self._text[position] in "\"'":
                end = self._skip(_STRING, position)
                keys.append(tomllib.loads(f"key = {self._text[position:end]}")["key"])
            else:
                end = self._skip(_BARE_KEY, position)
                keys.append(self._text[position:end])
            position = self._skip(_SPACE, end)
            if self._text[position] != ".":
                return keys, position
            position += 1

    def _value(self, path: TomlPath, position: int) -> int:
        """Walk over a value, marking what is inside it; returns the position after it."""
        opening = self._text[position]
        if opening == "[":
            return self._elements(path, position + 1)
        if opening == "{":
            return self._inline_table(path, position + 1)
        return self._skip(_STRING if opening in "\"'" else _PLAIN_VALUE, position)

    def _elements(self, path: TomlPath, position: int) -> int:
        index = 0
        while True:
            position = self._skip(_SPACE_LINES_AND_COMMENTS, position)
            if self._text[position] == "]":
                return position + 1
            if self._text[position] == ",":
                position += 1
                continue
            self._mark((*path, index), position)
            position = self._value((*path, index), position)
            index += 1

    def _inline_table(self, path: TomlPath, position: int) -> int:
        while True:
            # Newer TOML lets an inline table span lines; what `tomllib` accepts is its affair.
            position = self._skip(_SPACE_LINES_AND_COMMENTS, position)
            if self._text[position] == "}":
                return position + 1
            position = position + 1 if self._text[position] == "," else self._pair(path, position)

    def _skip(self, pattern: re.Pattern[str], position: int) -> int:
        match = pattern.match(self._text, position)
        assert match is not None, "the text was not accepted by tomllib"
        return match.end()

    def _mark(self, path: TomlPath, position: int) -> None:
        self._lines.setdefault(path, bisect_right(self._line_starts, position))


def shown_path(path: TomlPath) -> str:
    """A path as people write it: ("routes", 2, "rate") → "routes[2].rate"."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part}]"
        else:
            quoted = part if _BARE_KEY.fullmatch(part) else f'"{part}"'
            shown += f".{quoted}" if shown else quoted
    return shown


def syntax_error_line(text: str, error: ValueError) -> int:
    """The line of an error that `tomllib` raised; the last line where it says "end of document"."""
    found = re.search(r"\(at line (\d+), column \d+\)", str(error))
    if found:
        return int(found[1])
    return max(1, len(text.splitlines())) if "end of document" in str(error) else 1
