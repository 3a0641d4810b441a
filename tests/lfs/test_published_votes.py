"""Keyword rules give the votes that were published with a data set."""

import json

import numpy as np
import pandas as pd

from workbench import Dataset, apply_lfs
from workbench.lfs import keyword


def test_banking77s_keywords_vote_as_published(shared_data):
    folder = shared_data / "banking77"
    rows = json.loads((folder / "test.json").read_text(encoding="utf-8"))
    classes = json.loads((folder / "label.json").read_text(encoding="utf-8"))
    rules = json.loads((folder / "lfs.json").read_text(encoding="utf-8"))
    texts = [row["data"]["text"] for row in rows.values()]
    data = Dataset(pd.DataFrame({"text": texts}, index=list(rows)), labels=[classes[key] for key in sorted(classes, key=int)])
    lfs = [keyword(rule["keyword"], rule["label"], whole_word=False, name=f"k{i}") for i, rule in enumerate(rules)]
    votes = apply_lfs(lfs, data, chunk_rows=1_000)
    published = np.array([row["weak_labels"] for row in rows.values()])
    assert votes.votes.shape == (3080, 335) and votes.faults.empty
    assert np.array_equal(votes.votes, published)
