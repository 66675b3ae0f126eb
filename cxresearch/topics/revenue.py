"""Recurring revenue, returns and what customers are worth."""

from cxresearch.churn.outlook.forecast_result import Forecast
from cxresearch.churn.outlook.value_by_group import ValueByGroup, value_by_group
from cxresearch.churn.outlook.what_if import WhatIf, what_if
from cxresearch.metrics.economics.acquisition_cost import acquisition_cost, acquisition_costs
from cxresearch.metrics.economics.lifetime_value import customer_curve, lifetime_value, mean_mrr
from cxresearch.metrics.economics.retention_economics import (
    annualise,
    annualised,
    cac_payback,
    monthly_amount,
    retention_economics,
)
from cxresearch.metrics.economics.revenue_by_age import revenue_by_customer_age
from cxresearch.metrics.returns.logo_churn import logo_churn
from cxresearch.metrics.returns.purchases import purchase_summary, repeat_purchase
from cxresearch.metrics.revenue.cohort_retention import CohortRetention, cohort_retention
from cxresearch.metrics.revenue.explain_profiles import explain_profiles
from cxresearch.metrics.revenue.levels_from_subscriptions import levels_from_subscriptions
from cxresearch.metrics.revenue.mrr_bridge import mrr_bridge
from cxresearch.metrics.revenue.mrr_bridge_result import MrrBridge
from cxresearch.metrics.revenue.rates_by_period import revenue_rates
from cxresearch.metrics.revenue.revenue_profiles import REVENUE_PROFILES, RevenueProfile, revenue_profile

__all__ = [
    "REVENUE_PROFILES",
    "CohortRetention",
    "Forecast",
    "MrrBridge",
    "RevenueProfile",
    "ValueByGroup",
    "WhatIf",
    "acquisition_cost",
    "acquisition_costs",
    "annualise",
    "annualised",
    "cac_payback",
    "cohort_retention",
    "customer_curve",
    "explain_profiles",
    "levels_from_subscriptions",
    "lifetime_value",
    "logo_churn",
    "mean_mrr",
    "monthly_amount",
    "mrr_bridge",
    "purchase_summary",
    "repeat_purchase",
    "retention_economics",
    "revenue_by_customer_age",
    "revenue_profile",
    "revenue_rates",
    "value_by_group",
    "what_if",
]
