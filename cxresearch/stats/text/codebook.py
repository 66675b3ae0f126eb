"""A codebook: themes as lists of words and patterns, matched exactly, in any script, in linear time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from cxresearch.errors import ArgumentError
from cxresearch.stats.text.codebook_terms import (
    LEAST_STEM,
    SIGNS_BETWEEN,
    STAR_LETTERS,
    TermWord,
    letters_of,
    read_terms,
)
from cxresearch.stats.text.tokens import BLOCK_TEXTS, WordNumbers, normal_form, word_characters

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class CodebookTheme:
    """One theme of a codebook.

    Attributes
    ----------
    name : str
        Short name: ``"price"``.
    words : tuple of str
        Terms, any of which makes a text mention the theme. A term is a word or several in their order;
        ``*`` at an end of a word stands for up to 40 letters, ``a|b`` for either, ``~3`` for up to 3 words
        in between. Chinese, Japanese, Thai and Korean terms, and emojis, are found within words too.
    unless : tuple of str
        Passages that do not count, such as ``"price list"``.
    label : str
        What a report prints; the name where empty.
    """

    name: str
    words: tuple[str, ...]
    unless: tuple[str, ...] = ()
    label: str = ""

    @property
    def title(self) -> str:
        """The label, or the name in its place."""
        return self.label or self.name.replace("_", " ")


@dataclass(frozen=True, kw_only=True)
class Codebook:
    """Themes matched by their words.

    Parameters
    ----------
    themes : tuple of CodebookTheme

    Raises
    ------
    ArgumentError
        If a name occurs twice, a theme has no words, or a term cannot be read; the message says how one
        looks.

    Examples
    --------
    >>> price = CodebookTheme(name="price", words=("expensive", "pric*", "pay ~2 more|extra"))
    >>> book = Codebook(themes=(price,))
    >>> book.match(["Too EXPENSIVE!", "I pay a lot more now", "precise", ""])[:, 0]
    array([ True,  True, False, False])
    """

    themes: tuple[CodebookTheme, ...]
    _terms: tuple[tuple[tuple[TermWord, ...], ...], ...] = field(init=False, repr=False)
    _unless: tuple[re.Pattern[str] | None, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        names = [theme.name for theme in self.themes]
        if len(set(names)) < len(names) or not names:
            raise ArgumentError(f"the codebook's themes are {names!r}", wanted="one or more different names")
        terms = [read_terms(theme.name, theme.words) for theme in self.themes]
        unless = [read_terms(theme.name, theme.unless) for theme in self.themes]
        for theme, read in zip(self.themes, terms, strict=True):
            if not read:
                raise ArgumentError(f"theme {theme.name!r} has no words", wanted="words = ['expensive', ...]")
        object.__setattr__(self, "_terms", tuple(terms))
        object.__setattr__(self, "_unless", tuple(_any_of(read) for read in unless))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the themes in their order."""
        return tuple(theme.name for theme in self.themes)

    def match(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return which themes each text mentions, shape (texts, themes).

        Parameters
        ----------
        texts : sequence of str, length n
            A missing text is an empty one.
        """
        flags = np.zeros((len(texts), len(self.themes)), dtype=np.bool_)
        numbers = WordNumbers()
        seen = _Seen(self._places)
        for first, rows, words in numbers.blocks(texts):
            seen.extend(list(numbers.numbers)[seen.size :])
            block = texts[first : first + BLOCK_TEXTS]
            self._match_block(_Block(block), flags[first:], seen.places(rows, words, len(block)))
        return flags

    def words_of(self, theme: int) -> tuple[str, ...]:
        """Return the terms of a theme, as they were written."""
        return self.themes[theme].words

    def passages(self, text: str) -> dict[str, list[str]]:
        """Return the passages of a text that made it mention each theme, for people who check.

        Examples
        --------
        >>> book = Codebook(themes=(CodebookTheme(name="price", words=("pric*", "too ~1 much")),))
        >>> book.passages("The prices are way too damn much")
        {'price': ['prices', 'too damn much']}
        """
        normal = normal_form(text)
        passages: dict[str, list[str]] = {}
        for theme, terms, unless in zip(self.themes, self._terms, self._unless, strict=True):
            rest = normal
            if unless:
                rest = unless.sub(" ", normal)
            words = [match.group(0) for term in terms for match in _pattern(term).finditer(rest)]
            if words:
                passages[theme.name] = words
        return passages

    @cached_property
    def _places(self) -> tuple[TermWord, ...]:
        """Every place of every term that is a whole word, each once: words are compared with them."""
        words = (word for terms in self._terms for term in terms for word in term if not word.anywhere)
        return tuple(dict.fromkeys(TermWord(word.choices) for word in words))

    def _match_block(self, block: _Block, flags: NDArray[np.bool_], places: sparse.csc_matrix) -> None:
        number = {word.choices: at for at, word in enumerate(self._places)}
        for theme, terms in enumerate(self._terms):
            hits = np.zeros(places.shape[0], dtype=np.bool_)
            for term in terms:
                columns = [_rows_of(places, number[word.choices]) for word in term if not word.anywhere]
                if len(term) == 1 and columns:
                    hits[columns[0]] = True
                    continue
                # texts that hold all whole words of the term; without one, all that can hold its letters
                candidates: Iterable[int] = block.able(term)
                if columns:
                    candidates = _in_all(columns)
                search = _pattern(term).search
                hits[[row for row in candidates if search(block.normal(row))]] = True
            flags[: hits.size, theme] = self._still(theme, block, hits)

    def _still(self, theme: int, block: _Block, hits: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Drop the hits that lie only within passages that do not count."""
        unless = self._unless[theme]
        if unless is None:
            return hits
        wanted = [_pattern(term) for term in self._terms[theme]]
        for row in np.flatnonzero(hits).tolist():
            normal = block.normal(row)
            if unless.search(normal):
                rest = unless.sub(" ", normal)
                hits[row] = any(pattern.search(rest) for pattern in wanted)
        return hits


class _Block:
    """Some texts and, once asked for, their normal forms."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._normal: dict[int, str] = {}

    def normal(self, row: int) -> str:
        """Return the normal form of one text."""
        if row not in self._normal:
            self._normal[row] = normal_form(self._texts[row])
        return self._normal[row]

    def able(self, term: tuple[TermWord, ...]) -> list[int]:
        """Return the texts that can hold a term of letters beyond ASCII: those that have such letters."""
        plain = any(choice.isascii() for word in term for choice in word.choices)
        return [row for row, text in enumerate(self._texts) if text and (plain or not text.isascii())]


class _Seen:
    """Which words of the texts stand at which places of the terms; each different word is looked at once."""

    def __init__(self, places: tuple[TermWord, ...]) -> None:
        self.size = 0
        self._count = len(places)
        self._exact: dict[str, list[int]] = {}
        self._starts: dict[str, list[tuple[int, re.Pattern[str]]]] = {}
        self._ends: dict[str, list[tuple[int, re.Pattern[str]]]] = {}
        self._word: list[int] = []
        self._place: list[int] = []
        for at, word in enumerate(places):
            for choice in word.choices:
                self._file(at, choice)

    def _file(self, at: int, choice: str) -> None:
        stem = choice.strip("*")
        if stem == choice:
            self._exact.setdefault(choice, []).append(at)
            return
        entry = (at, re.compile(letters_of(choice)))
        if not choice.startswith("*"):
            self._starts.setdefault(stem[:LEAST_STEM], []).append(entry)
        elif choice.endswith("*"):
            # a stem within a word has no end to look it up by
            self._ends.setdefault("", []).append(entry)
        else:
            self._ends.setdefault(stem[-LEAST_STEM:], []).append(entry)

    def extend(self, words: Sequence[str]) -> None:
        """Look at further words, in the order of their numbers."""
        inner = self._ends.get("", [])
        for number, word in enumerate(words, start=self.size):
            starred = self._starts.get(word[:LEAST_STEM], []) + self._ends.get(word[-LEAST_STEM:], []) + inner
            places = {at for at, pattern in starred if pattern.fullmatch(word)}
            places.update(self._exact.get(word, ()))
            self._word += [number] * len(places)
            self._place += places
        self.size += len(words)

    def places(self, rows: NDArray[np.int64], words: NDArray[np.int64], size: int) -> sparse.csc_matrix:
        """Return which texts of a block have a word for each place, shape (texts, places)."""
        counts = (np.ones(len(rows), dtype=np.int32), (rows, words))
        texts = sparse.csr_matrix(counts, shape=(size, self.size))
        ones = np.ones(len(self._word), dtype=np.int32)
        table = sparse.csr_matrix((ones, (self._word, self._place)), shape=(self.size, self._count))
        return sparse.csc_matrix(texts @ table)


def _rows_of(places: sparse.csc_matrix, at: int) -> NDArray[np.int32]:
    return np.asarray(places.indices[places.indptr[at] : places.indptr[at + 1]])


def _in_all(columns: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    rows = columns[0]
    for column in columns[1:]:
        rows = np.intersect1d(rows, column)
    return rows


def _source(term: tuple[TermWord, ...]) -> str:
    inside = word_characters()
    between = f"[^{inside}]{{1,{SIGNS_BETWEEN}}}"
    parts = [_place(term[0], inside)]
    for before, word in pairwise(term):
        apart_by = f"(?:{between})"
        if before.anywhere or word.anywhere:
            # scripts without spaces have nothing in between
            apart_by += "?"
        if word.gap:
            apart_by += f"(?:[{inside}]{{1,{STAR_LETTERS}}}{between}){{0,{word.gap}}}"
        parts.append(apart_by + _place(word, inside))
    return "".join(parts)


def _place(word: TermWord, inside: str) -> str:
    choices = "|".join(letters_of(choice) for choice in word.choices)
    if word.anywhere:
        return f"(?:{choices})"
    return f"(?<![{inside}])(?:{choices})(?![{inside}])"


_COMPILED: dict[tuple[TermWord, ...], re.Pattern[str]] = {}


def _pattern(term: tuple[TermWord, ...]) -> re.Pattern[str]:
    if term not in _COMPILED:
        _COMPILED[term] = re.compile(_source(term))
    return _COMPILED[term]


def _any_of(terms: tuple[tuple[TermWord, ...], ...]) -> re.Pattern[str] | None:
    if not terms:
        return None
    return re.compile("|".join(_source(term) for term in terms))


def read_codebook(themes: Mapping[str, object]) -> Codebook:
    """Return a codebook from plain values: theme to list of words, or to a table with ``words``.

    Examples
    --------
    >>> read_codebook({"price": ["expensive"], "speed": {"words": ["slow"], "label": "Speed"}}).names
    ('price', 'speed')
    """
    return Codebook(themes=tuple(_read_theme(name, given) for name, given in themes.items()))


def _read_theme(name: str, given: object) -> CodebookTheme:
    table: Mapping[str, Any] = {"words": given}
    if isinstance(given, Mapping):
        table = given
    unknown = set(table) - {"words", "unless", "label"}
    lists: list[Any] = [table.get("words"), table.get("unless", [])]
    if unknown or not all(isinstance(terms, (list, tuple)) for terms in lists):
        raise ArgumentError(
            f"theme {name!r} is {given!r}"[:300],
            wanted="a list of words, or a table with words and, as wanted, unless and label",
        )
    if not isinstance(name, str) or not re.fullmatch(r"[^\W_][\w -]{0,60}", name):
        raise ArgumentError(f"theme name {name!r}", wanted="up to 61 letters, digits, blanks, - and _")
    return CodebookTheme(
        name=name,
        words=tuple(lists[0] or ()),
        unless=tuple(lists[1] or ()),
        label=str(table.get("label", "")),
    )
