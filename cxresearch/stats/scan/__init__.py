"""Searches over many cells with one error for all looks, and the parts of a change.

``cell_contrasts``
    Cells of answers, the differences between a cell and what surrounds it, and their clustered errors.
``cell_index``
    Cells of a search: levels of single columns and of columns crossed, with the cells that hold each.
``cell_search``
    The search itself: which cells differ from what surrounds them, with one error for all of them.
``comparisons``
    What each cell of a search is compared with.
``exchanged_customers``
    Whole customers change places: what chance brings where rows of one customer belong together.
``explained_cells``
    Which of several cells that differ is explained by another: its difference within and without the other.
``max_t``
    One error for a whole search: the largest |t| that chance alone would find.
``mix_and_rate``
    Why a rate changed: other groups, or the same groups otherwise (Kitagawa's decomposition).
``named_estimates``
    Estimates of what was named because it stood out: intervals given that it had to stand out to be named.
"""
