"""The scikit-learn side of the churn model: preparation, settings, tuning, calibration, resampling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from cxresearch.churn.classifier.churn_model import ModelKind
from cxresearch.churn.classifier.training_rows import TrainingRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS = 3
#: Tuning looks at no more rows than this (whole customers); the choice hardly changes with more.
TUNING_ROWS = 40_000
#: Members of a boosting model are fitted on no more rows than this.
MEMBER_ROWS = 30_000
_LOGISTIC_GRID: tuple[dict[str, Any], ...] = ({"C": 0.003}, {"C": 0.03}, {"C": 0.3}, {"C": 3.0})
_BOOSTING_GRID: tuple[dict[str, Any], ...] = (
    {"max_leaf_nodes": 4, "learning_rate": 0.1, "max_iter": 60},
    {"max_leaf_nodes": 4, "learning_rate": 0.1, "max_iter": 150},
    {"max_leaf_nodes": 8, "learning_rate": 0.1, "max_iter": 60},
    {"max_leaf_nodes": 8, "learning_rate": 0.1, "max_iter": 130},
    {"max_leaf_nodes": 24, "learning_rate": 0.1, "max_iter": 60},
)
#: More categories than this in one column are kept apart only by the commonest.
_MOST_LEVELS = 60


class QuantileCodes(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Replace each number by its place among 200 quantiles of the training rows; missing stays missing.

    Trees split on order alone, so nothing is lost but the last half percent. It spares scikit-learn's
    boosting its weighted binning, which in 1.9 took 30 times as long as growing the trees.
    """

    def fit(self, X: Any, y: Any = None) -> QuantileCodes:  # noqa: ARG002 - the protocol of scikit-learn
        """Learn the quantiles of each column."""
        shares = np.linspace(0, 1, 201)[1:-1]
        values = np.asarray(X, dtype=np.float64)
        self.edges_ = [np.unique(np.quantile(column[~np.isnan(column)], shares)) for column in values.T]
        self.n_features_in_ = values.shape[1]
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Return the places, shape (n, columns), from 0 to 199."""
        values = np.asarray(X, dtype=np.float64)
        codes = np.empty_like(values)
        for at, edges in enumerate(self.edges_):
            codes[:, at] = np.searchsorted(edges, values[:, at], side="left")
        codes[np.isnan(values)] = np.nan
        return codes


def preparation(model: ModelKind, numbers: Sequence[str], categories: Sequence[str]) -> ColumnTransformer:
    """Return the unfitted preparation of the columns.

    One column for each category. Numbers for the logistic model: missing ones at the median with an indicator
    of their own, standard deviations as units; for boosting: quantile codes, missing being one more.
    """
    number: Any = QuantileCodes()
    if model == "logistic":
        fill = SimpleImputer(strategy="median", add_indicator=True)
        number = Pipeline([("fill", fill), ("scale", StandardScaler())])
    category = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=20, max_categories=_MOST_LEVELS
    )
    return ColumnTransformer(
        [("numbers", number, list(numbers)), ("categories", category, list(categories))], sparse_threshold=0
    )


def candidates(model: ModelKind, *, balance: str, seed: int) -> list[tuple[str, Any]]:
    """Return the settings to try, as text and as an unfitted classifier."""
    # "balanced" weighs a row by n / (2 n of its side), as scikit-learn defines it.
    weights = {"weights": "balanced"}.get(balance)
    if model == "logistic":
        return [
            (_text(grid), LogisticRegression(max_iter=1_000, class_weight=weights, **grid))
            for grid in _LOGISTIC_GRID
        ]
    return [
        (
            _text(grid),
            HistGradientBoostingClassifier(
                early_stopping=False,
                min_samples_leaf=30,
                l2_regularization=1.0,
                categorical_features=None,
                class_weight=weights,
                random_state=seed,
                **grid,
            ),
        )
        for grid in _BOOSTING_GRID
    ]


def _text(grid: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in grid.items())


def folds_by_customer(customer: NDArray[np.int64], seed: int) -> list[tuple[Any, Any]]:
    """Return training and test positions of ``FOLDS`` folds that share no customer."""
    # A customer is never on both sides of a fold.
    folds = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    return list(folds.split(np.zeros(len(customer)), groups=customer))


def one_thread() -> threadpool_limits:
    """Return a context in which scikit-learn keeps to one thread.

    Boosting waits for its threads after every node: on a machine that does anything else, two of them took 12
    times as long as one, and on an idle one they gain less than a half.
    """
    return threadpool_limits(1)


def tune(
    options: list[tuple[str, Any]], X: NDArray[np.float64], rows: TrainingRows, *, seed: int
) -> pd.DataFrame:
    """Compare settings by weighted log loss over folds of customers.

    Returns
    -------
    DataFrame
        Columns ``settings, log_loss, chosen``, in the order of ``options``.
    """
    # Whole customers, drawn by seed.
    some = sample_customers(rows.customer, TUNING_ROWS, seed)
    X, left, weight, customer = X[some], rows.left[some], rows.weight[some], rows.customer[some]
    folds = folds_by_customer(customer, seed)
    losses = []
    for _, classifier in options:
        risk = np.empty(len(X))
        for train, test in folds:
            fitted = clone(classifier).fit(X[train], left[train], sample_weight=weight[train])
            risk[test] = fitted.predict_proba(X[test])[:, 1]
        row_weight = weight
        if classifier.get_params()["class_weight"] == "balanced":
            # Judged as it was fitted: either side counts one half.
            row_weight = weight * np.where(left, 0.5 / left.mean(), 0.5 / (1 - left.mean()))
        losses.append(log_loss(left, risk, sample_weight=row_weight))
    best = int(np.argmin(losses))
    return pd.DataFrame(
        {
            "settings": [text for text, _ in options],
            "log_loss": losses,
            "chosen": [index == best for index in range(len(options))],
        }
    )


def sample_customers(customer: NDArray[np.int64], most: int, seed: int) -> NDArray[np.intp]:
    """Return positions of all rows of randomly chosen customers, about ``most`` rows."""
    if len(customer) <= most:
        return np.arange(len(customer))
    draw = np.random.default_rng(seed).random(int(customer.max()) + 1)
    return np.flatnonzero(draw[customer] < most / len(customer))


def calibrate(
    classifier: Any, X: NDArray[np.float64], rows: TrainingRows, *, seed: int
) -> CalibratedClassifierCV:
    """Fit on all rows and calibrate by a sigmoid on out-of-fold predictions (folds of customers).

    The sigmoid is fitted with the weights for censoring alone, so that weighing the rarer side up in the
    classifier does not show in the risks.
    """
    folds = folds_by_customer(rows.customer, seed)
    calibrated = CalibratedClassifierCV(classifier, method="sigmoid", cv=folds, ensemble=False)
    return calibrated.fit(X, rows.left, sample_weight=rows.weight)


def resampled_members(
    classifier: Any, X: NDArray[np.float64], rows: TrainingRows, *, members: int, seed: int
) -> tuple[tuple[Any, ...], float]:
    """Refit with each customer's rows counted a Poisson(1) number of times.

    Returns
    -------
    tuple
        The fitted classifiers and the factor that scales their spread to all rows.

    References
    ----------
    Chamandy et al. (2012), Estimating uncertainty for massive data streams (Poisson bootstrap).
    """
    sampled = np.arange(len(X))
    if isinstance(classifier, HistGradientBoostingClassifier):
        sampled = sample_customers(rows.customer, MEMBER_ROWS, seed)
    rng = np.random.default_rng(seed)
    refits = []
    for _ in range(members):
        times = rng.poisson(1.0, int(rows.customer.max()) + 1)[rows.customer[sampled]]
        drawn = sampled[times > 0]
        weight = rows.weight[drawn] * times[times > 0]
        refits.append(clone(classifier).fit(X[drawn], rows.left[drawn], sample_weight=weight))
    return tuple(refits), float(np.sqrt(len(sampled) / len(X)))


def one_column_model(column: str, rows: TrainingRows) -> Pipeline:
    """Fit a smooth logistic curve in one column, with an indicator where it is missing."""
    smooth = Pipeline(
        [
            ("fill", SimpleImputer(strategy="median")),
            ("spline", SplineTransformer(n_knots=5, degree=3, knots="uniform", extrapolation="constant")),
        ]
    )
    prepare = ColumnTransformer(
        [("smooth", smooth, [column]), ("missing", MissingIndicator(features="all"), [column])]
    )
    model = Pipeline([("prepare", prepare), ("classify", LogisticRegression(max_iter=1_000))])
    return model.fit(rows.table, rows.left, classify__sample_weight=rows.weight)
