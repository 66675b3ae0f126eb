"""Who is unhappy, since when, why, and what helps: the four questions answered together, in order.

``four_answers``
    All four, on what tables a study has: entry of the room.
``four_answers_result``
    Their result.
``standing_fall``
    The fall that still stands, looked for in all customers and in every group.
``themes_around``
    What customers wrote before a day and since.
``four_sentences``
    The answers in words.
"""
