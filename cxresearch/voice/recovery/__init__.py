"""What makes unhappy customers happy again: actions judged as in a trial, cases followed up, trials planned.

``recovery``
    Effects of actions on unhappy customers, side by side: entry of the room.
``emulated_trial``
    The rows of the trial, its arms, and the effects of its actions.
``effect_rows``
    Effects as rows of a table, with verdicts and Holm.
``recovery_words``
    What effects say, in sentences.
``action_verdicts``
    Helps, hurts, no difference that matters, or cannot tell; and how many would decide.
``unhappy_moments``
    Who was unhappy, when, and what was known of them by then.
``moment_outcomes``
    What followed: the next answer, leaving, revenue, tickets.
``closed_loop``
    How many unhappy answers were followed up, and how soon.
``plan_trial``
    A randomised trial of an action: its size and its assignment.
``trial_analysis``
    The arms of a finished trial, compared as assigned.
"""
