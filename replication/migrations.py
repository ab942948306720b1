"""Can a document that an older version wrote be read by this one?

A table of functions, one per schema and version, each of which makes the next version's document.
What the table does not lead to this version is refused by its name. Light: no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from replication.errors import StoreError

__all__ = ["MIGRATIONS", "Migration", "migrated"]

Document = dict[str, Any]
Migration = Callable[[Document], Document]

MIGRATIONS: dict[str, Migration] = {}
"""Schema such as `corroborate/run@1` -> function to the same schema's next version.

Empty, since every schema of the store is at its first version. A function gets a document whose inner
records are of this version already, changes `schema` too, and has a test on a document as the old
version wrote it. Checksums are taken over what was written, before any migration.
"""


def migrated(
    document: object, wanted: str, what: str, table: Mapping[str, Migration] = MIGRATIONS
) -> Document:
    """Return a document in the version that is wanted, inner records included.

    Args:
        document: parsed JSON.
        wanted: its schema in this version, such as `corroborate/run@1`.
        what: names the document in errors, such as `run 'abc'`.
        table: schema -> function to its next version.

    Raises:
        StoreError: it is no document, or no functions lead from its schema to the one wanted.
    """
    current = _walked(document, table, what) if table else document
    schema = current.get("schema") if isinstance(current, dict) else None
    if not isinstance(current, dict) or schema != wanted:
        raise StoreError(
            f"{what}: found schema {str(schema)[:80]!r} ; expected '{wanted}'. "
            "Use the version of Corroborate that wrote it."
        )
    return current


def _walked(value: object, table: Mapping[str, Migration], what: str) -> object:
    """Return a JSON value with every record in it migrated, the innermost first."""
    if isinstance(value, list):
        return [_walked(item, table, what) for item in value]
    if not isinstance(value, dict):
        return value
    record = {name: _walked(item, table, what) for name, item in value.items()}
    while isinstance(schema := record.get("schema"), str) and schema in table:
        record = table[schema](record)
        if _version(record.get("schema")) <= _version(schema):
            raise StoreError(
                f"{what}: found a migration from {schema!r} to {str(record.get('schema'))[:80]!r} ; "
                "expected a later version. This is a bug of the program."
            )
    return record


def _version(schema: object) -> int:
    """Return the number after the `@`; -1 where there is none."""
    number = str(schema).rpartition("@")[2]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else -1
