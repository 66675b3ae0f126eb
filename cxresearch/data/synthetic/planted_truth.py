"""What is planted in the unhappy company, as numbers that its reports ought to find.

Every expected figure is a mean of exact probabilities over the rows that the simulation asked, acted upon or
saw leave: given who was asked, no noise of drawn answers is in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr

from cxresearch.data.synthetic.company_paths import COMPANY_START, CompanyPaths
from cxresearch.data.synthetic.unhappy_answers import (
    ACTIONS,
    COUNTRIES,
    FALLEN,
    FELL_ON,
    RELEASED_ON,
    THEME_EFFECTS,
    THEME_SHARES,
    UNHAPPY_UP_TO,
    NpsAnswers,
    day_of,
    nps_cuts,
    nps_noise,
    theme_shares,
)
from cxresearch.data.synthetic.unhappy_tables import (
    AGENT_EFFECT,
    FALLEN_REASON_SHARES,
    FORCED_REASON,
    GOAL_DAYS,
    GOAL_REACHED,
    GOAL_SET,
    HARSH_AGENT,
    REASON_GIVEN,
    REASON_SHARES,
    REASONS,
    RETURNED,
    STAGE_DAYS,
    STAGES,
    UnhappyDraws,
    late_in_fallen,
    outage_days,
)
from cxresearch.data.synthetic.unhappy_words import CODEBOOK, THEMES

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class PlantedTruth:
    """Everything planted in the unhappy company.

    Attributes
    ----------
    fallen : str
        The country that falls (column ``country`` of customers).
    fell_on : date
        The day from which it is unhappy, and stays; also the day of the event ``price_rise``.
    nps : DataFrame
        Columns ``country, before, after, n_before, n_after``: expected NPS of the answers before that day and
        from it on, in points. Only the fallen country changes.
    themes : DataFrame
        Columns ``theme, share`` (expected, of answers), ``effect`` (points of NPS that living through it
        adds, the other themes held, averaged over the answers).
    risen : DataFrame
        Columns ``theme, country`` (empty: all), ``since, before, after``: themes that become more frequent on
        a known day, shares of comments.
    codebook : dict of str to tuple of str
        Words that tell the themes in all five languages.
    actions : DataFrame
        Columns ``action, next_score`` (points that it adds to the next answer), ``happy_with``,
        ``happy_without`` (chance that the next answer is 9 or 10), ``leaving`` (change of the share that
        leaves: 0), ``given`` (share of unhappy answers). Means over unhappy answers with a next one, weighted
        by the overlap of both arms, c (1 - c) for a chance c of the action.
    events : DataFrame
        Columns ``kind, day, metric, effect, within``: what each event of the company does, in the unit of the
        metric; outages bring so many tickets in two days.
    reasons : DataFrame
        Columns ``reason, share`` (expected, of all who left), ``fallen`` (of those who gave notice of their
        own accord in the fallen country since it fell, and gave a reason), ``others`` (of all others
        likewise).
    agent : str
        The agent whose tickets are judged unhappier on the CSAT; ``agent_effect`` in standard deviations of
        the feeling.
    stages : DataFrame
        Columns ``stage, reached`` (share of customers who stay long enough), ``median_days`` (from the stage
        before; for use and maintain from the payment).
    goal_set, goal_reached, goal_days : float
        Share of customers who set a goal in their first 30 days; share of these reached in the end; median
        days until then.
    returned : float
        Share of orders sent back.
    """

    fallen: str
    fell_on: date
    nps: pd.DataFrame
    themes: pd.DataFrame
    risen: pd.DataFrame
    codebook: dict[str, tuple[str, ...]]
    actions: pd.DataFrame
    events: pd.DataFrame
    reasons: pd.DataFrame
    agent: str
    agent_effect: float
    stages: pd.DataFrame
    goal_set: float
    goal_reached: float
    goal_days: float
    returned: float


def planted_truth(paths: CompanyPaths, draws: UnhappyDraws) -> PlantedTruth:
    """Return what was planted, from the draws behind the tables."""
    import pandas as pd

    waits = {"research": np.nan, **STAGE_DAYS}
    return PlantedTruth(
        fallen=FALLEN,
        fell_on=FELL_ON.date(),
        nps=_nps_by_country(draws),
        themes=_themes(draws),
        risen=_risen(),
        codebook={theme: tuple(words) for theme, words in CODEBOOK.items()},
        actions=_actions(draws.nps),
        events=_events(paths, draws),
        reasons=_reasons(paths, draws.country),
        agent=HARSH_AGENT,
        agent_effect=AGENT_EFFECT,
        stages=pd.DataFrame(
            {
                "stage": list(STAGES),
                "reached": list(STAGES.values()),
                "median_days": [waits[stage] for stage in STAGES],
            }
        ),
        goal_set=GOAL_SET,
        goal_reached=GOAL_REACHED,
        goal_days=GOAL_DAYS,
        returned=RETURNED,
    )


def _expected_score(feeling: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the score: the sum over k = 1 ... 10 of P(score >= k)."""
    return np.asarray(sum(ndtr((feeling - cut) / nps_noise()) for cut in nps_cuts()))


