"""Texts to words, in any script: a normal form, boundaries, pairs of letters where nobody writes spaces."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

#: Texts are read in blocks of so many, which bounds the memory of their words.
BLOCK_TEXTS = 20_000
#: Scripts written without spaces: Thai, Lao, Myanmar, Khmer, kana, Han.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
#: Hangul is written with spaces, yet particles are glued to words.
HANGUL = "\u1100-\u11ff\uac00-\ud7af"
_LAST_MARK = 0xFFFF  # beyond this plane a character class is no longer a table look-up


@lru_cache(maxsize=1)
def _marks() -> str:
    """Combining marks as ranges of a character class: part of a word in Indic, Thai and Semitic scripts."""
    points = [point for point in range(0x300, _LAST_MARK) if unicodedata.category(chr(point)).startswith("M")]
    ranges: list[list[int]] = []
    for point in points:
        if ranges and point == ranges[-1][1] + 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


@lru_cache(maxsize=1)
def word_characters() -> str:
    """Return what a word is made of, as the inside of a character class: letters, digits, ``_``, marks."""
    return rf"\w{_marks()}"


@lru_cache(maxsize=1)
def _marked_word() -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(f"[{_marks()}]"), re.compile(f"[{word_characters()}]+")


_ASCII_WORD = re.compile(r"\w+", re.ASCII)
_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_RUNS = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")
# Soft hyphen, zero-width characters, marks of direction, variants of glyphs: unseen, so they must not split
# a word.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe0e\ufe0f\ufeff]")


def normal_form(text: str) -> str:
    """Return a text in the form in which words are compared.

    Compatibility forms are unified (NFKC), case is folded, invisible characters are dropped. Accents are
    kept.

    Examples
    --------
    >>> normal_form("Ｓtraße"), normal_form("pri\u200bce")
    ('strasse', 'price')
    """
    if text.isascii():
        return text.lower()
    folded = _INVISIBLE.sub("", text).casefold()
    if unicodedata.is_normalized("NFKC", folded):
        return folded
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())


def words_of(text: str) -> list[str]:
    """Return the words of a text in their order; unspaced scripts give overlapping pairs of letters.

    Examples
    --------
    >>> words_of("Too expensive, and slow!"), words_of("価格が高い")
    (['too', 'expensive', 'and', 'slow'], ['価格', '格が', 'が高', '高い'])
    """
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    normal = normal_form(text)
    mark, pattern = _marked_word()
    if not mark.search(normal):
        pattern = _WORD
    words: list[str] = pattern.findall(normal)
    if not _UNSPACED.search(normal):
        return words
    return [piece for word in words for run in _RUNS.findall(word) for piece in _pairs(run)]


def _pairs(run: str) -> list[str]:
    if len(run) < 3 or not _UNSPACED.match(run):
        return [run]
    return [run[at : at + 2] for at in range(len(run) - 1)]


class WordNumbers:
    """Numbers of words, given in the order in which they are first met, or of a fixed list.

    Parameters
    ----------
    words : sequence of str, optional
        Words to know. With them no other is added: other words of a text are passed over.
    longest : int, optional
        Characters of a text that are read; all of them by default.
    """

    def __init__(self, words: Sequence[str] | None = None, *, longest: int | None = None) -> None:
        self.numbers: dict[str, int] = {word: at for at, word in enumerate(words or ())}
        self.fixed = words is not None
        self.longest = longest

    def blocks(self, texts: Sequence[str]) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
        """Yield for each block of texts: position of its first text, text of each word, number of each word.

        Texts count from 0 within the block; words stand in their order.
        """
        for first in range(0, len(texts), BLOCK_TEXTS):
            block = texts[first : first + BLOCK_TEXTS]
            lists = [words_of(text[: self.longest]) for text in block]
            lengths = np.fromiter(map(len, lists), dtype=np.int64, count=len(lists))
            flat = chain.from_iterable(lists)
            rows = np.repeat(np.arange(len(lists)), lengths)
            if not self.fixed:
                yield first, rows, self._numbered(flat)
                continue
            numbers = self._known(flat)
            there = numbers >= 0
            yield first, rows[there], numbers[there]

    def _known(self, words: Iterator[str]) -> NDArray[np.int64]:
        get = self.numbers.get
        return np.array([get(word, -1) for word in words], dtype=np.int64)

    def _numbered(self, words: Iterator[str]) -> NDArray[np.int64]:
        numbers = self.numbers
        return np.array([numbers.setdefault(word, len(numbers)) for word in words], dtype=np.int64)
