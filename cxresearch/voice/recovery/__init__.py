"""What makes unhappy customers happy again: actions judged as in a trial, cases followed up, trials planned.

``recovery``           effects of actions on unhappy customers, side by side
``emulated_trial``     the rows of the trial and the effects of its actions
``recovery_words``     what effects say, in sentences
``unhappy_moments``    who was unhappy, when, and what was known of them by then
``moment_outcomes``    what followed: the next answer, leaving, revenue
``timelines``          times of many customers in one sorted array, asked at many moments at once
``verdicts``           helps, hurts, no difference that matters, or cannot tell, and how many would decide
``closed_loop``        how many unhappy answers were followed up, and how soon
``plan_trial``         a randomised trial of an action: its size, its assignment, its analysis
"""
