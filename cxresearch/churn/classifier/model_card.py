"""Keeping a churn model: its card, and a file that holds it without pickle."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from cxresearch.churn.churn_kinds import KIND_CODES, noun_for, words_for
from cxresearch.churn.classifier.churn_model import ChurnModel
from cxresearch.churn.classifier.saved_parts import FITTED, FRAMES, facts_of, rebuilt
from cxresearch.churn.evaluation.evaluation_result import ChurnEvaluation
from cxresearch.errors import ArgumentError, CxWarning, DataError
from cxresearch.results.result import Result
from cxresearch.results.table_spec import Column, TableSpec
from cxresearch.results.units import Unit, format_value

if TYPE_CHECKING:
    from os import PathLike


@dataclass(frozen=True, kw_only=True, repr=False)
class ModelCard(Result):
    """Facts about a churn model in sections, in Markdown when printed.

    Attributes
    ----------
    title : str
    sections : tuple of (str, tuple of str)
        Heading and lines, in order: purpose, data, features, split, metrics, groups, alarms, limits.
    """

    title: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    specs: ClassVar[Mapping[str, TableSpec]] = {
        "table": TableSpec(
            columns=(
                Column(name="section", label="section", meaning="heading"),
                Column(name="line", label="fact", meaning="one fact"),
            ),
        )
    }

    @property
    def table(self) -> pd.DataFrame:
        """One row a fact, under its section."""
        facts = [(heading, line) for heading, lines in self.sections for line in lines]
        return pd.DataFrame(facts, columns=["section", "line"])

    @property
    def finding(self) -> str:
        """What the card is of."""
        return f"{self.title}: {self.sections[0][1][0]}"

    @property
    def notes(self) -> tuple[str, ...]:
        """The limits of the model."""
        return self.sections[-1][1]

    def __str__(self) -> str:
        parts = [f"# {self.title}"]
        for heading, lines in self.sections:
            parts.append(f"## {heading}\n\n" + "\n".join(f"- {line}" for line in lines))
        return "\n\n".join(parts) + "\n"

    __repr__ = __str__


#: Layout of the file; raised when it changes.
FORMAT = 1
#: Types a churn model is made of that skops does not trust by itself. A file with any other is refused.
TRUSTED = (
    "cxresearch.churn.classifier.classifiers.QuantileCodes",
    "numpy.dtype",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "scipy.interpolate._bsplines.BSpline",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)


def model_card(model: ChurnModel, evaluation: ChurnEvaluation | None = None) -> ModelCard:
    """Write the card of a model.

    Parameters
    ----------
    model : ChurnModel
    evaluation : ChurnEvaluation, optional
        From ``cx.evaluate_churn``; without it the card says that the model was not evaluated.

    Returns
    -------
    ModelCard
        Print it for Markdown.

    References
    ----------
    Mitchell et al. (2019), doi:10.1145/3287560.3287596.

    Examples
    --------
    >>> import cxresearch as cx
    >>> card = cx.classifier.model_card(
    ...     cx.fit_churn(cx.synthetic.synthetic_landmarks(seed=1, customers=3_000), members=0)
    ... )
    >>> card.sections[0][0]
    'Purpose'
    """
    sections = [
        ("Purpose", _purpose(model)),
        ("Data", _data(model)),
        ("Features", _features(model)),
        ("How it was fitted", _fitting(model)),
        ("How well it does", _metrics(evaluation)),
        ("Groups", _groups(evaluation)),
        ("Alarms", tuple(f"{row.feature}: {row.detail}" for row in model.alarms.itertuples()) or ("none",)),
        ("Limits", _limits(model)),
    ]
    title = model.title + (f" of {model.name}" if model.name else "")
    return ModelCard(title=title, sections=tuple(sections))


def _purpose(model: ChurnModel) -> tuple[str, ...]:
    return (
        f"{_promise(model)} within {model.horizon_days:g} days of a landmark.",
        "For deciding whom to talk to first. Not for denying anybody a service or setting a price.",
    )


def _promise(model: ChurnModel) -> str:
    """What a risk is the chance of."""
    if model.kind in KIND_CODES:
        return f"Risk of leaving ({model.kind} churn)"
    return f"Chance of {noun_for(model.kind)}"


def _data(model: ChurnModel) -> tuple[str, ...]:
    t = model.training
    period = "no dates" if t.first is None or t.last is None else f"{t.first:%Y-%m-%d} to {t.last:%Y-%m-%d}"
    return (
        f"{t.rows:,} training rows of {t.customers:,} customers; {t.cases:,} "
        f"{words_for(model.kind).happened} "
        f"({format_value(t.risk, Unit.SHARE)} weighted); {t.censored:,} rows censored before the horizon.",
        f"Training landmarks: {period}.",
        f"Split: {model.split}.",
    )


def _features(model: ChurnModel) -> tuple[str, ...]:
    left_out = ", ".join(model.left_out) or "none"
    return (
        f"Numbers ({len(model.numbers)}): {', '.join(model.numbers)}.",
        f"Categories ({len(model.categories)}): {', '.join(model.categories) or 'none'}.",
        f"Left out on request: {left_out}.",
        f"Passed over, for telling nothing: {', '.join(model.passed_over) or 'none'}.",
    )


def _fitting(model: ChurnModel) -> tuple[str, ...]:
    chosen = model.table.loc[model.table["chosen"], "settings"].iloc[0]
    return (
        f"{model.model.capitalize()}, settings {chosen}, chosen among {len(model.table)} by log loss over "
        "folds of customers; calibrated by a sigmoid on out-of-fold predictions.",
        f"Seed {model.seed}; {len(model.members)} refits on resampled customers for intervals.",
    )


def _metrics(evaluation: ChurnEvaluation | None) -> tuple[str, ...]:
    if evaluation is None:
        return ("Not evaluated.",)
    lines = [
        evaluation.verdict,
        f"Held out: {evaluation.n:,} rows of {evaluation.customers:,} customers, {evaluation.cases:,} "
        f"{words_for(evaluation.kind).happened}.",
    ]
    for row in evaluation.table.to_dict("records"):
        name = f"{row['contestant']}, {row['metric'].replace('_', ' ')}"
        lines.append(f"{name}: {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]")
    return tuple(lines)


def _groups(evaluation: ChurnEvaluation | None) -> tuple[str, ...]:
    if evaluation is None or not len(evaluation.by_segment):
        return ("Not reported.",)
    return tuple(
        f"{row['segment']} {row['value']}: n {row['n']:,}, AUC {row['auc']:.3f}, "
        f"{words_for(evaluation.kind).happened} {row['observed']:.1%}, "
        f"predicted {row['predicted']:.1%}, flagged {row['flagged']:.1%}"
        if row["auc"] == row["auc"]
        else f"{row['segment']} {row['value']}: n {row['n']:,}, too few to judge"
        for row in evaluation.by_segment.to_dict("records")
    )


def _limits(model: ChurnModel) -> tuple[str, ...]:
    return (
        "It ranks; it does not explain. A reason on a risk list is what the model looked at, not a cause.",
        "It assumes that censoring does not depend on the features, and that the coming months are like the "
        "training period; look at the drift table.",
        f"New rows must have the same columns and scales; answers older than {model.window_days:g} days are "
        "unknown to it.",
    )


def save_churn_model(model: ChurnModel, path: str | PathLike[str]) -> Path:
    """Write a model to a ``.skops`` file.

    Parameters
    ----------
    model : ChurnModel
    path : path
        Must end in ``.skops``; an existing file is replaced.

    Returns
    -------
    Path

    Raises
    ------
    ArgumentError
        If the name does not end in ``.skops``.

    Examples
    --------
    >>> import tempfile, cxresearch as cx
    >>> model = cx.fit_churn(cx.synthetic.synthetic_landmarks(seed=1, customers=3_000), members=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cx.classifier.load_churn_model(
    ...         cx.classifier.save_churn_model(model, folder + "/churn.skops")
    ...     ).model
    'logistic'
    """
    import sklearn
    from skops import io

    target = Path(path)
    if target.suffix != ".skops":
        raise ArgumentError(f"path is {str(path)!r}", wanted="a name that ends in .skops")
    facts = _facts(model) | {"format": FORMAT, "scikit_learn": sklearn.__version__}
    fitted = {
        "classifier": model.classifier,
        "members": list(model.members),
        "baselines": dict(model.baselines),
    }
    # Written aside and moved into place: a file is whole or not there.
    part = target.with_name(target.name + ".part")
    io.dump({"facts": json.dumps(facts), "fitted": fitted}, part)
    part.replace(target)
    return target


def _facts(model: ChurnModel) -> dict[str, Any]:
    """Everything but fitted objects, as JSON can hold it."""
    facts: dict[str, Any] = {
        item.name: getattr(model, item.name) for item in fields(model) if item.name not in FITTED
    }
    for name in FRAMES:
        facts[name] = facts[name].to_dict("list")
    facts["instruments"] = {name: asdict(scale) for name, scale in model.instruments.items()}
    facts["split"] = asdict(model.split)
    facts["training"] = asdict(model.training)
    facts["window_days"] = str(model.window_days)  # may be infinite
    for part, name in (("split", "test_from"), ("training", "first"), ("training", "last")):
        moment = facts[part][name]
        facts[part][name] = None if moment is None else moment.isoformat()
    return facts


def load_churn_model(path: str | PathLike[str]) -> ChurnModel:
    """Read a model from a ``.skops`` file; no code in it is run.

    Parameters
    ----------
    path : path
        Written by ``cx.classifier.save_churn_model``.

    Returns
    -------
    ChurnModel

    Warns
    -----
    CxWarning
        If it was written with another version of scikit-learn.

    Raises
    ------
    DataError
        If the file does not exist, is not a churn model, or holds types a churn model has no use for.

    See Also
    --------
    save_churn_model : writes the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import cxresearch as cx
    >>> marks = cx.landmark(
    ...     cx.synthetic.company_study(seed=1, customers=600), horizon_days=180, keep_silent=True
    ... )
    >>> fitted = cx.fit_churn(marks, members=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.skops"
    ...     _ = cx.classifier.save_churn_model(fitted, path)
    ...     read = cx.classifier.load_churn_model(path)
    >>> bool((cx.classifier.churn_risk(read, marks) == cx.classifier.churn_risk(fitted, marks)).all())
    True
    """
    import sklearn

    holds = _read(Path(path))
    facts = facts_of(holds["facts"], str(path))
    if facts.pop("format", None) != FORMAT:
        raise DataError(
            "the file was written by another version of cxresearch", where=str(path), next_step="fit again"
        )
    # Fitted objects of another version may load and predict otherwise.
    version = facts.pop("scikit_learn", "unknown")
    if version != sklearn.__version__:
        warnings.warn(
            f"{path} was written with scikit-learn {version}, this is {sklearn.__version__}: "
            "compare a few risks with those of the original before using it.",
            CxWarning,
            stacklevel=2,
        )
    return rebuilt(facts, holds["fitted"], str(path))


def _read(path: Path) -> dict[str, Any]:
    from skops import io

    where = {"where": str(path), "next_step": "give a file written by cx.classifier.save_churn_model"}
    if not path.is_file():
        raise DataError("there is no such file", **where)
    try:
        # skops names every type in the file before any of them is made.
        strange = sorted(set(io.get_untrusted_types(file=path)) - set(TRUSTED))
    except Exception as error:
        raise DataError(f"the file is not a model: {type(error).__name__}", **where) from None
    if strange:
        raise DataError("the file holds what no churn model needs: " + ", ".join(strange), **where)
    try:
        holds = io.load(path, trusted=list(TRUSTED))
    except Exception as error:
        raise DataError(f"the file is a damaged model: {type(error).__name__}", **where) from None
    if not isinstance(holds, dict) or set(holds) != {"facts", "fitted"}:
        raise DataError("the file holds something else than a churn model", **where)
    return holds
