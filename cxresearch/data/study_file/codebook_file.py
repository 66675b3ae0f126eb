"""``themes.toml``: a codebook that people write, read, correct and keep under version control."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxresearch.errors import ArgumentError, CxError, StudyError
from cxresearch.stats.text.codebook import Codebook, read_codebook


def load_codebook(source: Codebook | Mapping[str, Any] | str | Path) -> Codebook:
    r"""Return a codebook from a file, a mapping, or as it is.

    Parameters
    ----------
    source : Codebook, mapping, str or Path
        A ``themes.toml``, the folder it is in, or theme to list of words.

    Returns
    -------
    Codebook

    Raises
    ------
    StudyError
        If the file is not there, is no TOML, or a term cannot be read; the message names the theme and the
        term.

    Notes
    -----
    The file is described in ``docs/why.md``.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "themes.toml").write_text('[price]\nwords = ["expensive", "pric*"]\n')
    ...     load_codebook(folder).names
    ('price',)
    """
    if isinstance(source, Codebook):
        return source
    if isinstance(source, Mapping):
        return read_codebook(source)
    if not isinstance(source, (str, Path)):
        raise ArgumentError(
            f"codebook is a {type(source).__name__}", wanted="a themes.toml, a mapping of themes to words"
        )
    path = Path(source)
    if path.is_dir():
        path = path / "themes.toml"
    try:
        return read_codebook(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except FileNotFoundError:
        raise StudyError(
            f"there is no codebook {path.name!r}", where=str(source), next_step="write one: see docs/why.md"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise StudyError(f"the codebook is no TOML in UTF-8: {error}", where=path.name) from None
    except CxError as error:
        raise StudyError(
            error.problem, where=path.name, wanted=error.wanted, next_step=error.next_step
        ) from None
