"""Documents that the workbench wrote, read back: where one was damaged, one error names file, place and way out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from workbench.io.files import read_json
from workbench.io.toml import Kind, expect
from workbench.tables import WorkbenchError

_AGAIN: Final = "the file was changed, or another version wrote it: copy it back from where it was made, or make it again"


class Document(dict[str, Any]):
    """An object of JSON that knows where it stands: asked for a key that it lacks, it raises WorkbenchError."""

    def __init__(self, content: dict[str, Any], path: Path, place: str = "") -> None:
        super().__init__({key: _within(value, path, f"{place}.{key}".lstrip(".")) for key, value in content.items()})
        self.path, self.place = path, place

    def __missing__(self, key: str) -> Any:
        raise WorkbenchError(f"{self.path} lacks {key!r}{' in ' * bool(self.place)}{self.place}; {_AGAIN}")


def _within(value: Any, path: Path, place: str) -> Any:
    if isinstance(value, dict):
        return Document(value, path, place)
    if isinstance(value, list):
        return [_within(item, path, f"{place}[{number}]") for number, item in enumerate(value)]
    return value


def read_kept(path: Path, **kinds: Kind) -> Document:
    """Return an object that a JSON file holds; kinds: what its keys must be where it has them, as `expect` takes them."""
    found = read_json(path)
    if not isinstance(found, dict):
        raise WorkbenchError(f"{path} holds {str(found)[:40]!r} and no object; {_AGAIN}")
    for key, kind in kinds.items():
        try:
            expect(found, key, kind, str(path), None)
        except WorkbenchError as error:
            raise WorkbenchError(f"{error}; {_AGAIN}") from None
    return Document(found, path)


def read_kept_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return a Parquet file of ours as a frame; raises WorkbenchError where it is damaged or lacks one of the columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise WorkbenchError(f"{path} cannot be read: {str(error).partition(chr(10))[0]}; {_AGAIN}") from None
    for name in columns:
        if name not in table.column_names:
            raise WorkbenchError(f"{path} lacks the column {name!r}; {_AGAIN}")
    return pd.DataFrame(table.to_pandas())
