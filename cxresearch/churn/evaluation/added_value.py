"""``added_value``: what scores add to a churn model that already knows everything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cxresearch.checks import check_level
from cxresearch.churn.classifier.churn_model import ModelKind
from cxresearch.churn.classifier.fit_churn import fit_churn
from cxresearch.churn.classifier.training_rows import readable_columns
from cxresearch.churn.evaluation.evaluate_churn import auc_contrasts, held_out_rows, values_with_ends
from cxresearch.churn.evaluation.evaluation_result import NestedEvaluation
from cxresearch.churn.evaluation.evaluation_tables import Judged
from cxresearch.data.landmarks.landmarks import Landmarks
from cxresearch.errors import DataError
from cxresearch.stats.prediction.ipcw import ipcw_auc, ipcw_brier

if TYPE_CHECKING:
    from numpy.typing import NDArray


def added_value(
    marks: Landmarks,
    *,
    model: ModelKind = "logistic",
    kind: str = "any",
    leave_out: Sequence[str] = (),
    test_share: float = 0.3,
    level: float = 0.95,
    seed: int = 0,
) -> NestedEvaluation:
    """Fit the same model without scores, with each score and with all, and compare them on held-out rows.

    Parameters
    ----------
    marks, model, kind, leave_out, test_share, seed
        As in ``fit_churn``. A score's own columns are those named ``<instrument>`` and ``<instrument>_...``;
        how often somebody answers is not a score and stays in every model.
    level : float
        Confidence level.

    Returns
    -------
    NestedEvaluation

    Raises
    ------
    DataError
        If there is nothing but scores, or hardly anybody is held out.

    Notes
    -----
    All models share one split, so they are judged on the same rows that none has seen: the trouble of testing
    nested models on their training rows does not arise (Demler et al. 2012, doi:10.1002/sim.5328).

    Examples
    --------
    >>> import cxresearch as cx
    >>> study = cx.synthetic.company_study(seed=1, customers=800)
    >>> marks = cx.landmark(study, every="quarter", horizon_days=180)
    >>> len(cx.classifier.added_value(marks).contrasts)
    4
    """
    check_level(level)
    columns_of = {name: _own_columns(name, marks) for name in marks.instruments}
    sets: dict[str, list[str]] = {"without scores": []}
    sets |= {f"with {marks.instruments[name].label}": [name] for name in columns_of}
    sets |= {"with all scores": list(columns_of)} if len(columns_of) > 1 else {}
    if not set(readable_columns(marks, leave_out)[0]) - {
        c for columns in columns_of.values() for c in columns
    }:
        raise DataError(
            "these landmarks hold scores alone, so there is nothing for the scores to add to",
            next_step="use cx.compare for scores alone, or landmarks with tenure and other features",
        )
    risks: dict[str, NDArray[np.float64]] = {}
    for label, used in sets.items():
        # The same model without the columns of some scores.
        out = [column for name, columns in columns_of.items() if name not in used for column in columns]
        fitted = fit_churn(
            marks,
            model=model,
            kind=kind,
            leave_out=list(dict.fromkeys([*leave_out, *out])),
            test_share=test_share,
            members=0,
            seed=seed,
        )
        rows = held_out_rows(fitted, marks)[1]
        # One split for all, so all are judged on the same rows.
        risks[label] = rows.risk
    return _nested(risks, rows, model, level)


def _own_columns(name: str, marks: Landmarks) -> list[str]:
    """Columns of a score that a model could read."""
    readable = [name, f"{name}_age_days", *(c for c in marks.features if c.startswith(f"{name}_"))]
    return [column for column in dict.fromkeys(readable) if column in marks.frame.columns]


def _nested(
    risks: dict[str, NDArray[np.float64]], rows: Judged, model: str, level: float
) -> NestedEvaluation:
    names = list(risks)
    auc = ipcw_auc(rows.duration, rows.event, list(risks.values()), [rows.horizon])
    brier = ipcw_brier(rows.duration, rows.event, [[risk] for risk in risks.values()], [rows.horizon])
    by_metric = {
        "auc": values_with_ends(auc, names, rows, level),
        "brier": values_with_ends(brier, [*names, "prevalence"], rows, level)[: len(names)],
    }
    table = pd.DataFrame({"features": names})
    for metric, values in by_metric.items():
        for end, at in (("", 2), ("_low", 3), ("_high", 4)):
            table[metric + end] = [row[at] for row in values]
    pairs = [(name, names[0]) for name in names[1:]]
    return NestedEvaluation(
        table=table,
        contrasts=auc_contrasts(auc, names, rows, level=level, pairs=pairs),
        n=int((rows.weight > 0).sum()),
        cases=int((rows.left & (rows.weight > 0)).sum()),
        level=level,
        model=model,
    )
