"""Use of the product: who is active, who adopts a feature, and when."""

from cxresearch.metrics.usage.adoption import (
    active_customers,
    time_to_first_use,
)

__all__ = [
    "active_customers",
    "time_to_first_use",
]
