"""What happens to the customers of the unhappy company: answers, what moves them, what is done about them.

The company is that of ``company_paths``, customer by customer: who begins, pays, uses and leaves is the same.
On top of it lie a country whose mood falls on a known day, themes of what customers live through, and
actions that are given the more often the unhappier an answer is. All of it is drawn from child generators of
the seed, so that no draw of the company itself moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import expit, ndtri

from cxresearch.data.synthetic.company_paths import COMPANY_START, CompanyPaths
from cxresearch.data.synthetic.company_tables import READS, STYLE, CompanyRecords, answered, last_days
from cxresearch.data.synthetic.unhappy_words import LANGUAGES, THEMES
from cxresearch.units_of_time import DAYS_A_MONTH

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Countries of the customers, and their shares.
COUNTRIES = tuple(LANGUAGES)
COUNTRY_SHARES = (0.24, 0.22, 0.20, 0.18, 0.16)
#: Share of customers who write English, wherever they are; the others write their country's language.
ENGLISH_SHARE = 0.15
#: The country that falls, and the day: prices rise there, and stay.
FALLEN = "DE"
FELL_ON = datetime(2024, 3, 15)
#: A new app is released on this day, and comments speak of it more often from then on, happy or not.
RELEASED_ON = datetime(2023, 9, 1)
#: Share of answers that have lived through each theme: before, and from its day on. The price rises in the
#: fallen country only, the app in all.
THEME_SHARES = {"price": (0.14, 0.40), "delivery": (0.12, 0.12), "app": (0.08, 0.20), "staff": (0.20, 0.20)}
#: What each does to the feeling behind the NPS, in its standard deviations.
THEME_EFFECTS = {"price": -0.90, "delivery": -0.60, "app": 0.0, "staff": 0.45}
#: What the fall does besides the price that customers write of, likewise.
FALL_EFFECT = -0.56
#: Share of NPS answers at 0 to 10 where the feeling is standard normal, and the level that makes the NPS +25.
NPS_SHARES = (0.03, 0.02, 0.02, 0.03, 0.04, 0.06, 0.05, 0.10, 0.15, 0.22, 0.28)
NPS_LEVEL = -0.22
#: Months between NPS invitations.
NPS_EVERY = 3.0
COMMENT_SHARE = 0.55
UNHAPPY_UP_TO = 6


class Action(NamedTuple):
    """An action after an unhappy answer: its log odds after a 6, how many more a point below, and its effect.

    ``enterprise`` is added for large customers. ``effect`` moves the feeling behind the next answer, in
    standard deviations. No action moves leaving.
    """

    log_odds: float
    severity: float
    enterprise: float
    effect: float


ACTIONS = {
    "call_back": Action(log_odds=-2.0, severity=0.60, enterprise=0.7, effect=0.42),
    "credit": Action(log_odds=-2.2, severity=0.50, enterprise=0.3, effect=0.0),
}
#: An action comes within so many days of the answer, at an even chance.
ACTION_DAYS = 6.5


@dataclass(frozen=True, kw_only=True, eq=False)
class NpsAnswers:
    """Invitations to the NPS and what came of them: n rows, those of a customer in order of time.

    Attributes
    ----------
    owner : ndarray of int, shape (n,)
        Row number of the customer.
    sent, back : ndarray, shape (n,)
        Days since the company's start; ``back`` is infinite where nobody answered.
    themes : ndarray of bool, shape (n, themes)
        What the customer lived through, whether written or not.
    feeling : ndarray, shape (n,)
        Mean of the feeling behind the score, all effects but those of actions in it.
    lift : ndarray, shape (n,)
        What earlier actions add to it.
    score : ndarray, shape (n,)
        NaN where nobody answered.
    actions : dict of str to ndarray, shape (n,)
        Day of each action after this answer; infinite where there was none.
    chances : dict of str to ndarray, shape (n,)
        Chance of each action after this answer; 0 where it was not an unhappy one.
    """

    owner: NDArray[np.intp]
    sent: NDArray[np.float64]
    back: NDArray[np.float64]
    themes: NDArray[np.bool_]
    feeling: NDArray[np.float64]
    lift: NDArray[np.float64]
    score: NDArray[np.float64]
    actions: dict[str, NDArray[np.float64]]
    chances: dict[str, NDArray[np.float64]]

    @property
    def said(self) -> NDArray[np.bool_]:
        """Which invitations were answered."""
        return np.isfinite(self.back)


def day_of(moment: datetime) -> float:
    """Days from the company's start to a moment."""
    return (moment - COMPANY_START).total_seconds() / 86_400


def nps_noise() -> float:
    """Standard deviation of the feeling behind an NPS answer that nothing explains."""
    slope = READS["nps"][1]
    return float(np.sqrt(1 - slope**2 - STYLE**2))


def nps_cuts() -> NDArray[np.float64]:
    """Feelings from which on a score is 1, 2, ... 10."""
    return np.asarray(ndtri(np.cumsum(NPS_SHARES)[:-1]))


def draw_countries(rng: np.random.Generator, n: int) -> NDArray[np.int64]:
    """Country of each customer, as a place in ``COUNTRIES``."""
    return rng.choice(len(COUNTRIES), n, p=COUNTRY_SHARES).astype(np.int64)


def draw_languages(rng: np.random.Generator, country: NDArray[np.int64]) -> NDArray[np.int64]:
    """Language of each customer, as the place in ``LANGUAGES`` of a country where it is spoken."""
    english = rng.random(len(country)) < ENGLISH_SHARE
    return np.where(english, COUNTRIES.index("GB"), country)


