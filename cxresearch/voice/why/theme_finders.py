"""What finds themes: a codebook, or themes discovered in each language; and the marks they give to texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cxresearch.metrics.survey.theme_metrics import ThemeMarks
from cxresearch.stats.text.codebook import Codebook
from cxresearch.stats.text.topics import LEAST, Topics, discover_topics
from cxresearch.stats.text.word_space import Meaning

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.voice.why.study_texts import TextSource


@dataclass(frozen=True, kw_only=True, eq=False)
class ThemeFinder:
    """Themes that were given a name, and what marks a text with them.

    ``language`` limits discovered themes to texts of that language; empty means all.
    """

    model: Codebook | Topics
    names: tuple[str, ...]
    labels: tuple[str, ...]
    language: str = ""


def finder_of_codebook(book: Codebook) -> ThemeFinder:
    """Return what finds the themes of a codebook."""
    return ThemeFinder(model=book, names=book.names, labels=tuple(theme.title for theme in book.themes))


def unnamed_rows(rows: pd.DataFrame, book: Codebook | None) -> pd.DataFrame:
    """Return the rows whose text mentions no theme of a codebook; all without one."""
    if book is None:
        return rows
    unnamed = np.flatnonzero(~book.match(rows["text"].tolist()).any(axis=1))
    return rows.iloc[unnamed]


def discovered_finders(
    rows: pd.DataFrame,
    size: int | None,
    language: str,
    seed: int,
    *,
    barred: list[str],
    taken: Codebook | None,
    meaning: Meaning | None = None,
) -> list[ThemeFinder]:
    """Themes discovered in each language by itself."""
    groups = list(rows.groupby("language", sort=True))
    # one language needs no mark on the names of its themes
    several = len(groups) > 1
    used = set()
    if taken is not None:
        used |= set(taken.names)
    finders = []
    for group, texts in groups:
        # a rare language has too few texts to learn from; its texts mention nothing discovered
        if several and texts["text"].nunique() < LEAST:
            continue
        code = str(group) or language
        topics = discover_topics(
            texts["text"].tolist(),
            size=size,
            stop_words=[*barred, *stop_words_of(code)],
            meaning=meaning,
            seed=seed,
        )
        names = [f"{name} ({group})" if several else name for name in topics.names]
        names = [f"{name} 2" if name in used else name for name in names]
        # names are columns of metrics, so they must differ over languages and from the codebook's
        used |= set(names)
        labels = tuple(", ".join(words[:3]) for words in topics.top_words)
        finders.append(
            ThemeFinder(
                model=topics, names=tuple(names), labels=labels, language=str(group) if several else ""
            )
        )
    return finders


def stop_words_of(code: str) -> list[str]:
    """Return the stop words of a language that scikit-learn knows: English; none of another."""
    if code.lower().split("-")[0].split("_")[0] not in ("en", "english"):
        return []
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return sorted(ENGLISH_STOP_WORDS)


def theme_marks(source: TextSource, finders: list[ThemeFinder], rows: pd.DataFrame) -> ThemeMarks:
    """Return what marks texts with all themes; texts that are known are marked once."""
    names = [name for finder in finders for name in finder.names]
    labels = [label for finder in finders for label in finder.labels]
    spoken = rows.groupby("text")["language"].first()
    languages = {str(text): str(language) for text, language in spoken.items()}
    # short comments repeat themselves: each different text is marked once
    known = pd.Index(pd.unique(rows["text"]))
    flags = _flags(known.to_numpy(dtype=object), finders, languages)

    def mark(texts: NDArray[Any]) -> NDArray[np.bool_]:
        place = known.get_indexer(pd.Index(texts))
        marked = np.zeros((len(texts), len(names)), dtype=np.bool_)
        marked[place >= 0] = flags[place[place >= 0]]
        new = place < 0
        if new.any():
            marked[new] = _flags(texts[new], finders, languages)
        return marked

    return ThemeMarks(
        table=source.table,
        column=source.column,
        time=source.time,
        labels=MappingProxyType(dict(zip(names, labels, strict=True))),
        mark=mark,
    )


def _flags(
    texts: NDArray[Any], finders: list[ThemeFinder], languages: Mapping[str, str]
) -> NDArray[np.bool_]:
    parts = [np.zeros((len(texts), 0), dtype=np.bool_)]
    for finder in finders:
        marked = finder.model.match(texts.tolist())
        if finder.language:
            spoken = np.array([languages.get(text, "") == finder.language for text in texts], dtype=np.bool_)
            marked = marked & spoken[:, None]
        parts.append(marked)
    return np.concatenate(parts, axis=1)


def words_of_theme(model: Codebook | Topics, at: int) -> str:
    """Return the words that tell a theme, joined."""
    words = model.words_of(at)
    return ", ".join(words[:8])


def stability_of_theme(model: Codebook | Topics, at: int) -> float:
    """Return how surely a discovered theme comes back; NaN for one of a codebook."""
    return float("nan") if isinstance(model, Codebook) else float(model.stability[at])
