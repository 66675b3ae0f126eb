"""Drivers.

``key_drivers``
    ``key_drivers``: what goes with a score, how sure that is, and where performance lags importance.
``key_drivers_result``
    What goes with a score, and how well the company does at it.
"""