def theme_shares(day: NDArray[np.float64], fallen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Chance that an answer of a day has lived through each theme, shape (n, themes)."""
    early, late = (np.array([THEME_SHARES[theme][side] for theme in THEMES]) for side in (0, 1))
    risen = np.zeros((len(day), len(THEMES)), dtype=bool)
    risen[:, THEMES.index("price")] = fallen & (day >= day_of(FELL_ON))
    risen[:, THEMES.index("app")] = day >= day_of(RELEASED_ON)
    return np.where(risen, late, early)


def draw_nps(
    rng: np.random.Generator,
    paths: CompanyPaths,
    records: CompanyRecords,
    country: NDArray[np.int64],
) -> NpsAnswers:
    """Draw the invitations, the answers in order of time, and what was done after unhappy ones."""
    owner, sent, back = _invitations(rng, paths, records)
    fallen = country[owner] == COUNTRIES.index(FALLEN)
    day = np.where(np.isfinite(back), back, sent)
    themes = rng.random((len(owner), len(THEMES))) < theme_shares(day, fallen)
    effects = np.array([THEME_EFFECTS[theme] for theme in THEMES])
    latent, slope = READS["nps"]
    month = _month_of_life(paths, owner, day)
    # feeling = level + slope x loyalty + style + themes + fall, before noise and actions
    feeling = NPS_LEVEL + slope * paths.latents[latent, owner, month] + STYLE * records.people["style"][owner]
    feeling += themes @ effects + FALL_EFFECT * (fallen & (day >= day_of(FELL_ON)))
    return _in_order(rng, paths, owner=owner, sent=sent, back=back, themes=themes, feeling=feeling)


def _month_of_life(
    paths: CompanyPaths, owner: NDArray[np.intp], day: NDArray[np.float64]
) -> NDArray[np.intp]:
    month = ((day - paths.started_days[owner]) / DAYS_A_MONTH).astype(np.intp)
    return np.asarray(np.minimum(month, paths.hazard.shape[1] - 1), dtype=np.intp)


def _invitations(
    rng: np.random.Generator, paths: CompanyPaths, records: CompanyRecords
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Whom the NPS was asked, when, and when they answered."""
    n, months = paths.hazard.shape
    first: NDArray[np.float64] = rng.uniform(0.5, 0.5 + NPS_EVERY, size=(n, 1))
    waves = first + NPS_EVERY * np.arange(int(months // NPS_EVERY) + 1)
    at = paths.started_days[:, None] + waves * DAYS_A_MONTH
    until = last_days(paths)
    owner, wave = np.nonzero(at < until[:, None])
    sent = at[owner, wave]
    back = sent + rng.exponential(1.0, len(owner))
    said = answered(rng, paths, records.people, owner, _month_of_life(paths, owner, back))
    return owner, sent, np.where(said & (back < until[owner]), back, np.inf)


def _in_order(
    rng: np.random.Generator,
    paths: CompanyPaths,
    *,
    owner: NDArray[np.intp],
    sent: NDArray[np.float64],
    back: NDArray[np.float64],
    themes: NDArray[np.bool_],
    feeling: NDArray[np.float64],
) -> NpsAnswers:
    """Score the first answer of every customer, act upon it, score the second, and so on."""
    n = len(owner)
    lift = np.zeros(n)
    score = np.full(n, np.nan)
    actions = {name: np.full(n, np.inf) for name in ACTIONS}
    chances = {name: np.zeros(n) for name in ACTIONS}
    until = last_days(paths)[owner]
    large = paths.segment[owner] == 2
    noise = nps_noise() * rng.standard_normal(n)
    dice = {name: rng.random(n) for name in ACTIONS}
    delay = {name: rng.uniform(0.2, ACTION_DAYS, n) for name in ACTIONS}
    pending = np.zeros(len(paths.kind))
    for rows in _turns(owner, np.isfinite(back)):
        lift[rows] = pending[owner[rows]]
        felt = feeling[rows] + lift[rows] + noise[rows]
        score[rows] = np.searchsorted(nps_cuts(), felt)
        # an action bears on the next answer only
        pending[owner[rows]] = 0.0
        for name, action in ACTIONS.items():
            below = UNHAPPY_UP_TO - score[rows]
            odds = action.log_odds + action.severity * below + action.enterprise * large[rows]
            chance = np.where(below >= 0, expit(odds), 0.0)
            day = back[rows] + delay[name][rows]
            given = (dice[name][rows] < chance) & (day < until[rows])
            actions[name][rows] = np.where(given, day, np.inf)
            chances[name][rows] = chance
            pending[owner[rows]] += np.where(given, action.effect, 0.0)
    return NpsAnswers(
        owner=owner,
        sent=sent,
        back=back,
        themes=themes,
        feeling=feeling,
        lift=lift,
        score=score,
        actions=actions,
        chances=chances,
    )


def _turns(owner: NDArray[np.intp], said: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Rows of every customer's first answer, of every second one, and so on."""
    rows = np.flatnonzero(said)
    owners = owner[rows]
    begins = np.r_[True, owners[1:] != owners[:-1]]
    first = np.maximum.accumulate(np.where(begins, np.arange(len(rows)), 0))
    turn = np.arange(len(rows)) - first
    order = np.argsort(turn, kind="stable")
    return np.split(rows[order], np.cumsum(np.bincount(turn))[:-1]) if len(rows) else []
