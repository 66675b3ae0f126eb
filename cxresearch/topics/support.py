"""Tickets: how many, how fast, how often reopened."""

from cxresearch.metrics.support.business_hours import BusinessHours
from cxresearch.metrics.support.ticket_times import ticket_curve, ticket_times
from cxresearch.metrics.support.tickets import (
    TicketAgeing,
    resolution_rate,
    ticket_ageing,
    ticket_volume,
)

__all__ = [
    "BusinessHours",
    "TicketAgeing",
    "resolution_rate",
    "ticket_ageing",
    "ticket_curve",
    "ticket_times",
    "ticket_volume",
]
