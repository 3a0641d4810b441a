"""A run folder whose files were damaged gives one sentence that names the file, whichever command reads it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.io.kept import read_kept, read_kept_table
from workbench.io.votes import read_soft_labels, read_votes, write_soft_labels, write_votes
from workbench.label_models import GenerativeModel
from workbench.label_models.kept import load, save
from workbench.tables import SoftLabels, VoteMatrix, WorkbenchError

VOTES = VoteMatrix.from_array(np.array([[0, 1], [1, -1], [0, 0]] * 5), labels=["ham", "spam"])
SOFT = SoftLabels(VOTES.ids, VOTES.labels, np.tile([0.25, 0.75], (15, 1)), np.ones(15, dtype=bool))


def write_model(path: Path) -> None:
    save(GenerativeModel().fit(VOTES), path)


KEPT: dict[str, tuple[Callable[[Path], None], Callable[[Path], object]]] = {
    "votes.parquet": (lambda path: write_votes(VOTES, path), read_votes),
    "soft_labels.parquet": (lambda path: write_soft_labels(SOFT, path), read_soft_labels),
    "label_model.safetensors": (write_model, load),
}


@pytest.mark.parametrize("name", KEPT)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 0.999), bit=st.integers(0, 7))
def test_a_flipped_bit_is_seen_or_changes_nothing(tmp_path: Path, name: str, place: float, bit: int) -> None:
    write, read = KEPT[name]
    path = tmp_path / name
    write(path)
    whole = said(read(path))
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    try:
        assert said(read(path)) == whole
    except WorkbenchError as error:
        assert name in str(error)


def said(kept: object) -> object:
    """Return the figures of what was read: names may stand anywhere in a footer, which has no checksum."""
    if isinstance(kept, VoteMatrix):
        return kept.votes.tolist()
    if isinstance(kept, SoftLabels):
        return kept.probs.tolist()
    assert isinstance(kept, GenerativeModel)
    return kept.predict_proba(VOTES).probs.tolist()


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("share", [0, 0.5, 0.99], ids=["empty", "half", "tail"])
def test_a_file_cut_short_is_refused_by_its_name(tmp_path: Path, name: str, share: float) -> None:
    write, read = KEPT[name]
    path = tmp_path / name
    write(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(WorkbenchError, match=name):
        read(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.drop_columns(["covered"]),
        lambda table: table.set_column(1, "0", pa.array(["x"] * 15)),
        lambda table: pa.concat_tables([table, table.slice(0, 1)]),
        lambda table: table.set_column(1, "0", pa.array([7.0] * 15)),
    ],
    ids=["column lost", "text for numbers", "a row twice", "no probabilities"],
)
def test_soft_labels_that_were_changed_are_refused_with_the_way_out(
    tmp_path: Path, change: Callable[[pa.Table], pa.Table]
) -> None:
    path = tmp_path / "soft_labels.parquet"
    write_soft_labels(SOFT, path)
    pq.write_table(change(pq.read_table(path)), path)
    with pytest.raises(WorkbenchError, match=r"soft_labels\.parquet is damaged: .*; copy it back .*, or run again"):
        read_soft_labels(path)


def test_a_document_that_lacks_a_key_says_where(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps({"label_model": {"generative": [{"test": {}}]}}))
    found = read_kept(path)
    with pytest.raises(WorkbenchError, match=r"metrics\.json lacks 'pgr'; .*copy it back"):
        found["pgr"]
    with pytest.raises(WorkbenchError, match=r"metrics\.json lacks 'all' in label_model\.generative\[0\]\.test; "):
        found["label_model"]["generative"][0]["test"]["all"]
    assert found.get("pgr") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", r"run\.json holds '\[1\]' and no object; .*make it again"),
        ('{"settings": 3}', r"settings in .*run\.json is 3; it must be a table; .*make it again"),
        ("{", r"run\.json is not valid JSON"),
    ],
    ids=["list", "number for a table", "cut short"],
)
def test_a_document_of_another_kind_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(content)
    with pytest.raises(WorkbenchError, match=message):
        read_kept(path, settings=dict)


def test_a_kept_table_that_lacks_a_column_or_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "anchors.parquet"
    pd.DataFrame({"id": ["a"]}).to_parquet(path)
    with pytest.raises(WorkbenchError, match=r"anchors\.parquet lacks the column 'label'; .*copy it back"):
        read_kept_table(path, ["id", "label"])
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(WorkbenchError, match=r"anchors\.parquet cannot be read: .*copy it back"):
        read_kept_table(path, ["id"])