def _share_happy(feeling: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(score >= 9)."""
    return np.asarray(ndtr((feeling - nps_cuts()[8]) / nps_noise()))


def _expected_nps(feeling: NDArray[np.float64]) -> NDArray[np.float64]:
    """100 [P(score >= 9) - P(score <= 6)]."""
    unhappy = ndtr((nps_cuts()[UNHAPPY_UP_TO] - feeling) / nps_noise())
    return np.asarray(100 * (_share_happy(feeling) - unhappy))


def _nps_by_country(draws: UnhappyDraws) -> pd.DataFrame:
    import pandas as pd

    nps = draws.nps
    said = nps.said
    rows = pd.DataFrame(
        {
            "country": np.array(COUNTRIES)[draws.country[nps.owner[said]]],
            "side": np.where(nps.back[said] < day_of(FELL_ON), "before", "after"),
            "nps": _expected_nps(nps.feeling[said] + nps.lift[said]),
        }
    )
    cells: Any = rows.groupby(["country", "side"])["nps"].agg(["mean", "size"]).unstack("side")
    cells = cells.reindex(columns=pd.MultiIndex.from_product([["mean", "size"], ["before", "after"]]))
    cells.columns = pd.Index(["before", "after", "n_before", "n_after"])
    by_country: pd.DataFrame = cells.reset_index()
    return by_country


def _themes(draws: UnhappyDraws) -> pd.DataFrame:
    """Shares and effects: each answer with the theme less the same answer without it."""
    import pandas as pd

    nps = draws.nps
    said = nps.said
    fallen = draws.country[nps.owner[said]] == COUNTRIES.index(FALLEN)
    share = theme_shares(nps.back[said], fallen).mean(axis=0)
    effects = []
    for place, theme in enumerate(THEMES):
        weight = THEME_EFFECTS[theme]
        without = nps.feeling[said] + nps.lift[said] - weight * nps.themes[said, place]
        effects.append(float((_expected_nps(without + weight) - _expected_nps(without)).mean()))
    return pd.DataFrame({"theme": list(THEMES), "share": share, "effect": effects})


def _risen() -> pd.DataFrame:
    import pandas as pd

    rows = [
        ("price", FALLEN, FELL_ON.date(), *THEME_SHARES["price"]),
        ("app", "", RELEASED_ON.date(), *THEME_SHARES["app"]),
    ]
    return pd.DataFrame(rows, columns=["theme", "country", "since", "before", "after"])


def _actions(nps: NpsAnswers) -> pd.DataFrame:
    """What each action adds to the next answer, over the overlap of those with and without it."""
    import pandas as pd

    said = np.flatnonzero(nps.said)
    follows = nps.owner[said[1:]] == nps.owner[said[:-1]]
    before, after = said[:-1][follows], said[1:][follows]
    unhappy = nps.score[before] <= UNHAPPY_UP_TO
    before, after = before[unhappy], after[unhappy]
    all_unhappy = nps.score <= UNHAPPY_UP_TO
    rows = []
    for name, action in ACTIONS.items():
        chance = nps.chances[name][before]
        weight = chance * (1 - chance)
        given = np.isfinite(nps.actions[name])
        without = nps.feeling[after] + nps.lift[after] - action.effect * given[before]
        with_it = without + action.effect
        gain = _expected_score(with_it) - _expected_score(without)
        rows.append(
            {
                "action": name,
                "next_score": _mean(gain, weight),
                "happy_with": _mean(_share_happy(with_it), weight),
                "happy_without": _mean(_share_happy(without), weight),
                "leaving": 0.0,
                "given": float(given[all_unhappy].mean()) if all_unhappy.any() else np.nan,
            }
        )
    return pd.DataFrame(rows)


def _mean(values: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    total = float(weight.sum())
    return float(values @ weight) / total if total else float("nan")


def _events(paths: CompanyPaths, draws: UnhappyDraws) -> pd.DataFrame:
    import pandas as pd

    nps = _nps_by_country(draws).set_index("country")
    rows = []
    for day in outage_days(paths):
        brought = float(len(draws.outage_tickets[day]))
        rows.append(("outage", _date(day), "tickets", brought, ""))
    if day_of(RELEASED_ON) < paths.cut_days:
        before, after = THEME_SHARES["app"]
        rows.append(("release", RELEASED_ON.date(), "theme:app", after - before, ""))
    if day_of(FELL_ON) < paths.cut_days and FALLEN in nps.index:
        fallen: Any = nps.loc[FALLEN]
        drop = float(fallen["after"] - fallen["before"])
        rows.append(("price_rise", FELL_ON.date(), "nps", drop, FALLEN))
    return pd.DataFrame(rows, columns=["kind", "day", "metric", "effect", "within"])


def _date(day: float) -> date:
    moment = np.datetime64(COMPANY_START, "us") + np.timedelta64(int(day * 86_400), "s")
    day_of_event: date = moment.astype("datetime64[D]").astype(date)
    return day_of_event


def _reasons(paths: CompanyPaths, country: NDArray[np.int64]) -> pd.DataFrame:
    import pandas as pd

    left = paths.left_days <= paths.cut_days
    willing = left & (paths.kind == 1)
    late = late_in_fallen(paths, country)
    n = max(int(left.sum()), 1)
    rows = []
    for place, reason in enumerate(REASONS):
        everywhere, fallen = REASON_SHARES[place], FALLEN_REASON_SHARES[place]
        expected = REASON_GIVEN * (fallen * (willing & late).sum() + everywhere * (willing & ~late).sum())
        rows.append((reason, expected / n, fallen, everywhere))
    rows.append((FORCED_REASON, float((left & (paths.kind == 2)).sum()) / n, 0.0, 0.0))
    return pd.DataFrame(rows, columns=["reason", "share", "fallen", "others"])
