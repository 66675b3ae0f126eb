"""Kinds of files that hold data and are not read: by name, with what to do instead."""

from __future__ import annotations

from pathlib import Path

from cxresearch.wording import only_if

_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz", ".zst")
_OTHERS = {
    ".sas7bdat": "SAS: save it as CSV or Parquet, as with pandas.read_sas(...).to_parquet",
    ".rds": "R: write it with arrow::write_parquet",
    ".rdata": "R: write its frames with arrow::write_parquet",
    ".feather": "Arrow: save it as Parquet, as with pandas.read_feather(...).to_parquet",
    ".arrow": "Arrow: save it as Parquet, as with pyarrow.parquet.write_table",
    ".avro": "Avro: save it as Parquet",
    ".orc": "ORC: save it as Parquet, as with pyarrow.orc",
    ".pkl": "a Python pickle, which may run anything when opened: save it as Parquet",
    ".xml": "XML: save it as CSV or Parquet, as with pandas.read_xml",
    ".numbers": "Apple Numbers: export it as CSV or Excel",
    ".gsheet": "a link to a Google sheet: download it as CSV or Excel",
}


def unread_reason(name: str) -> str:
    """Say why a file that seems to hold data is not read, and what to do; empty for the others.

    Examples
    --------
    >>> unread_reason("a.zip"), unread_reason("a.csv")
    ('an archive: unpack it first', '')
    """
    plain = name.lower().removesuffix(".gz")
    if plain.endswith(_ARCHIVES):
        return "an archive: unpack it first"
    return next((reason for suffix, reason in _OTHERS.items() if plain.endswith(suffix)), "")


def lake_reason(folder: Path) -> str:
    """Say of a folder that is a table of a lake how to read it; empty for the others."""
    # Delta keeps its log in _delta_log, Iceberg its snapshots in metadata (their table specifications).
    delta = (folder / "_delta_log").is_dir()
    iceberg = (folder / "metadata").is_dir() and (folder / "data").is_dir()
    return only_if(
        delta,
        'a Delta table: pass it as Arrow, frames={"name": deltalake.DeltaTable(path).to_pyarrow_table()}',
    ) or only_if(
        iceberg, 'an Iceberg table: pass it as Arrow, frames={"name": pyiceberg table.scan().to_arrow()}'
    )
