"""SQL of others, of a study file or inside a database: what it may call, and for how long it may run."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from cxresearch.errors import StudyError
from cxresearch.wording import shown

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: What tells of the machine or its settings instead of the data, or runs SQL that nobody read.
_TELLS = re.compile(
    r"getenv|getvariable|current_setting|set_config|which_secret|version|user|current_user|session_user"
    r"|duckdb_\w+|pragma_\w+|pg_\w+|query|query_table|seq_scan|arrow_scan\w*"
    r"|pandas_scan|python_\w+|json_execute_serialized_sql|write_log|parse_duckdb_log_message"
    r"|(enable|disable)_(logging|profiling)|(force_)?checkpoint|truncate_duckdb_logs|nextval|currval"
    r"|(create|destroy|register|deregister)_external_resource\w*",
    re.IGNORECASE,
)
_TELLING_TABLES = re.compile(
    r"information_schema|pg_catalog|duckdb_\w+|sqlite_(temp_)?(master|schema)|pragma_database_list",
    re.IGNORECASE,
)


@contextmanager
def limited(connection: DuckDBPyConnection | None, seconds: float, where: str) -> Iterator[None]:
    """End what the connection runs after so many seconds.

    Raises
    ------
    StudyError
        If it took longer.
    """
    if connection is None:
        yield
        return
    ended = threading.Event()

    def end() -> None:
        ended.set()
        connection.interrupt()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (duckdb.Error, StudyError):
        if not ended.is_set():
            raise
        raise StudyError(
            f"a query did not end within {seconds:g} s",
            where=where,
            next_step="look for a view or a join that multiplies rows; if the data are that large, give "
            "query_seconds under [study]",
        ) from None
    finally:
        timer.cancel()


def check_calls(sql: str, where: str) -> None:
    """Refuse SQL that asks for the environment, settings or the list of tables.

    Parameters
    ----------
    sql : str
        A SELECT, or the definition of a view or macro.
    where : str
        For the message.

    Raises
    ------
    StudyError
        Naming the first such call.

    Examples
    --------
    >>> check_calls("SELECT count(*) FROM answers WHERE version > 2", "flag old")
    >>> try:
    ...     check_calls("SELECT getenv('HOME')", "flag home")
    ... except StudyError as error:
    ...     print(error.problem)
    the SQL calls 'getenv', which tells of the machine and not of the data
    """
    words = _words(sql)
    following = [*words[1:], ""]
    for word, after in zip(words, following, strict=True):
        name = word.strip('"')
        # A column may be called like a function; a call has a bracket behind it.
        calls = after.startswith("(") and _TELLS.fullmatch(name)
        if calls or _TELLING_TABLES.fullmatch(name):
            raise StudyError(
                f"the SQL calls {shown(name)}, which tells of the machine and not of the data",
                where=where,
                wanted="SQL over the inputs of the study file",
            )


def check_view(connection: DuckDBPyConnection, database: str, view: str, where: str) -> None:
    """Check the definition of a view inside a database, and of the views and macros that it uses.

    Raises
    ------
    StudyError
        As `check_calls`.
    """
    definitions = _definitions(connection, database)
    pending, checked = [view.rsplit(".", 1)[-1].lower()], set()
    while pending:
        name = pending.pop()
        if name in checked or name not in definitions:
            continue
        checked.add(name)
        check_calls(definitions[name], where)
        pending += [word.strip('"').lower() for word in _words(definitions[name])]


def _definitions(connection: DuckDBPyConnection, database: str) -> Mapping[str, str]:
    """SQL of views and macros by name; of equal names in two schemas, both."""
    query = (
        "SELECT view_name, sql FROM duckdb_views() WHERE database_name = $1 AND NOT internal UNION ALL "
        "SELECT function_name, macro_definition FROM duckdb_functions() "
        "WHERE database_name = $1 AND macro_definition IS NOT NULL AND NOT internal"
    )
    texts: dict[str, str] = {}
    for name, sql in connection.execute(query, [database]).fetchall():
        texts[name.lower()] = f"{texts.get(name.lower(), '')} {sql}"
    return texts


def _words(sql: str) -> list[str]:
    """The words and signs of SQL in order, without comments and quoted texts."""
    encoded = sql.encode("utf-8")  # the tokens are placed by bytes
    tokens = [(place, kind) for place, kind in duckdb.tokenize(sql) if kind != duckdb.token_type.comment]
    ends = [place for place, _ in tokens[1:]] + [len(encoded)]
    words = []
    for (place, kind), end in zip(tokens, ends, strict=True):
        word = encoded[place:end].decode("utf-8", "replace").split("--")[0].split("/*")[0].strip()
        if kind == duckdb.token_type.string_const:
            word = "''"
        words.append(word)
    return words
