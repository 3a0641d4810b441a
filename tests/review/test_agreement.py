"""Cohen's kappa and Krippendorff's alpha against worked examples and scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from workbench.review.agreement import agreement, cohen_kappa, krippendorff_alpha
from workbench.review.decision import Decision
from workbench.review.record import Record

# Krippendorff (2011), sections A, B and C; one line an observer, one letter a unit, . where nothing was said
EXAMPLES = [
    pytest.param(["0100000010", "1110010000"], 0.095, 20, id="two observers, binary"),
    pytest.param(["aabbdcccedda", "babbbccceddd"], 0.692, 24, id="two observers, nominal"),
    pytest.param(["123321412...", "1233224125.3", ".3332342251.", "12332441251."], 0.743, 40, id="four observers, missing"),
]


def codes_of(observers):
    """Return int[units, observers], -1 where nothing was said."""
    letters = sorted(set("".join(observers)) - {"."})
    return np.array([[letters.index(letter) if letter != "." else -1 for letter in line] for line in observers]).T


@pytest.mark.parametrize(("observers", "alpha", "n"), EXAMPLES)
def test_alpha_of_krippendorffs_own_examples(observers, alpha, n):
    found = krippendorff_alpha(codes_of(observers))
    assert found["alpha"] == pytest.approx(alpha, abs=5e-4)
    assert found["n"] == n
    assert found["low"] < found["alpha"] < found["high"]


def test_kappa_of_cohens_own_table():
    """Cohen (1960), table 1: 200 cases, three diagnoses."""
    table = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    one, other = (np.repeat(side.ravel(), table.ravel()) for side in np.indices(table.shape))
    found = cohen_kappa(one, other)
    assert found["kappa"] == pytest.approx(0.492, abs=5e-4)
    assert found["low"] < 0.45 < 0.53 < found["high"]


@pytest.mark.parametrize("seed", range(5), ids=lambda seed: f"seed {seed}")
def test_kappa_is_scikit_learns(seed):
    draw = np.random.default_rng(seed)
    one = draw.integers(0, 4, 60)
    other = np.where(draw.random(60) < 0.6, one, draw.integers(0, 4, 60))
    assert cohen_kappa(one, other)["kappa"] == pytest.approx(cohen_kappa_score(one, other))


def test_where_one_class_is_given_nothing_is_defined():
    same = np.zeros(5, int)
    assert cohen_kappa(same, same) == {"kappa": None, "low": None, "high": None}
    assert krippendorff_alpha(np.column_stack([same, same])) == {"n": 10, "rows": 5, "alpha": None, "low": None, "high": None}


def test_one_row_has_no_interval():
    assert krippendorff_alpha(np.array([[0, 1], [0, -1]])) == {"n": 2, "rows": 1, "alpha": 0.0, "low": None, "high": None}


def test_only_labels_of_annotators_count(tmp_path):
    record = Record(tmp_path / "decisions.sqlite")
    said = {"ann": "hhss", "bob": "hhsh", "carl": "hs"}
    names = {"h": "ham", "s": "spam"}
    decisions = [Decision(f"r{i}", "label", who, names[c]) for who, line in said.items() for i, c in enumerate(line)]
    decisions += [Decision("r4", "unsure", "ann"), Decision("r4", "label", "bob", "ham")]
    decisions += [Decision("r3", "label", "ann", "ham", reason="adjudication")]
    record.decide(decisions)
    found = agreement(record.current())
    pairs = {tuple(pair["reviewers"]): (pair["n"], pair["same"]) for pair in found["pairs"]}
    assert pairs == {("ann", "bob"): (4, 0.75), ("ann", "carl"): (2, 0.5), ("bob", "carl"): (2, 0.5)}
    assert (found["alpha"]["rows"], found["alpha"]["n"]) == (4, 10)


def test_without_labels_there_is_no_agreement(tmp_path):
    found = agreement(Record(tmp_path / "decisions.sqlite").current())
    assert found == {"pairs": [], "alpha": {"n": 0, "rows": 0, "alpha": None, "low": None, "high": None}}
