"""Survival statistics beside their peers, in the same run: ratios travel between machines, seconds do not."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd


def timed(work: Callable[[], Any], repeat: int = 1) -> tuple[float, Any]:
    """Least seconds over repeats, and the result of the last."""
    best, result = float("inf"), None
    for _ in range(repeat):
        start = perf_counter()
        result = work()
        best = min(best, perf_counter() - start)
    return best, result


def curves_by_segment(rows: int = 5_000_000, segments: int = 50) -> None:
    """Kaplan-Meier with intervals by segment against lifelines on the raw rows of each segment."""
    from lifelines import KaplanMeierFitter

    import cxresearch as cx

    rng = np.random.default_rng(1)
    segment = rng.integers(0, segments, rows)
    life, until = rng.exponential(20 + segment, rows), rng.uniform(1, 72, rows)
    frame = pd.DataFrame(
        {
            "duration": np.ceil(np.minimum(life, until)).astype(np.int64),
            "event": (life < until).astype(np.int64),
            "segment": segment,
        }
    )

    def peers() -> dict[str, Any]:
        fits = {}
        for name, part in frame.groupby("segment"):
            fitter = KaplanMeierFitter().fit(part["duration"], part["event"])
            fits[str(name)] = fitter.survival_function_at_times(np.arange(1, 73)).to_numpy()
        return fits

    ours, curve = timed(lambda: cx.churn_curve(frame, by="segment", unit="months"), repeat=2)
    theirs, fits = timed(peers)
    worst = max(
        float(np.nanmax(np.abs(curve[name].survival_at(np.arange(1, 73))["survival"] - fit)))
        for name, fit in fits.items()
    )
    print(
        f"curves by {segments} segments, {rows:,} rows: {ours:.2f} s; lifelines looped {theirs:.2f} s; "
        f"{theirs / ours:.1f} times; greatest difference {worst:.1e}"
    )
    assert worst < 1e-12, "curves differ from lifelines"


def incidence(people: int = 100_000, peers: int = 5_000) -> None:
    """Aalen-Johansen with standard errors at as many distinct times as people; lifelines on fewer."""
    from lifelines import AalenJohansenFitter

    from cxresearch.stats.survival.aalen_johansen import aalen_johansen

    rng = np.random.default_rng(2)
    duration, event = rng.exponential(1, people), rng.integers(0, 3, people)
    ours, _ = timed(lambda: aalen_johansen(duration, event), repeat=3)
    small, _ = timed(lambda: aalen_johansen(duration[:peers], event[:peers]), repeat=3)
    theirs, _ = timed(
        lambda: [
            AalenJohansenFitter(calculate_variance=True).fit(duration[:peers], event[:peers], kind)
            for kind in (1, 2)
        ]
    )
    print(
        f"incidence of two kinds with errors, {people:,} distinct times: {ours:.2f} s; "
        f"at {peers:,} {small:.3f} s, lifelines {theirs:.2f} s ({theirs / small:.0f} times)"
    )


def clustered_cox(rows: int = 100_000, covariates: int = 5, peers: int = 10_000) -> None:
    """Cox regression robust by customer; lifelines, whose robust errors take a long time, on fewer rows."""
    from lifelines import CoxPHFitter

    from cxresearch.stats.hazards.cox import fit_cox

    rng = np.random.default_rng(3)
    names = [f"x{j}" for j in range(covariates)]
    x = pd.DataFrame(rng.normal(size=(rows, covariates)), columns=names)
    life = rng.exponential(1, rows) * np.exp(-0.3 * x["x0"] + 0.1 * x["x1"])
    until = rng.exponential(1.5, rows)
    duration, event = np.minimum(life, until), (life < until).astype(int)
    customer = np.arange(rows) // 3
    ours, _ = timed(lambda: fit_cox(duration, event, x, clusters=customer), repeat=3)
    table = x.assign(duration=duration, event=event, customer=customer)[:peers]
    small, fit = timed(
        lambda: fit_cox(duration[:peers], event[:peers], x[:peers], clusters=customer[:peers]), repeat=3
    )
    theirs, peer = timed(lambda: CoxPHFitter().fit(table, "duration", "event", cluster_col="customer"))
    apart = float(np.abs(fit.coefficient - peer.params_[names].to_numpy()).max())
    print(
        f"clustered Cox, {rows:,} x {covariates}: {ours:.2f} s; at {peers:,} {small:.3f} s, lifelines "
        f"{theirs:.2f} s ({theirs / small:.0f} times); coefficients differ by {apart:.1e}"
    )
    assert apart < 1e-5, "coefficients differ from lifelines"


def run() -> None:
    """Print all figures."""
    curves_by_segment()
    incidence()
    clustered_cox()
