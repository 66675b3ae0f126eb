"""Values declared as targets, and what was reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cxresearch.errors import StudyError
from cxresearch.metrics.base.metric import Metric
from cxresearch.results.units import Unit


def targets_of(
    study: Any, shown: Mapping[str, Metric], known: Mapping[str, Metric], find: Callable[[Any, str], Metric]
) -> dict[str, float]:
    """Return the study's targets of the metrics that are shown, by name.

    Parameters
    ----------
    study : Study
    shown, known : mapping of str to Metric
        Metrics on the scorecard, and all that the study has.
    find : callable
        From study and name to metric.

    Raises
    ------
    StudyError
        If a target names no metric of the study, one of which neither more nor less is better, or a share
        that is no share.
    """
    targets = {}
    for name, value in getattr(study, "targets", {}).items():
        metric = _metric(study, name, known, find)
        if not metric.good:
            raise StudyError(
                f"{name!r} cannot have a target: neither more nor less of it is better", where="[targets]"
            )
        if metric.unit is Unit.SHARE and not 0 <= value <= 1:
            raise StudyError(
                f"the target of {name!r} is {value:g}",
                where="[targets]",
                wanted=f"a share: '{value:g} %' or a number from 0 to 1",
            )
        if metric.name in shown:
            targets[metric.name] = value
    return targets


def _metric(study: Any, name: str, known: Mapping[str, Metric], find: Callable[[Any, str], Metric]) -> Metric:
    # What a report prints is a name too: "SLA attainment".
    labels = {metric.label.casefold(): metric.name for metric in known.values()}
    try:
        return find(study, labels.get(name.casefold(), name))
    except Exception as error:
        raise StudyError(f"a target names {name!r}: {error}", where="[targets]") from None
