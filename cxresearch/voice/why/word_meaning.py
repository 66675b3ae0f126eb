"""What words mean by a model of the user's: a file of word vectors, a folder, or a callable; no download."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cxresearch.errors import ArgumentError, StudyError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cxresearch.stats.text.word_space import Meaning

_KINDS = "a .vec file of word vectors, the folder of a sentence-transformers model, or a callable"


def word_meaning(model: Meaning | str | Path | bool | None) -> Meaning | None:
    """Return what turns words into vectors, or None where no model is named.

    Parameters
    ----------
    model : callable, path or bool
        A callable is taken as it is; a path is read when words are asked for.

    Raises
    ------
    ArgumentError
        If it is none of these.
    StudyError
        If there is no such file or folder, or what reads it is not installed.
    """
    if model is None or isinstance(model, bool):
        return None
    if callable(model):
        return model
    if not isinstance(model, (str, Path)):
        raise ArgumentError(f"discover is a {type(model).__name__}", wanted=f"True, False, {_KINDS}")
    path = Path(model)
    if path.is_dir():
        return _sentence_model(path)
    if not path.is_file():
        raise StudyError(f"there is no model {path.name!r}", where=str(path), wanted=_KINDS)
    return partial(_vectors_in, path)


def _vectors_in(path: Path, words: Sequence[str]) -> NDArray[np.float64]:
    """Vectors of the words that a file has: a line a word, then its numbers (fastText, word2vec's text)."""
    place = {word: at for at, word in enumerate(words)}
    rows: dict[int, list[float]] = {}
    size = 0
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                word, _, rest = line.rstrip().partition(" ")
                numbers = rest.split()
                # the first line may state how many words and numbers follow
                if word not in place or len(numbers) < 2:
                    continue
                size = size or len(numbers)
                if len(numbers) != size:
                    raise StudyError(
                        f"{word!r} has {len(numbers)} numbers, others have {size}",
                        where=f"{path.name}, line {number:,}",
                    )
                rows[place[word]] = [float(each) for each in numbers]
    except (UnicodeDecodeError, ValueError) as error:
        raise StudyError(f"this is no file of word vectors: {error}", where=path.name) from None
    if not rows:
        raise StudyError(
            f"of {len(words):,} words of the texts none is in the file",
            where=path.name,
            wanted="word vectors in the language of the texts, a line a word",
        )
    vectors = np.zeros((len(words), size))
    vectors[list(rows)] = list(rows.values())
    return vectors


def _sentence_model(folder: Path) -> Meaning:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise StudyError(
            "sentence-transformers is not installed, which reads the folder of a model",
            where=str(folder),
            next_step="pip install 'cxresearch[embeddings]', or name a .vec file of word vectors",
        ) from None
    try:
        # files on disk only: a name of a model on the internet is no folder, and nothing is fetched
        model = SentenceTransformer(str(folder), local_files_only=True)
    except (OSError, ValueError) as error:
        raise StudyError(f"the model cannot be read: {error}", where=str(folder)) from None

    def encode(words: Sequence[str]) -> Any:
        return model.encode(list(words), show_progress_bar=False)

    return encode
