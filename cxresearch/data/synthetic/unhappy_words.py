"""What the customers of the unhappy company write: phrases by theme in five languages, and its codebook.

Phrases are put side by side, so that a comment may speak of several themes. Every phrase of a theme is told
by the codebook, and no phrase of another theme is: a test reads them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

#: Themes in the order of all arrays.
THEMES = ("price", "delivery", "app", "staff")
#: Language of each country's customers.
LANGUAGES = {"DE": "de", "FR": "fr", "GB": "en", "ES": "es", "IT": "it"}
#: Three phrases a theme and language; "" is for who writes of none of the themes.
PHRASES = {
    "de": {
        "price": ("Der Preis ist zu hoch.", "Viel zu teuer geworden.", "Für diesen Preis erwarte ich mehr."),
        "delivery": ("Die Lieferung kam zu spät.", "Lange Lieferzeit.", "Das Paket kam nicht an."),
        "app": ("Die neue App gefällt mir nicht ganz.", "In der App finde ich nichts.", "Ich nutze die App."),
        "staff": ("Sehr freundliche Beratung.", "Das Team ist nett.", "Man hilft mir freundlich."),
        "": ("Alles in Ordnung.", "Im Großen und Ganzen passt es.", "Nichts Besonderes."),
    },
    "fr": {
        "price": ("Le prix est trop élevé.", "C'est devenu trop cher.", "J'attends mieux pour ce prix."),
        "delivery": ("La livraison était en retard.", "Livraison trop longue.", "Le colis n'est pas arrivé."),
        "app": ("Je découvre votre application.", "Rien trouvé dans l'appli.", "J'utilise l'application."),
        "staff": ("Conseil très aimable.", "L'équipe est gentille.", "On m'aide aimablement."),
        "": ("Tout va bien.", "Dans l'ensemble ça va.", "Rien de spécial."),
    },
    "en": {
        "price": ("The price is too high.", "Far too expensive now.", "I expect more at this price."),
        "delivery": ("The delivery came late.", "Slow delivery.", "My parcel never arrived."),
        "app": ("I am getting used to the new app.", "Could not find it in the app.", "I use the app."),
        "staff": ("Very friendly advice.", "The team is kind.", "They help in a friendly way."),
        "": ("All fine.", "It does what it should.", "Nothing special."),
    },
    "es": {
        "price": ("El precio es demasiado alto.", "Ahora es muy caro.", "Espero más por este precio."),
        "delivery": ("La entrega llegó tarde.", "Entrega muy lenta.", "El paquete no llegó."),
        "app": ("Estoy probando la aplicación nueva.", "No lo encuentro en la app.", "Uso la aplicación."),
        "staff": ("Trato muy amable.", "El equipo es simpático.", "Me ayudan con amabilidad."),
        "": ("Todo bien.", "En general funciona.", "Nada especial."),
    },
    "it": {
        "price": (
            "Il prezzo è troppo alto.",
            "Diventato troppo caro.",
            "A questo prezzo mi aspetto di più.",
        ),
        "delivery": ("La consegna è arrivata tardi.", "Consegna lenta.", "Il pacco non è arrivato."),
        "app": ("Sto provando la nuova app.", "Non lo trovo nell'app.", "Uso l'applicazione."),
        "staff": ("Consulenza molto gentile.", "Il personale è cortese.", "Mi aiutano con gentilezza."),
        "": ("Tutto bene.", "Nel complesso va bene.", "Niente di speciale."),
    },
}
#: The codebook that tells the themes, as a ``themes.toml`` would say it.
CODEBOOK = {
    "price": ("price", "preis", "prix", "precio", "prezzo", "expensive", "teuer", "cher", "caro"),
    "delivery": (
        "deliver*",
        "liefer*",
        "livraison",
        "entrega",
        "consegna",
        "parcel",
        "paket",
        "colis",
        "paquete",
        "pacco",
    ),
    "app": ("app", "appli", "application", "aplicación", "applicazione"),
    "staff": (
        "friendly",
        "kind",
        "freundlich*",
        "nett",
        "aimable*",
        "gentil*",
        "amab*",
        "simpático",
        "cortese",
    ),
}


def comments_of(
    rng: np.random.Generator, mentions: NDArray[np.bool_], language: NDArray[np.int64]
) -> pa.StringArray:
    """Put phrases side by side.

    Parameters
    ----------
    rng : Generator
    mentions : ndarray of bool, shape (n, themes)
        Which themes each comment speaks of; none gives one of the phrases for no theme.
    language : ndarray of int, shape (n,)
        Place in ``LANGUAGES``.

    Returns
    -------
    pyarrow StringArray, length n
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    languages = list(LANGUAGES.values())
    silent = ~mentions.any(axis=1)
    said = np.column_stack([mentions, silent])
    columns = []
    for place, theme in enumerate((*THEMES, "")):
        book = pa.array([phrase for language in languages for phrase in PHRASES[language][theme]])
        chosen = 3 * language + rng.integers(0, 3, len(language))
        columns.append(book.take(pa.array(chosen, mask=~said[:, place])))
    return pc.binary_join_element_wise(*columns, " ", null_handling="skip")
