"""Private data is counted in every export, and masked in every format where somebody asks for it."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.export import Candidates, Filters, private_facts, private_in_words, write_export
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import Dataset, SoftLabels, VoteMatrix

IDS = pd.Index(["ann@corp.example", "r1", "r2"])
FRAME = pd.DataFrame(
    {
        "text": ["write to bob@corp.example", "nothing", "card 4111 1111 1111 1111, bob@corp.example"],
        "log": ["from 81.2.69.142", None, ""],
        "size": [1, 2, 3],
        "when": pd.to_datetime(["2026-01-01"] * 3),
    },
    index=IDS,
)
LABELS = ("ham", "spam")
VOTES = VoteMatrix(IDS, ("links",), LABELS, np.array([[1], [0], [1]]))
SOFT = SoftLabels(IDS, LABELS, np.array([[0.1, 0.9], [0.8, 0.2], [0.4, 0.6]]), VOTES.covered)


def rows(mask):
    return Candidates.of(Dataset(FRAME, LABELS), VOTES, SOFT, mask=mask)


def written(folder, mask, **settings):
    filters = asdict(Filters()) | {"removed": {}}
    provenance = {"data": "", "votes": "", "functions": {}, "model": "m", "settings": {}, "seed": 0, "filters": filters}
    return write_export(folder, rows(mask), np.ones(3, bool), provenance=provenance, **settings)


def test_what_stands_in_an_export_is_counted_and_said(tmp_path):
    folder = written(tmp_path / "set", mask=False)
    facts = json.loads((folder / "manifest.json").read_text())["private"]
    assert facts == {"masked": False, "rows": 2, "found": {"e-mail": 2, "card number": 1, "IP address": 1}}
    card = (folder / "card.md").read_text()
    assert "In 2 rows there was what follows; it stands in these files as it was written." in card and "| e-mail | 2 |" in card
    assert pd.read_parquet(folder / "train.parquet")["text"].tolist() == FRAME["text"].tolist()
    assert private_in_words(facts, 3).startswith("Private data in 2 of 3 exported rows: 2 e-mail addresses, 1 card number")


def test_every_format_is_masked_and_ids_stay(tmp_path):
    folder = written(tmp_path / "set", mask=True, formats=["parquet", "csv", "jsonl", "hf"])
    tables = [
        pd.read_parquet(folder / "train.parquet"),
        pd.read_csv(folder / "train.csv"),
        pd.read_json(folder / "train.jsonl", lines=True),
        pd.read_parquet(folder / "data" / "train-00000-of-00001.parquet"),
    ]
    for table in tables:
        assert table["text"].tolist() == ["write to [e-mail]", "nothing", "card [card number], [e-mail]"]
        assert table["log"].fillna("").tolist() == ["from [IP address]", "", ""] and table["size"].tolist() == [1, 2, 3]
        assert table["id"].tolist() == list(IDS)
    for file in folder.rglob("*.*"):
        assert b"bob@corp" not in file.read_bytes() and b"4111" not in file.read_bytes(), file
    assert "it is masked in these files" in (folder / "card.md").read_text()
    assert json.loads((folder / "manifest.json").read_text())["private"]["masked"] is True


def test_only_rows_that_are_kept_count():
    candidates = rows(mask=False)
    assert private_facts(candidates.private, np.array([False, True, False]), False) == {"masked": False, "rows": 0, "found": {}}
    assert private_facts(candidates.private, np.array([False, False, True]), False)["found"] == {"e-mail": 1, "card number": 1}
    assert private_in_words({"masked": False, "rows": 0, "found": {}}, 3) == ""


def test_rows_in_another_order_keep_their_own_marks():
    frame = rows(mask=True).frame(np.array([2, 0]))
    assert frame["text"].tolist() == ["card [card number], [e-mail]", "write to [e-mail]"]
    assert FRAME["text"].iloc[0] == "write to bob@corp.example", "what was given is as it was"


@pytest.fixture
def task(tiny_task):
    """Return the tiny task with two tickets in which a customer tells too much."""
    path = tiny_task / "rows.csv"
    table = pd.read_csv(path, dtype=str)
    table.loc[0, "text"] += " mail ann@corp.example or call +49 30 1234567"
    table.loc[2, "text"] += " my password is hunter22!"
    table.to_csv(path, index=False)
    return load_task(tiny_task)


def exported(*words):
    done = CliRunner().invoke(main, ["export", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done.stderr


def test_a_run_says_what_its_export_holds_and_masks_when_told(task, tmp_path):
    done = run(task, until="export")
    note = "Private data in 2 of 80 exported rows: 1 e-mail address, 1 phone number, 1 password; `mask = true`"
    assert any(sentence.startswith(note) for sentence in done.about["notes"])
    assert note in exported(task.folder, "--to", tmp_path / "plain")
    assert "each masked." in exported(task.folder, "--to", tmp_path / "masked", "--mask")
    text = (tmp_path / "masked" / "train.csv").read_text(encoding="utf-8")
    assert "ann@corp" not in text and "[phone number]" in text and "password is [password]" in text
    assert "ann@corp.example" in (tmp_path / "plain" / "train.csv").read_text(encoding="utf-8")
    exported(task.folder, "--mask", "--format", "csv")
    (newest,) = [path for path in task.runs_folder.glob("*/export/train.csv") if done.id not in path.parts]
    assert "[e-mail]" in newest.read_text(encoding="utf-8")
    toml = task.folder / "task.toml"
    toml.write_text(toml.read_text(encoding="utf-8") + "\n[export]\nmask = true\n", encoding="utf-8")
    again = run(load_task(task.folder), until="export")
    assert "[password]" in (again.folder / "export" / "train.jsonl").read_text(encoding="utf-8")
