"""``themes``: what texts speak of, by a codebook that people wrote or as texts fall together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from cxresearch.checks import check_level
from cxresearch.data.study_file.codebook_file import load_codebook
from cxresearch.errors import ArgumentError, DataError
from cxresearch.metrics.base.metric import Query
from cxresearch.metrics.survey.theme_metrics import ThemedStudy, ThemeMarks, count_mentions, metrics_of
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_estimate, format_value
from cxresearch.stats.text.codebook import Codebook
from cxresearch.stats.text.tokens import words_of
from cxresearch.stats.text.topics import Topics
from cxresearch.stats.text.word_space import Meaning
from cxresearch.voice.why.study_texts import (
    TextSource,
    collect_columns,
    columns_of,
    names_in_customers,
    text_source,
    writers,
)
from cxresearch.voice.why.theme_finders import (
    ThemeFinder,
    discovered_finders,
    finder_of_codebook,
    stability_of_theme,
    theme_marks,
    unnamed_rows,
    words_of_theme,
)
from cxresearch.voice.why.word_meaning import word_meaning

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.data.study import Study


@dataclass(frozen=True, kw_only=True, eq=False)
class Themes(Result):
    """Themes of texts.

    Attributes
    ----------
    table : DataFrame
        One row a theme, most frequent first.
    text : str
        Where the texts stand: ``"responses.comment"``.
    n, n_missing : int
        Texts, and rows without one.
    unnamed : float
        Share of texts that mention no theme.
    notes : tuple of str
    level : float
    """

    table: pd.DataFrame
    text: str
    n: int
    n_missing: int
    unnamed: float
    notes: tuple[str, ...]
    level: float
    themed_study: Any = field(repr=False)
    rows: pd.DataFrame = field(repr=False)
    flags: NDArray[np.bool_] = field(repr=False)

    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="label", label="theme", meaning="what a report calls the theme"),
                Column(
                    name="value",
                    label="share of texts",
                    meaning="texts that mention it / texts, linked within customers",
                    unit=Unit.SHARE,
                    low="low",
                    high="high",
                ),
                Column(name="texts", label="texts", meaning="texts that mention it", unit=Unit.COUNT),
                Column(
                    name="customers", label="customers", meaning="customers who mention it", unit=Unit.COUNT
                ),
                Column(name="source", label="source", meaning="'codebook' or 'discovered'"),
                Column(
                    name="stability", label="stability", meaning="of a discovered theme, 0 to 1; NaN else"
                ),
                Column(name="words", label="words", meaning="that tell it"),
            ),
            title="Themes of {n:,} texts with {level} intervals",
        )
    }

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the themes, most frequent first."""
        return tuple(self.table["theme"])

    @property
    def marks(self) -> ThemeMarks:
        """What marks texts, for the metrics of themes."""
        marks: ThemeMarks = self.themed_study.theme_marks
        return marks

    def label(self, theme: str) -> str:
        """Return what a report calls a theme."""
        return self.marks.labels[theme]

    def mentions(self, texts: Sequence[str]) -> pd.DataFrame:
        """Return which themes other texts mention: one row a text, one column a theme."""
        marked = self.marks.mark(np.array([text or "" for text in texts], dtype=object))
        return pd.DataFrame(marked, columns=list(self.marks.labels))[list(self.names)]

    def of(self, theme: str) -> NDArray[np.bool_]:
        """Return which of ``rows`` mention a theme."""
        if theme not in self.marks.labels:
            raise ArgumentError(f"there is no theme {theme!r}", wanted="one of " + ", ".join(self.names))
        return np.asarray(self.flags[:, list(self.marks.labels).index(theme)])

    @property
    def finding(self) -> str:
        """The answer in a sentence or two."""
        texts = f"{self.n:,} {self.text.rpartition('.')[2]}s"
        if not len(self.table):
            return f"In {texts} no theme comes back reliably enough to be shown."
        first = self.table.iloc[0]
        figure = format_estimate(first["value"], first["low"], first["high"], Unit.SHARE)
        lead = f"{first['label']} is what most of {texts} speak of: {figure}"
        # the four most frequent are what a sentence holds
        further = ", ".join(
            f"{row['label']} {format_value(row['value'], Unit.SHARE)}"
            for row in self.table.iloc[1:4].to_dict("records")
        )
        if further:
            lead += f", before {further}"
        return f"{lead}. {format_value(self.unnamed, Unit.SHARE)} mention none of the themes."

    def to_dict(self) -> dict[str, Any]:
        """Return the table and what goes with it; never a text."""
        shown = ("table", "text", "n", "n_missing", "unnamed", "notes", "level")
        # texts and their writers must not leave with the figures
        plain = replace(self, themed_study=None, rows=pd.DataFrame(), flags=np.zeros((0, 0), dtype=np.bool_))
        values = super(Themes, plain).to_dict()
        return {"finding": self.finding, **{name: values[name] for name in shown}}


