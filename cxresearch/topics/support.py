"""Tickets: how many, how fast, how often reopened."""

from cxresearch.metrics.support.business_hours import BusinessHours
from cxresearch.metrics.support.ticket_times import sla_attainment, ticket_curve, ticket_times
from cxresearch.metrics.support.tickets import (
    TicketAgeing,
    interactions_per_ticket,
    reopen_rate,
    resolution_rate,
    ticket_ageing,
    ticket_volume,
)

__all__ = [
    "BusinessHours",
    "TicketAgeing",
    "interactions_per_ticket",
    "reopen_rate",
    "resolution_rate",
    "sla_attainment",
    "ticket_ageing",
    "ticket_curve",
    "ticket_times",
    "ticket_volume",
]
