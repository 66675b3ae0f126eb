"""What a recognised export may feed: as its vendor says, completed by what the general reading has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cxresearch.data.formats.recognise_export import Recognised
from cxresearch.data.starter.guess_table import Guess, match_columns
from cxresearch.data.starter.score_columns import SurveyColumns, survey_columns
from cxresearch.data.table_layouts import LAYOUTS

#: Free text is longer than a choice, and hardly repeats.
_LETTERS, _DIFFERENT = 15, 0.6


def _is_free_text(values: Sequence[str]) -> bool:
    if not values:
        return False
    long = sum(map(len, values)) >= _LETTERS * len(values)
    spaced = sum(" " in value for value in values) >= _DIFFERENT * len(values)
    return long and spaced and len(set(values)) >= _DIFFERENT * len(values)


def guess_export(
    match: Recognised,
    general: Guess,
    sample: Mapping[str, Sequence[str]],
    titles: Mapping[str, str],
) -> Guess:
    """Return what a recognised export feeds.

    Parameters
    ----------
    match : Recognised
        The file as an export.
    general : Guess
        What it would be without.
    sample : mapping of str to sequence of str
        First values of each raw column.
    titles : mapping of str to str
        Questions by raw column.
    """
    export = match.export
    if match.left_out:
        return Guess(table="", columns={}, further=tuple(sample))
    columns = match.columns()
    known = match.known()
    others = {name: values for name, values in sample.items() if name not in known}
    # A required column under another name is looked for by the general reading, and asked about.
    alike = match_columns(export.table, list(others))
    for target in LAYOUTS[export.table].required:
        fixed = export.columns.get(target)
        if target not in columns and target in alike and not (fixed and fixed.constant) and not export.scores:
            columns[target] = alike[target]
    survey = SurveyColumns()
    if export.scores:
        survey = survey_columns(others, unnamed=True, titles=titles)
        comments = [name for name, values in others.items() if _is_free_text(values)]
        if len(comments) == 1:
            columns["comment"] = comments[0]
    used = {*columns.values(), *survey.scores.values(), *survey.worded.values()}
    first = [raw for raw in map(match.column, export.further.values()) if raw]
    further = tuple(name for name in dict.fromkeys((*first, *sample)) if name not in used)
    return replace(general, table=export.table, columns=columns, survey=survey, further=further, rows="")
