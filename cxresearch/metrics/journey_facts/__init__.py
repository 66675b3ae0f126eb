"""What journeys are told by: who is asked where, goals, trials, hand-offs, referrals, and scores in pairs.

``study_file_line``
    The line of a study file that a missing column or event needs.
``coverage``
    Which touchpoint, channel and device is asked, and whose voice is heard.
``coverage_result``
    What coverage says.
"""