def themes(
    study: Study,
    *,
    text: str = "comment",
    codebook: Codebook | Mapping[str, Any] | str | Path | None = None,
    discover: bool | str | Path | Meaning | None = None,
    size: int | None = None,
    language: str = "",
    level: float = 0.95,
    seed: int = 0,
) -> Themes:
    """Say what texts speak of: themes of a codebook, themes discovered in the texts, or both.

    Parameters
    ----------
    study : Study
    text : str
        ``"comment"``, ``"subject"``, ``"body"``, ``"reason"``, or any text column as ``"table.column"``. A
        text that stands under several answers of one customer at one moment counts once; an empty one is
        missing.
    codebook : path, mapping or Codebook, optional
        A ``themes.toml``, or theme to list of words: ``{"price": ["expensive", "pric*"]}``. Exact, in any
        language. By default the one that the study file names under ``[themes]``, if it does.
    discover : bool, path or callable, optional
        Whether to look for themes in the texts that the codebook does not name; by default only without one.
        With a model of the meaning of words they are looked for by it, too: a file of word vectors
        (fastText's ``.vec``), the folder of a sentence-transformers model, or a callable that turns words
        into vectors. Nothing is downloaded.
    size : int, optional
        Number of themes to look for; by default the largest that comes back on resamples.
    language : str
        Language of all texts where it is known (``"en"`` brings scikit-learn's list of stop words), or the
        name of a column that holds it: themes are then looked for in each language by itself. Without it
        stop words are told by their frequency and their company.
    level : float
        Confidence level.
    seed : int
        Of the resamples. The themes of a codebook do not depend on it.

    Returns
    -------
    Themes
        A text may mention several themes, or none. With it ``cx.metric_table(themes, "theme:price", by=...)``
        gives shares by any group and period, and ``"theme_count:price"`` counts.

    Raises
    ------
    ArgumentError
        If there is no such text, or the language is neither a code nor a column.
    DataError
        If no row has a text, or too few to discover anything in.

    Notes
    -----
    No text is printed, and words are those of at least five texts, without the names in the customers table;
    see `theme_quotes` for redacted quotes. Guide: ``docs/why.md``.

    Examples
    --------
    >>> from datetime import date
    >>> from cxresearch.data.study import Study
    >>> from cxresearch.scales import NPS
    >>> answers = pd.DataFrame(
    ...     {
    ...         "customer_id": range(60),
    ...         "instrument": "nps",
    ...         "score": [9, 3, 6] * 20,
    ...         "responded_at": date(2024, 5, 1),
    ...         "comment": ["lovely", "far too expensive", "slow and pricey"] * 20,
    ...     }
    ... )
    >>> study = Study.from_frames(
    ...     {"responses": answers}, observed_until="2024-06-30", instruments={"nps": NPS}
    ... )
    >>> found = themes(study, codebook={"price": ["expensive", "pric*"], "speed": ["slow*"]})
    >>> found.table[["theme", "texts", "customers"]]
       theme  texts  customers
    0  price     40         40
    1  speed     20         20
    """
    check_level(level)
    source = text_source(study, text)
    languages = _language_column(study, source, language)
    rows = _rows(study, source, languages)
    book = study.codebook
    if codebook is not None:
        book = load_codebook(codebook)
    finders = []
    if book is not None:
        finders.append(finder_of_codebook(book))
    # a codebook that people wrote is not added to unless they ask for it
    if discover or (discover is None and book is None):
        left = unnamed_rows(rows, book)
        meaning = word_meaning(discover)
        finders += discovered_finders(
            left, size, language, seed, barred=_barred(study), taken=book, meaning=meaning
        )
    marks = theme_marks(source, finders, rows)
    themed = ThemedStudy(study, marks)
    flags = marks.mark(rows["text"].to_numpy(dtype=object))
    missing = _missing(study, source)
    return Themes(
        table=_table(themed, finders, rows, flags, level),
        text=f"{source.table}.{source.column}",
        n=len(rows),
        n_missing=missing,
        unnamed=float((~flags.any(axis=1)).mean()),
        notes=_notes(finders, missing, source),
        level=level,
        themed_study=themed,
        rows=rows,
        flags=flags,
    )


