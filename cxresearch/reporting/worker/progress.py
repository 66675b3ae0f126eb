"""What a run says while it runs: one line rewritten on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import re
import time
from typing import TextIO

#: Where there is no terminal, a line at most so often.
_EVERY_SECONDS = 5.0
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def one_line(text: str) -> str:
    """Return a text as one line without control characters: what customers wrote must not steer a terminal.

    Examples
    --------
    >>> one_line("NPS rose" + chr(10) + "by 3 points")
    'NPS rose by 3 points'
    """
    return re.sub(r" {2,}", " ", _CONTROL.sub(" ", str(text))).strip()


def plain_lines(text: object) -> str:
    r"""Return a text with its lines and without other control characters; see `one_line`.

    Examples
    --------
    >>> plain_lines("plan" + chr(27) + "[2J" + chr(10) + "  basic")
    'plan [2J\n  basic'
    """
    return "\n".join(_CONTROL.sub(" ", line) for line in str(text).split("\n"))


class Progress:
    """Tells which cell is running; called with its number and their count.

    Parameters
    ----------
    stream : text stream
        Where to; a terminal gets one line that is rewritten, anything else whole lines.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._on_terminal = stream.isatty()
        self._began = time.monotonic()
        self._told = float("-inf")

    def __call__(self, cell: int, count: int) -> None:
        """Say where the run is."""
        now = time.monotonic()
        if self._on_terminal:
            print(f"\r\033[Kcell {cell} of {count}", end="", file=self._stream, flush=True)
        elif now - self._told >= _EVERY_SECONDS or cell == count:
            print(f"cell {cell} of {count}, {now - self._began:.0f} s", file=self._stream, flush=True)
            self._told = now

    def end(self) -> None:
        """Clear the line of a terminal."""
        if self._on_terminal:
            print("\r\033[K", end="", file=self._stream, flush=True)
