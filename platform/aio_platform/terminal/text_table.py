"""Rows of text for a terminal."""

from collections.abc import Sequence


def aligned(lines: Sequence[Sequence[str]], texts: int) -> str:
    """The lines in columns of one width each: the first `texts` to the left, figures to the right.

    At least one line, all of one length; the first is usually the headings.
    """
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
