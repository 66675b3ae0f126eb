"""Turning points: what happened between a customer's last happy and first unhappy answer.

turning_points          rate ratios of what happened, against customers who stayed happy
turning_points_result   their result
happenings              what can happen: tickets, waits, events, changes of price
"""
