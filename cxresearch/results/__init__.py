"""What the package returns: frozen values that display themselves as text and as HTML.

``contrast``
    A difference between two things, with its interval and test.
``estimate``
    A number with its interval.
``hiding``
    Why a number is hidden, in words.
``period_names``
    How a period is written.
``result``
    What all results share: finding, table and notes, as text, as HTML, as a frame and as a dictionary.
``table_spec``
    What the columns of a result's table mean, count and are called: said once, beside its class.
``table_text``
    How the cells of a table are written: by unit, with the ends of an interval beside the estimate.
``templating``
    The one door to Jinja2: a template of HTML escapes every value, a template of text leaves it as it is.
``units``
    Units of a number and the one place where numbers become text.
"""
