"""How far the models come on the way to the best any could do; prints the table of docs/classifier.md."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

import cxresearch as cx
from cxresearch.churn.evaluation.evaluate_churn import held_out_rows


@pytest.mark.slow
@pytest.mark.parametrize("customers", [5_000, 20_000])
def test_between_the_best_score_and_the_optimum(customers: int, capsys: pytest.CaptureFixture[str]) -> None:
    marks = cx.landmark(
        cx.synthetic.company_study(seed=1, customers=customers),
        every="quarter",
        horizon_days=180,
        stacked=True,
        keep_silent=True,
    )
    truth = cx.synthetic.company_truth(seed=1, customers=customers)
    found = {}
    for kind in ("boosting", "logistic"):
        model = cx.fit_churn(marks, model=kind)
        found[kind] = cx.evaluate_churn(model, marks)
    frame, rows, _ = held_out_rows(model, marks)
    risks = pd.concat(
        truth.risk(pd.Timestamp(day).to_pydatetime(), horizon_days=180).assign(landmark_at=day)
        for day in frame["landmark_at"].unique()
    )
    known = frame[["customer_id", "landmark_at"]].merge(risks, on=["customer_id", "landmark_at"], how="left")
    optimum = roc_auc_score(rows.left, known["risk"])
    boosting = found["boosting"].estimate("auc").value
    scores = {
        name: found["boosting"].estimate("auc", f"{name} only").value for name in ("NPS", "CSAT", "CES")
    }
    best = max(scores, key=lambda name: scores[name])
    with capsys.disabled():
        print(f"\n{customers:,} customers ({len(frame):,} rows, {rows.left.sum():,} left)")
        print(f"  optimum: {optimum:.3f}")
        for kind, evaluation in found.items():
            print(f"  {kind}: {evaluation.estimate('auc')}")
            print(f"    {evaluation.estimate('calibration_slope')}")
        print(f"  tenure only: {found['boosting'].estimate('auc', 'tenure only').value:.3f}")
        print(f"  best score alone ({best}): {scores[best]:.3f}")
    assert scores[best] < boosting < optimum
    assert (boosting - 0.5) / (optimum - 0.5) > 0.6
    assert (scores[best] - 0.5) / (optimum - 0.5) < 0.4
