"""A training set on disk: files that agree, a manifest that proves it, a card that explains it."""

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workbench.export import PROVENANCE, Candidates, Filters, passing, write_export
from workbench.tables import Dataset, SoftLabels, VoteMatrix, WorkbenchError

IDS = pd.Index(["=1+1", "r1", "r2"])
LABELS = ("ham", "spam")
TEXT = ['=HYPERLINK("x")', 'comma, "quote"\nline', "-5 über"]
DATASET = Dataset(pd.DataFrame({"text": TEXT, "size": [-1, 2, 3]}, index=IDS), LABELS, gold=pd.Series([1, 0, -1], index=IDS))
VOTES = VoteMatrix(IDS, ("links", "a|b"), LABELS, np.array([[1, -1], [1, 0], [-1, -1]]))
SOFT = SoftLabels(IDS, LABELS, np.array([[0.1, 0.9], [0.4, 0.6], [0.5, 0.5]]), VOTES.covered)
ROWS = Candidates.of(DATASET, VOTES, SOFT)
FRAME = ROWS.frame()
ALL = np.ones(3, bool)


def provenance(**more: Any) -> dict[str, Any]:
    known = {"data": DATASET.fingerprint, "votes": VOTES.fingerprint, "functions": {"links": "abc123", "a|b": "def456"}}
    known |= {"model": "generative", "settings": {"class_balance": None}, "seed": 0}
    return known | {"filters": asdict(Filters()) | {"removed": {"covered_only": 4}}} | more


def written(folder: Path, rows: Candidates = ROWS, kept: Any = ALL, **settings: Any) -> Path:
    return write_export(folder, rows, kept, **{"provenance": provenance(), **settings})


def test_every_format_holds_the_same_rows(tmp_path: Path) -> None:
    folder = written(tmp_path / "export", escape_formulas=False)
    tables = [
        pd.read_parquet(folder / "train.parquet"),
        pd.read_csv(folder / "train.csv"),
        pd.read_json(folder / "train.jsonl", lines=True),
    ]
    for table in tables:
        pd.testing.assert_frame_equal(table.set_index("id"), FRAME, check_dtype=False)


