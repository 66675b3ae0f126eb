"""The churn classifier on a million landmark rows: seconds for each step, peak memory, scoring."""

import resource
import time

import numpy as np
import pandas as pd

import cxresearch as cx
from cxresearch.data.landmarks.landmarks import Landmarks
from cxresearch.scales import CES2, CSAT, NPS

ROWS, CUSTOMERS, DATES, FEATURES = 1_000_000, 125_000, 8, 24


def million_rows(seed: int = 1) -> Landmarks:
    """Eight landmarks of 125,000 customers: three scores, half of them missing, and 24 features."""
    rng = np.random.default_rng(seed)
    who = np.tile(np.arange(CUSTOMERS), DATES)
    mood = rng.normal(size=CUSTOMERS)[who]
    columns: dict[str, object] = {f"feature_{i}": rng.normal(size=ROWS) + 0.1 * mood for i in range(FEATURES)}
    for name, low, high in (("nps", 0, 10), ("csat", 1, 5), ("ces", 1, 7)):
        score = np.clip(np.round((low + high) / 2 + mood + rng.normal(size=ROWS)), low, high)
        columns[name] = np.where(rng.random(ROWS) < 0.5, score, np.nan)
    risk = 0.0008 * np.exp(-0.5 * mood + 0.4 * columns["feature_0"])
    leaves, cut = rng.exponential(1 / risk), rng.exponential(3_000, ROWS)
    frame = pd.DataFrame(
        {
            "customer_id": np.char.add("c", who.astype(str)),
            "landmark_at": np.repeat(pd.date_range("2022-01-01", periods=DATES, freq="91D"), CUSTOMERS),
            "duration_days": np.minimum(leaves, cut) + 1e-3,
            "event": (leaves < cut).astype(int),
            "tenure_days": rng.uniform(0, 2_000, ROWS),
            "segment": rng.choice(["smb", "mid", "enterprise"], ROWS),
            **columns,
        }
    )
    return Landmarks.from_frame(
        frame,
        instruments={"nps": NPS, "csat": CSAT, "ces": CES2},
        horizon_days=180,
        features=["tenure_days", *(f"feature_{i}" for i in range(FEATURES))],
        segments=["segment"],
        stacked=True,
    )


def run() -> None:
    """Print seconds and peak memory of fit, evaluation and scoring for both models."""
    start = time.perf_counter()
    marks = million_rows()
    print(f"{marks.n_rows:,} rows made in {time.perf_counter() - start:.1f} s")
    for kind in ("logistic", "boosting"):
        times = [time.perf_counter()]
        model = cx.fit_churn(marks, model=kind)  # type: ignore[arg-type]
        times.append(time.perf_counter())
        found = cx.evaluate_churn(model, marks)
        times.append(time.perf_counter())
        cx.classifier.churn_risk(model, marks)
        times.append(time.perf_counter())
        fit, evaluate, score = np.diff(times)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"{kind}: trained on {model.training.rows:,} rows in {fit:.1f} s, "
            f"evaluated on {found.n:,} in {evaluate:.1f} s, scored {marks.n_rows:,} in {score:.1f} s, "
            f"peak memory {peak:.1f} GB, AUC {found.estimate('auc').value:.3f}"
        )
