"""Terms of a codebook: words, stems and gaps as written, and what cannot be read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cxresearch.errors import ArgumentError
from cxresearch.stats.text.tokens import HANGUL, UNSPACED, normal_form, word_characters

#: Bounds that keep matching linear in the length of a text, whatever the text: letters that a star stands
#: for, signs between two words, words that a gap ``~N`` may pass over.
STAR_LETTERS, SIGNS_BETWEEN, LONGEST_GAP = 40, 20, 5
#: A star needs so many letters beside it, else it would match nearly everything.
LEAST_STEM = 2
_GAP = re.compile(r"~(\d+)")
_INSIDE_A_WORD = re.compile(f"[{UNSPACED}{HANGUL}]")


@dataclass(frozen=True)
class TermWord:
    """One place of a term: what may stand there, with stars; `gap` words may stand before it."""

    choices: tuple[str, ...]
    gap: int = 0

    @property
    def anywhere(self) -> bool:
        """Whether it may begin inside a word: in scripts without blanks, or of signs alone."""
        return any(_INSIDE_A_WORD.search(choice) or not _has_letters(choice) for choice in self.choices)


def _has_letters(text: str) -> bool:
    return re.search(f"[{word_characters()}]", text) is not None


def read_terms(theme: str, terms: Sequence[str]) -> tuple[tuple[TermWord, ...], ...]:
    """Read the terms of a theme, each once; what cannot be read is refused."""
    return tuple(dict.fromkeys(_read_term(theme, term) for term in terms))


def _read_term(theme: str, term: str) -> tuple[TermWord, ...]:
    """Read one term, or say what is wrong with it."""
    if not isinstance(term, str) or not term.strip() or len(term) > 200:
        raise _unreadable(theme, term, "a text of 1 to 200 characters")
    words: list[TermWord] = []
    gap = 0
    for part in term.split():
        skipped = _GAP.fullmatch(part)
        if skipped:
            gap = int(skipped.group(1))
            if gap > LONGEST_GAP or not words:
                raise _unreadable(theme, term, f"a gap of at most ~{LONGEST_GAP}, between two words")
            continue
        words += _read_part(theme, term, part, gap)
        gap = 0
    if gap or not words:
        raise _unreadable(theme, term, "a word after the gap")
    return tuple(words)


def _read_part(theme: str, term: str, part: str, gap: int) -> list[TermWord]:
    """Read what stands between two blanks: a place with choices, or words that signs divide (don't)."""
    choices = tuple(dict.fromkeys(normal_form(choice) for choice in part.split("|")))
    for choice in choices:
        stem = choice.strip("*")
        if "*" in stem or not stem or (stem != choice and len(stem) < LEAST_STEM):
            raise _unreadable(theme, term, f"stars at the ends of a word of at least {LEAST_STEM} letters")
    letters = f"[{word_characters()}*]+"
    if len(choices) > 1 or not _has_letters(part):
        if any(_has_letters(choice) and not re.fullmatch(letters, choice) for choice in choices):
            raise _unreadable(theme, term, "single words around |")
        return [TermWord(choices, gap)]
    first, *rest = re.findall(letters, choices[0])
    return [TermWord((first,), gap), *(TermWord((word,), 0) for word in rest)]


def _unreadable(theme: str, term: object, wanted: str) -> ArgumentError:
    return ArgumentError(
        f"term {term!r} of theme {theme!r} cannot be read",
        wanted=wanted,
        next_step="write words such as 'expensive', 'pric*', 'too much', 'pay ~2 more|extra'",
    )


def letters_of(choice: str) -> str:
    """One choice as a pattern without its boundaries."""
    star = f"[{word_characters()}]{{0,{STAR_LETTERS}}}"
    text = re.escape(choice.strip("*"))
    if choice.startswith("*"):
        text = star + text
    if choice.endswith("*"):
        text += star
    return text
