"""One score alone: whether it tells who leaves, who answers it, and how the silent fare.

- `score_vs_churn`: the verdict on one score, judged against chance.
- `score_verdict`: the verdict as a value.
- `answer_table`: churn by answer, of the silent and of everybody.
- `silence`: churn of those who answered and of the silent, their difference, silence as a score.
- `who_answers`: share that answered, by segment.
- `answer_weights`: weights mapped in the study, where one weight stands for a row.
- `score_words`: the verdict in sentences that need no statistics.
"""