def _language_column(study: Study, source: TextSource, language: str) -> str:
    """The column that holds languages; empty where the language is a code or unknown."""
    # ISO 639 codes have two letters, with a region five
    if not language or (len(language) in (2, 5) and language not in columns_of(study, source.table)):
        return ""
    if language not in columns_of(study, source.table):
        raise ArgumentError(
            f"language is {language!r}",
            wanted=f"a code such as 'en', or a column of {source.table}",
            next_step="leave it out: stop words are then told by their frequency",
        )
    return language


def _rows(study: Study, source: TextSource, languages: str) -> pd.DataFrame:
    """Texts, one row each: customer_id, moment, text, language, and what else their table says of them."""
    wanted = ("customer_id", source.time, "ticket_id", "instrument", "score", source.column, languages)
    table = collect_columns(study, source.table, tuple(name for name in wanted if name))
    table = table[table[source.column].notna()]
    if not len(table):
        raise DataError(
            f"no row of {source.table} has a {source.column}",
            wanted="texts",
            next_step=f"map the column {source.column} in the study file",
        )
    rows = pd.DataFrame({"text": table[source.column].astype(object).to_numpy()})
    for name, column in (("customer_id", "customer_id"), ("moment", source.time), ("ticket_id", "ticket_id")):
        if column in table:
            rows[name] = table[column].to_numpy()
    rows["language"] = ""
    if languages:
        rows["language"] = table[languages].fillna("").astype(str).to_numpy()
    once = [name for name in ("customer_id", "moment", "text", "language") if name in rows]
    # one survey asks several questions, and its comment stands in the row of each
    if {"customer_id", "moment"} <= set(once) and source.table == "responses":
        rows = rows.drop_duplicates(once)
    return rows.reset_index(drop=True)


def _missing(study: Study, source: TextSource) -> int:
    table = collect_columns(study, source.table, ("customer_id", source.time, source.column))
    empty = table[table[source.column].isna()]
    if source.table == "responses":
        # as with the texts: one answered survey counts once
        empty = empty.drop_duplicates()
    return len(empty)


def _barred(study: Study) -> list[str]:
    """Words of the names in the customers table: they name people, not themes."""
    # whoever is called Price or Will must not name a theme
    return list({word for name in names_in_customers(study) for word in words_of(name)})


def _table(
    themed: ThemedStudy,
    finders: list[ThemeFinder],
    rows: pd.DataFrame,
    flags: NDArray[np.bool_],
    level: float,
) -> pd.DataFrame:
    """One row a theme, most frequent first."""
    query = Query(level=level)
    counts = count_mentions(themed, query)
    shares = {metric.name: metric for metric in metrics_of(themed) if metric.name.startswith("theme:")}
    lines: list[dict[str, Any]] = []
    people = writers(rows)
    for finder in finders:
        for at, name in enumerate(finder.names):
            place = list(themed.theme_marks.labels).index(name)
            # the share is that of the metric, so that both pages print the same number
            cell = shares[f"theme:{name}"].estimate(counts, query).iloc[0]
            mentioned = flags[:, place]
            lines.append(
                {
                    "theme": name,
                    "label": finder.labels[at],
                    "source": "codebook" if isinstance(finder.model, Codebook) else "discovered",
                    "words": words_of_theme(finder.model, at),
                    "texts": int(mentioned.sum()),
                    "customers": len(np.unique(people[mentioned])),
                    **{key: float(cell[key]) for key in ("value", "low", "high")},
                    "stability": stability_of_theme(finder.model, at),
                }
            )
    columns = ["theme", "label", "source", "words", "texts", "customers", "value", "low", "high", "stability"]
    table = pd.DataFrame(lines, columns=columns)
    return table.sort_values("texts", ascending=False, kind="stable", ignore_index=True)


def _notes(finders: list[ThemeFinder], missing: int, source: TextSource) -> tuple[str, ...]:
    notes = []
    if missing:
        notes.append(f"{missing:,} rows of {source.table} have no {source.column} and count nowhere.")
    for finder in finders:
        if isinstance(finder.model, Topics):
            model = finder.model
            where = f" in {finder.language}" if finder.language else ""
            notes.append(
                f"{len(model.names)} themes were discovered{where} from {model.n_texts:,} different texts; "
                f"{model.unstable} more did not come back on resamples and are not shown."
            )
            notes.append("Discovered themes are named by their words: check them with theme_sample.")
    return tuple(notes)