def test_the_manifest_proves_the_files(tmp_path: Path) -> None:
    folder = written(tmp_path / "export", warnings=["Function 'a|b' is weak."])
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["format"] == 1 and manifest["rows"] == 3 and manifest["labels"] == ["ham", "spam"]
    assert {file["name"] for file in manifest["files"]} == {"train.parquet", "train.csv", "train.jsonl"}
    for file in manifest["files"]:
        content = (folder / file["name"]).read_bytes()
        assert (file["sha256"], file["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
    assert [column["name"] for column in manifest["columns"]] == ["id", *FRAME.columns]
    assert {key: manifest[key] for key in PROVENANCE} == json.loads(json.dumps(provenance()))
    assert manifest["warnings"] == ["Function 'a|b' is weak."]


def test_a_spreadsheet_runs_nothing_from_the_csv(tmp_path: Path) -> None:
    rows = pd.read_csv(written(tmp_path / "safe") / "train.csv")
    assert rows["id"].tolist() == ["'=1+1", "r1", "r2"]
    assert rows["text"].tolist() == ['\'=HYPERLINK("x")', 'comma, "quote"\nline', "'-5 über"]
    assert rows["size"].tolist() == [-1, 2, 3]  # a number is no formula
    assert pd.read_parquet(tmp_path / "safe" / "train.parquet")["text"].tolist() == TEXT
    assert json.loads((tmp_path / "safe" / "manifest.json").read_text())["csv_formulas_escaped"] is True
    plain = written(tmp_path / "plain", escape_formulas=False)
    assert pd.read_csv(plain / "train.csv")["text"].tolist() == TEXT
    assert "formula" in (tmp_path / "safe" / "card.md").read_text() and "formula" not in (plain / "card.md").read_text()


def test_a_name_makes_no_markup_on_the_card(tmp_path: Path) -> None:
    nasty = "<img src=x onerror=alert(1)> ![x](http://rows.example.org/a.png)"
    votes = VoteMatrix(IDS, ("links", nasty), LABELS, VOTES.votes)
    facts = provenance(functions={"links": "abc123", nasty: "def456"})
    folder = written(tmp_path / "export", replace(ROWS, votes=votes), provenance=facts, warnings=[f"{nasty} is weak, `[a] <b`"])
    said = (folder / "card.md").read_text()
    assert r"\<img src=x onerror=alert(1)\> \!\[x\](" in said and r"- \<img" in said
    assert "<img" not in said.replace(r"\<img", "") and "![" not in said.replace(r"!\[", "") and "`[a] <b`" in said


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = written(tmp_path / "first"), written(tmp_path / "second")
    names = sorted(path.name for path in first.iterdir())
    assert names == ["card.md", "manifest.json", "train.csv", "train.jsonl", "train.parquet"]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_an_export_is_never_overwritten(tmp_path: Path) -> None:
    folder = written(tmp_path / "export", formats=["csv"])
    before = (folder / "train.csv").read_bytes()
    with pytest.raises(WorkbenchError, match="export exists already"):
        written(folder, kept=np.array([True, False, False]))
    assert (folder / "train.csv").read_bytes() == before


def test_an_export_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    texts = pd.Series(["ok", "half of a pair \ud83d", "ok"], index=IDS, dtype=object)
    broken = Candidates.of(Dataset(DATASET.frame.assign(more=texts), LABELS), VOTES, SOFT)
    with pytest.raises(WorkbenchError, match="half of a character"):
        written(tmp_path / "export", broken, formats=["jsonl", "csv"], escape_formulas=False)
    assert list(tmp_path.iterdir()) == []


def test_the_card_explains_the_set(tmp_path: Path) -> None:
    text = (written(tmp_path / "export", warnings=["Two functions are one."]) / "card.md").read_text()
    for said in (
        "# Training set of 3 rows in 2 classes",
        "| spam | 2 | 66.7% | 0.667 |",
        "| (no label: uncovered or tied) | 1 | 33.3% |  |",
        "Covered by at least one function: 2 of 3 rows (66.7%)",
        "Label noise: not measured",
        "- model: `generative`",
        "| links | 2 | 66.7% | 100.0% | abc123 |",
        r"| a\|b | 1 | 33.3% | 0.0% | def456 |",
        "Before them there were 7 rows.",
        "- covered_only: true, removed 4 rows",
        "- Two functions are one.",
        "pd.read_parquet('train.parquet')",
    ):
        assert said in text


def test_the_card_counts_the_rows_that_people_labelled(tmp_path: Path) -> None:
    rows = Candidates.of(DATASET, VOTES, SOFT, reviewed=pd.Index(["r1"]))
    text = (written(tmp_path / "export", rows) / "card.md").read_text()
    assert "People labelled 1 of these rows; for the others 2 labeling functions voted" in text
    assert "Nobody labelled" not in text


def test_the_card_names_how_right_the_labels_are(tmp_path: Path) -> None:
    quality = {"expected": 0.9, "valid": {"n": 232, "accuracy": 0.84, "interval": [0.79, 0.88]}}
    text = (written(tmp_path / "export", provenance=provenance(quality=quality)) / "card.md").read_text()
    assert "of 232 valid rows with gold that pass the same filters 84.0% are labelled right" in text
    assert "(95 % interval 79.0% to 88.0%)" in text and "probabilities: 90.0% of these labels" in text
    assert "not measured" not in text


def test_a_set_of_hard_labels_has_no_probabilities(tmp_path: Path) -> None:
    filters = asdict(Filters(hard_labels=True)) | {"removed": {"hard_labels": 1}}
    folder = written(tmp_path / "export", kept=np.array([True, True, False]), provenance=provenance(filters=filters))
    frame = pd.read_parquet(folder / "train.parquet")
    assert list(frame["label"]) == ["spam", "spam"] and not {"p_ham", "p_spam", "entropy"} & set(frame)
    assert [column["name"] for column in json.loads((folder / "manifest.json").read_text())["columns"]] == list(frame)
    assert "Train on the probabilities" not in (folder / "card.md").read_text()


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"], ids=str)
def test_the_code_on_the_card_loads_the_file(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = written(tmp_path / "export", formats=[kind], escape_formulas=False)
    code = (folder / "card.md").read_text().split("```python\n")[1].split("\nfrom datasets")[0]
    monkeypatch.chdir(folder)
    found: dict[str, Any] = {}
    exec(code, found)
    assert found["frame"]["text"].tolist() == TEXT and list(found["frame"].index) == list(IDS)


def test_mistaken_exports_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="export format 'xlsx' is unknown; known are parquet, csv, jsonl, hf"):
        written(tmp_path / "export", formats=["xlsx"])
    with pytest.raises(WorkbenchError, match="provenance of an export lacks seed, filters"):
        lacking = {key: value for key, value in provenance().items() if key not in ("seed", "filters")}
        written(tmp_path / "export", provenance=lacking)
    with pytest.raises(WorkbenchError, match="no row is left to export; loosen the filters"):
        written(tmp_path / "export", kept=~ALL)


def test_youtube_is_exported_whole(shared_data: Path, tmp_path: Path) -> None:
    """What comes back from disk is what went in."""
    rows = json.loads((shared_data / "youtube" / "train.json").read_text())
    ids = pd.Index([f"train:{key}" for key in rows])
    frame = pd.DataFrame({"text": [row["data"]["text"] for row in rows.values()]}, index=ids)
    dataset = Dataset(frame, LABELS, gold=pd.Series([row["label"] for row in rows.values()], index=ids))
    votes = VoteMatrix.from_array([row["weak_labels"] for row in rows.values()], LABELS, ids)
    counts = np.stack([(votes.votes == label).sum(axis=1) for label in range(2)], axis=1) + 1e-12
    soft = SoftLabels(ids, LABELS, counts / counts.sum(axis=1, keepdims=True), votes.covered)
    rows = Candidates.of(dataset, votes, soft)
    kept, removed = passing(rows, Filters())
    assert removed == {"splits": 0, "covered_only": 180} and kept.sum() == 1506
    folder = written(tmp_path / "export", rows, kept, provenance=provenance(functions={}, filters={"removed": removed}))
    back = pd.read_csv(folder / "train.csv", keep_default_na=False).set_index("id")
    assert len(back) == 1506 and back["p_spam"].sum() == pytest.approx(soft.probs[kept, 1].sum())
