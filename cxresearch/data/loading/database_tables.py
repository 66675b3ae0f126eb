"""Tables of a database server through ADBC, as Arrow; the connection stands in an environment variable."""

from __future__ import annotations

import os
import re
from typing import Any

import pyarrow as pa

from cxresearch.data.loading.extras import extra
from cxresearch.errors import StudyError
from cxresearch.wording import one_of, shown

_DRIVERS = {"postgresql": "adbc_driver_postgresql.dbapi", "postgres": "adbc_driver_postgresql.dbapi"}
#: Servers that are read in another way, and how.
_ELSEWHERE = {
    "mysql": "MySQL",
    "mariadb": "MariaDB",
    "snowflake": "Snowflake",
    "bigquery": "BigQuery",
    "mssql": "SQL Server",
    "redshift": "Redshift",
    "databricks": "Databricks",
    "md": "MotherDuck",
    "oracle": "Oracle",
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")


def read_database(variable: str, table: str) -> pa.Table:
    """Return a table of a database server.

    Parameters
    ----------
    variable : str
        Environment variable with the address, such as ``postgresql://user:password@host/name``. Its value is
        never shown.
    table : str
        ``table`` or ``schema.table``.

    Raises
    ------
    StudyError
        If the variable is not set, its server is not read here, or the table cannot be read.
    """
    driver, address = _connection(variable)
    if not _NAME.fullmatch(table):
        raise StudyError(f"database_table is {shown(table)}", wanted="table or schema.table, plain names")
    # Parameters cannot name a table; plain names in quotes can do no harm.
    quoted = ".".join(f'"{part}"' for part in table.split("."))
    try:
        with driver.connect(address) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {quoted}")  # noqa: S608 - plain names, quoted
            rows: pa.Table = cursor.fetch_arrow_table()
    except Exception as error:
        raise _failure(error, variable, address, table) from None
    if not rows.num_rows:
        raise StudyError("the table is empty", where=f"{variable}, table {table}")
    return rows


def database_names(variable: str) -> list[str]:
    """Return the tables and views of a server, as ``schema.table``.

    Raises
    ------
    StudyError
        As `read_database`.
    """
    driver, address = _connection(variable)
    query = (
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
    )
    try:
        with driver.connect(address) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return [f"{schema}.{name}".removeprefix("public.") for schema, name in cursor.fetchall()]
    except Exception as error:
        raise _failure(error, variable, address, "") from None


def _connection(variable: str) -> tuple[Any, str]:
    address = os.environ.get(variable, "")
    if not address:
        raise StudyError(
            f"environment variable {shown(variable)} is not set",
            wanted="the address of the database, such as postgresql://user@host/name",
            next_step=f"export {variable}=...; it is read where the study is opened, and never shown",
        )
    scheme = address.partition("://")[0].partition("+")[0].lower()
    if scheme in _ELSEWHERE:
        raise StudyError(
            f"{_ELSEWHERE[scheme]} is not read here",
            where=variable,
            next_step="write the tables to Parquet or DuckDB (dlt, COPY), or fetch them by the server's own "
            'library as Arrow and pass them: cx.read_study(..., frames={"name": table})',
        )
    if scheme not in _DRIVERS:
        raise StudyError(f"{variable} names no database that is read", wanted=one_of(_DRIVERS, "postgresql"))
    return extra(_DRIVERS[scheme], name="postgres", what="a PostgreSQL database"), address


def _failure(error: Exception, variable: str, address: str, table: str) -> StudyError:
    """The complaint of the server without the address: user, password and host stay out of every message."""
    secrets = [address, *re.findall(r"[^:/@?&=]+", address.partition("://")[2])]
    text = " ".join(str(error).split())
    # The longest first, or a part of the address would remain beside the stars.
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) > 2 and secret not in table:
            text = re.sub(re.escape(secret), "***", text)
    where = variable
    if table:
        where = f"{variable}, table {table}"
    return StudyError(f"the database cannot be read: {shown(text, longest=160)}", where=where)
