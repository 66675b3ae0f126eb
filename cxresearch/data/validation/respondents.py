"""The answers of people who are no customers as a study of their own."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import narwhals as nw

from cxresearch.data.validation.outside_answers import RESPONDENTS
from cxresearch.errors import ArgumentError

if TYPE_CHECKING:
    from cxresearch.data.study import Study


def respondents(study: Study) -> Study:
    """Return the answers of respondents who are not customers, with what their table says of them.

    Employees, prospects and partners answer surveys, too. Those whom the table ``respondents`` lists never
    count as customers: their answers are left out of ``responses`` (and counted there), and stand here.

    Parameters
    ----------
    study : Study
        With ``responses`` and ``respondents``. Who is listed there and among the customers is a customer.

    Returns
    -------
    Study
        With ``responses`` alone; ``customer_id`` is the respondent, and ``kind`` and further columns of the
        respondents stand beside, unless answers have a column of that name. It has no customers, so nothing
        in it is about staying or revenue. Answers that break a rule are set aside, as ever.

    Raises
    ------
    ArgumentError
        If the study lists no respondents, or has no answers.

    Notes
    -----
    Guide: ``docs/study-file.md``.

    Examples
    --------
    >>> import pandas as pd
    >>> import cxresearch as cx
    >>> answers = pd.DataFrame(
    ...     {"customer_id": ["c1", "e1", "e2"], "responded_at": "2024-05-01", "NPS": [9, 3, 10]}
    ... )
    >>> study = cx.Study.from_frames(
    ...     customers=pd.DataFrame({"customer_id": ["c1"], "started_at": ["2024-01-01"]}),
    ...     respondents=pd.DataFrame({"respondent_id": ["e1", "e2"], "kind": "employee"}),
    ...     responses=answers,
    ...     scores={"NPS": "nps"},
    ...     observed_until="2024-12-31",
    ... )
    >>> study.counts().set_index("table").loc["responses"].tolist()
    [3, 1, 0, 2]
    >>> cx.metric_table(respondents(study), "nps", by="kind")[["kind", "n"]].values.tolist()
    [['employee', 2]]
    """
    rows = study.checked.outside
    if rows is None:
        raise ArgumentError(
            "the study lists no respondents beside its customers",
            wanted="tables responses and respondents (respondent_id, kind)",
            next_step="map a list of employees or prospects as table = 'respondents'",
        )
    columns = [name for name in rows.collect_schema().names() if not name.startswith("_")]
    people = study.table(RESPONDENTS)
    further = [name for name in people.collect_schema().names() if name not in {"respondent_id", *columns}]
    people = people.select(*further, customer_id=nw.col("respondent_id"))
    answers = rows.select(*columns).join(people, on="customer_id", how="left")
    return type(study).from_frames(
        {"responses": answers.to_native()},
        observed_until=study.observed_until.replace(tzinfo=UTC),
        instruments=study.instruments,
        timezone=study.timezone,
        name=f"{study.name}, respondents".removeprefix(", "),
        on_reject="set_aside",
    )
