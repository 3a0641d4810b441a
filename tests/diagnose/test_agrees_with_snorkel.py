"""Figures that Snorkel's LFAnalysis defines too are the same here, to the last row."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.diagnose import coverage_summary, function_table
from workbench.tables import ABSTAIN, VoteMatrix

pytestmark = pytest.mark.filterwarnings("ignore:Input has data type:FutureWarning")  # how Snorkel calls SciPy


def assert_agrees(array: np.ndarray, gold: np.ndarray, labels: list[str]) -> None:
    from snorkel.labeling import LFAnalysis

    theirs = LFAnalysis(array)
    votes = VoteMatrix.from_array(array, labels)
    truth = pd.Series(gold, index=votes.ids)
    table, summary = function_table(votes, truth), coverage_summary(votes, truth)
    assert table["polarity"].tolist() == [tuple(labels[c] for c in classes) for classes in theirs.lf_polarities()]
    np.testing.assert_allclose(table["coverage"], theirs.lf_coverages())
    np.testing.assert_allclose(table["overlap"], theirs.lf_overlaps())
    np.testing.assert_allclose(table["conflict"], theirs.lf_conflicts())
    assert summary["label_coverage"] == pytest.approx(theirs.label_coverage())
    assert summary["overlap"] == pytest.approx(theirs.label_overlap())
    assert summary["conflict"] == pytest.approx(theirs.label_conflict())
    # Where a function never voted Snorkel says that its accuracy is 0; here it is missing.
    np.testing.assert_allclose(table["accuracy"].fillna(0), theirs.lf_empirical_accuracies(gold))
    their_table = theirs.lf_summary(gold)
    assert table["correct"].tolist() == their_table["Correct"].tolist()
    assert (table["n_gold"] - table["correct"]).tolist() == their_table["Incorrect"].tolist()


@pytest.mark.parametrize("seed", range(20), ids=str)
def test_on_small_random_matrices(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m, k = rng.integers(1, 30), rng.integers(1, 6), rng.integers(2, 5)
    voted = rng.random((n, m)) < rng.random(m)
    array = np.where(voted, rng.integers(0, k, (n, m)), ABSTAIN)
    assert_agrees(array, rng.integers(0, k, n), [f"class {c}" for c in range(k)])


def test_on_the_votes_of_youtube(shared_data: Path) -> None:
    rows = json.loads((shared_data / "youtube" / "train.json").read_text()).values()
    labels = list(json.loads((shared_data / "youtube" / "label.json").read_text()).values())
    assert_agrees(np.array([row["weak_labels"] for row in rows]), np.array([row["label"] for row in rows]), labels)
