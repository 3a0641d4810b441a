"""What the end model of a run learned, where it leaves its labels, and what it leaves to a person."""

import json

import numpy as np
import pandas as pd
import pytest

from workbench.end_model import EndModel
from workbench.evaluate import best_aurc
from workbench.project import end_model, end_model_confusion, end_model_fates, end_model_scores, jobs
from workbench.project.end_model import Answers
from workbench.project.end_model_confidence import Measured, Trust, risk_of, worth_by_group
from workbench.project.steps import train
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.spec import Slice
from workbench.tables import Dataset, SoftLabels

LABELS = ("ham", "spam")


def soft(ids, probs, covered=True):
    """Return soft labels of rows; probs are those of spam."""
    ids = pd.Index(list(ids))
    return SoftLabels(ids, LABELS, [[1 - p, p] for p in probs], np.broadcast_to(covered, len(ids)))


def rows(ids, split, gold):
    index = pd.Index(list(ids))
    frame = pd.DataFrame({"text": [f"text {row}" for row in index]}, index=index)
    return Dataset(frame, LABELS, split=pd.Series(split, index=index), gold=pd.Series(gold, index=index))


def test_scores_by_class_count_what_is_found_and_what_is_right():
    dataset = rows("abcde", ["valid"] * 5, [1, 1, 1, 0, -1])
    table = end_model.class_table(soft("abcde", [0.9, 0.8, 0.1, 0.7, 0.9]), dataset)
    assert table.loc["spam", ["gold", "answered"]].tolist() == [3, 3]
    assert table.loc["spam", ["found", "right", "f1"]].tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3])
    assert table.loc["ham", ["gold", "answered", "found", "right", "f1"]].tolist() == [1, 1, 0, 0, 0]
    assert table.loc["spam", "found_low"] < 2 / 3 < table.loc["spam", "found_high"]
    nobody = end_model.class_table(soft("a", [0.9]), rows("a", ["valid"], [-1]))
    assert nobody["gold"].sum() == 0 and nobody[["found", "right", "f1"]].isna().all(axis=None)


def test_differences_are_those_from_labels_and_show_gold_on_valid_alone():
    dataset = rows("abcdef", ["valid", "valid", "train", "valid", "train", "valid"], [1, 0, 1, 1, 0, -1])
    labels = soft("abcdef", [0.1, 0.8, 0.2, 0.5, 0.9, 0.9], covered=[1, 1, 1, 1, 0, 1])  # d ties, nobody votes on e
    valid, taught = soft("abdf", [0.9, 0.1, 0.9, 0.2]), soft("ce", [0.7, 0.1])
    apart, compared = end_model_fates.differences([valid, taught], labels, dataset)
    assert apart.index.tolist() == ["a", "b", "f", "c"] and compared == {"valid": 3, "train": 1}
    assert apart.loc["a"].tolist() == ["valid", "ham", 0.9, "spam", 0.9, "spam", "overruled_right"]
    assert apart.loc["c", "gold"] == "" and apart.loc["f", ["gold", "fate"]].tolist() == ["", ""]
    pairs = end_model_fates.pairs_table(apart)
    assert pairs.loc[("ham", "spam")].to_dict() == {"valid": 1, "train": 1, "end_model": 1, "by_label": 0, "neither": 0}
    assert pairs.loc[("spam", "ham")].to_dict() == {"valid": 2, "train": 0, "end_model": 1, "by_label": 0, "neither": 0}
    shown, total = end_model_fates.rows_apart(apart, dataset, pair=("spam", "ham"), split="valid", start=1, size=5)
    assert total == 2 and shown["row"].to_dict() == {"f": "text f"}
    same, _ = end_model_fates.differences([soft("b", [0.2])], soft("b", [0.2]), dataset)
    assert same.empty


def test_rows_stand_under_what_became_of_their_label():
    dataset = rows("abcde", ["valid", "valid", "valid", "valid", "train"], [1, 0, 0, 1, -1])
    labels, student = soft("abcde", [0.1, 0.2, 0.3, 0.9, 0.8]), soft("abcde", [0.2, 0.1, 0.9, 0.1, 0.1])
    apart, _ = end_model_fates.differences([student], labels, dataset)
    assert apart["fate"].to_dict() == {"c": "overruled_wrong", "d": "overruled_wrong", "e": "", "a": "copied"}
    copied, n = end_model_fates.rows_apart(apart, dataset, fate="copied")
    assert n == 1 and copied.loc["a", ["label", "answer", "gold"]].tolist() == ["ham", "ham", "spam"]
    assert end_model_fates.rows_apart(apart, dataset)[1] == 3, "a copied error is no difference"
    assert end_model_fates.pairs_table(apart)["by_label"].tolist() == [1, 1]


FIVE = ("followed", "copied", "overruled_right", "overruled_wrong", "overruled_neither")
OVERRULED = {
    "test": {"n": 10, "label_wrong": 4, **dict(zip(FIVE, (5, 3, 1, 1, 0), strict=True)), "copied_share": 0.75},
    "valid": {"n": 2, "label_wrong": 0, **dict(zip(FIVE, (2, 0, 0, 0, 0), strict=True)), "copied_share": None},
}
OVERRULED["test"] |= {"interval": [0.3, 0.95]}
OVERRULED["valid"] |= {"functions": [{"lf": "x", "wrong": 2, "copied": 1, "overruled_right": 1}]}


def test_fates_are_counted_by_split_and_said_in_words():
    table = end_model_fates.fate_table(OVERRULED)
    assert table.loc["copied", ["test", "test_share", "valid"]].tolist() == [3, 0.3, 0]
    assert table.loc["copied", "test_low"] < 0.3 < table.loc["copied", "test_high"]
    assert end_model_fates.copied_in_words(OVERRULED) == (
        "Of 4 wrong labels on test it copied 3: 75% (95 % interval 30% to 95%). "
        "No label of the 2 valid rows with gold is wrong."
    )
    assert end_model_fates.functions_to_mend(OVERRULED).loc["x"].tolist() == [2, 1, 1]
    assert end_model_fates.functions_to_mend({}).empty


def scores(accuracy, n=50):
    ends = {name: [accuracy - 0.1, accuracy + 0.1] for name in ("accuracy", "macro_f1", "log_loss", "ece")}
    figures = {name: accuracy for name in ends}
    return {"test": {"uncovered": {"n": n, **figures, "interval": [0, 1], "intervals": ends}}}


def gained(value, low, high, clear=False):
    return {"n": 50, "value": value, "interval": [low, high], "detectable": 0.07, "clear": clear}


METRICS = {
    "label_model": {"majority_vote": scores(0.5), "snorkel": {"skipped": "too slow"}},
    "end_model": scores(0.7),
    "ceiling": scores(0.9),
    "uncovered": {"test": {"n": 50, "majority_class": "spam", "accuracy": 0.4, "interval": [0.3, 0.5]}},
    "gains": {
        "test": {
            "uncovered": {
                "majority_vote": gained(0.2, 0.1, 0.3, True),
                "ceiling": gained(-0.2, -0.3, -0.1),
                "majority_class": gained(0.05, -0.01, 0.1),
            }
        }
    },
}


def test_models_stand_side_by_side_with_intervals_and_what_the_end_model_gains():
    board = end_model_scores.board(METRICS, "test", "uncovered")
    assert board.index.tolist() == ["always spam", "majority vote", "Snorkel's LabelModel", "end model", "gold-trained ceiling"]
    assert board.loc["always spam", ["accuracy", "accuracy_low", "n"]].tolist() == [0.4, 0.3, 50]
    assert board.loc["end model", ["log_loss_low", "ece_high"]].tolist() == pytest.approx([0.6, 0.8])
    assert board.loc["majority vote", ["gain", "gain_low"]].tolist() == [0.2, 0.1]
    assert board.loc["Snorkel's LabelModel", "reason"] == "too slow" and np.isnan(board.loc["Snorkel's LabelModel", "n"])
    old = {"label_model": {"majority_vote": {"test": {"all": {"n": 3, "accuracy": 0.5, "interval": [0.2, 0.8]}}}}}
    assert end_model_scores.board(old, "test", "all").loc["majority vote", "accuracy_low"] == 0.2
    assert end_model_scores.gains_in_words(old, "test", "all") == ""


def test_what_the_end_model_gains_is_said_by_what_is_clear():
    assert end_model_scores.gains_in_words(METRICS, "test", "uncovered") == (
        "On these 50 rows the end model is right more often than majority vote (+20.0, +10.0 to +30.0); not clearly apart from "
        "always spam (+5.0, −1.0 to +10.0); right less often than gold-trained ceiling (−20.0, −30.0 to −10.0): points of "
        "accuracy, with 95 % intervals."
    )


def test_a_crossover_is_drawn_from_its_draws():
    curve = [{"n": 25, "accuracy": [0.4, 0.6, 0.5], "mean": 0.5}, {"n": 40, "accuracy": [0.7, 0.7, 0.7], "mean": 0.7}]
    assert end_model_scores.crossover_table({"curve": curve}).to_numpy().tolist() == [[25, 0.5, 0.4, 0.6], [40, 0.7, 0.7, 0.7]]


def test_confidence_is_worth_what_valid_gold_says():
    dataset = rows("abcde", ["valid"] * 5, [1, 0, 0, 1, -1])
    valid = soft("abcde", [0.9, 0.8, 0.3, 0.6, 0.99])
    found = Trust.of(valid, dataset)
    assert (found.n, found.wrong) == (4, 0.25) and found.curve["coverage"].tolist() == [0.25, 0.5, 0.75, 1]
    assert found.curve["risk"].tolist() == pytest.approx([0, 1 / 2, 1 / 3, 1 / 4])
    assert found.aurc == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4) and found.best == pytest.approx(0.25 / 4)
    assert found.ece == pytest.approx((0.1 + 0.8 + 0.3 + 0.4) / 4)
    of_ham = Trust.of(valid, dataset, "ham")
    assert (of_ham.n, of_ham.wrong) == (1, 0) and of_ham.bins["n"].tolist() == [1]
    nobody = Trust.of(soft("e", [0.9]), dataset)
    assert nobody.n == 0 and nobody.curve.empty and nobody.aurc is None and nobody.ece is None


def test_confidence_is_worth_more_on_some_rows():
    assert best_aurc([False, True, False, True]) == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)
    dataset = rows("abcde", ["valid"] * 5, [1, 0, 0, 1, -1])
    valid = soft("cbae", [0.3, 0.8, 0.9, 0.99])
    slices = [Slice("new", "text", "in", [f"text {row}" for row in "bcde"]), Slice("none", "text", "equals", "text e")]
    found = worth_by_group(valid, dataset, slices, threshold=0.75)
    assert found["n"].to_dict() == {"all rows": 3, "answer ham": 1, "answer spam": 2, "slice new": 2}
    assert found["wrong"].tolist() == pytest.approx([1 / 3, 0, 1 / 2, 1 / 2])
    assert found["answered"].tolist() == pytest.approx([2 / 3, 0, 1, 1 / 2])
    assert found["wrong_answered"].fillna(-1).tolist() == pytest.approx([1 / 2, -1, 1 / 2, 1])
    assert found["aurc"].tolist() == pytest.approx([(0 + 1 / 2 + 1 / 3) / 3, 0, 1 / 4, (1 + 1 / 2) / 2])
    assert not worth_by_group(valid, dataset, slices, threshold=1.0)["answered"].any()
    assert (worth_by_group(valid, dataset, slices, threshold=None)["answered"] == 1).all()


def test_a_target_risk_says_what_may_be_answered():
    measured = Measured(np.repeat([0.9, 0.6], 100), np.repeat([True, False], 100), None)
    found = measured.at(0.05)
    assert found.in_words() == "answers 50 % of rows, wrong on at most 5 % of them, 95 % sure"
    assert 0.6 <= found.threshold < 0.9 and measured.at(0.01).threshold is None


def test_confusions_are_counted_and_their_rows_shown():
    dataset = rows("abcde", ["valid"] * 5, [1, 1, 0, 1, -1])
    valid = soft("abcde", [0.9, 0.3, 0.8, 0.1, 0.1])
    cells, order = end_model_confusion.confusion(valid, dataset, 20)
    found = cells.set_index(["gold", "answer"])
    assert order == ["ham", "spam"] and found.loc[("spam", "ham")].tolist() == [2, 3, 2 / 3]
    assert found.loc[("ham", "ham"), "n"] == 0 and end_model_confusion.confusion(valid, dataset, 1)[1] == ["ham"]
    shown, total = end_model_confusion.confused_rows(valid, dataset, "spam", "ham", 0, 1)
    assert total == 2 and shown.loc["d", ["row", "probability", "of_gold"]].tolist() == ["text d", 0.9, 0.1], "the surest first"
    assert end_model_confusion.confused_rows(valid, dataset, None, None, 0, 9)[0].index.tolist() == ["d", "c", "b"]
    assert end_model_confusion.confused_rows(valid, dataset, None, "spam", 0, 9)[0].index.tolist() == ["c"]
    assert end_model_confusion.confused_rows(valid, dataset, "ham", "ham", 0, 9)[1] == 0


def test_the_recovered_gap_is_said_in_words():
    pgr = {"weak": 0.7, "student": 0.8, "ceiling": 0.9, "n": 1200, "value": 0.5, "interval": [-0.1, None], "reason": None}
    said = end_model.gap_in_words(pgr)
    assert said.startswith("On all 1,200 test rows the better label model is right on 70.0%, the end model on 80.0%")
    assert said.endswith("The end model recovers 50% of the gap (PGR; 95 % interval −10% to ?).")
    assert "falls behind the labels" in end_model.gap_in_words(pgr | {"value": -0.2})
    assert end_model.gap_in_words(pgr | {"value": None, "reason": "small"}).endswith(
        "the gap is too small to say which share of it is recovered."
    )
    nothing = {"weak": None, "reason": "not defined: there is no test split with gold"}
    assert end_model.gap_in_words(nothing).endswith("is not defined: there is no test split with gold.")


@pytest.mark.parametrize("n", [300, 30], ids=["with a hold-out", "without"])
def test_what_a_training_says_is_its_history(n):
    ids = pd.Index([f"r{i}" for i in range(n)])
    frame = pd.DataFrame({"text": [f"word{i % 7} {'win' if i % 2 else 'hello'}" for i in range(n)]}, index=ids)
    said = []
    model = EndModel(features=["tfidf"], epochs=4).fit(
        Dataset(frame, LABELS),
        soft(ids, [0.9 if i % 2 else 0.2 for i in range(n)]),
        progress=lambda *told: said.append(told[2]),
    )
    history = end_model.epochs_said(said)
    assert len(history) == len(model.history_) > 0
    for line, kept in zip(history, model.history_, strict=True):
        assert line == pytest.approx(kept, abs=1e-4) and line.keys() == kept.keys()
    kinds = set(end_model.history_table(history)["rows"])
    assert kinds == ({"held out", "taught"} if n == 300 else {"taught"})


def test_a_run_keeps_the_answers_on_the_rows_that_taught(tiny_task, monkeypatch):
    monkeypatch.setattr(train, "_ANSWERED", 50)
    task = load_task(tiny_task)
    done = run(task)
    dataset = task.dataset()[0]
    found = Answers.of(done, dataset, done.soft_labels())
    assert found.compared == {"valid": 15, "train": 50}
    assert set(found.held_out.ids) == set(dataset.ids[dataset.split != "train"]) and found.classes["gold"].sum() == 15
    assert set(found.apart["split"]) <= {"train", "valid"}
    assert risk_of(done) == 0.05
    table = end_model.settings_table(done)
    assert table.loc["features", ["value", "default"]].tolist() == ["tfidf", "tfidf, static"]
    assert set(table.index) == {*EndModel().settings(), "risk"}, "a new setting is told in words"
    facts = end_model.trained_on(done, dataset, done.soft_labels())
    assert facts["rows"] == "80 of 80 train rows, those that functions vote on" and "3 folds" in facts["epochs"]


def test_the_curve_of_a_job_is_read_from_what_it_wrote_so_far(tmp_path):
    folder = tmp_path / "runs" / ".job"
    folder.mkdir(parents=True)
    assert end_model.live_history(tmp_path) == []
    lines = [
        ("apply", "epoch 9: loss 9.0"),
        ("train", "epoch 1: loss 0.5, on the hold-out 0.6"),
        ("train", "all rows, epoch 1: loss 0.4"),
    ]
    places = [json.dumps({"stage": stage, "detail": detail}) for stage, detail in lines]
    (folder / "progress").write_text('cut": 1}\n' + "\n".join(places) + '\n{"stage": "tra')
    assert jobs.said(tmp_path, "train") == [detail for stage, detail in lines if stage == "train"]
    assert end_model.live_history(tmp_path) == [{"epoch": 1, "loss": 0.5, "holdout_loss": 0.6}]


def test_columns_of_few_values_offer_them():
    frame = pd.DataFrame({"text": ["a"] * 40, "plan": ["free", "pro", "pro", None] * 10, "n": range(40), "tags": [["x"]] * 40})
    dataset = Dataset(frame.set_index(pd.Index([f"r{i}" for i in range(40)])), LABELS)
    assert end_model.columns_to_type(dataset) == {"plan": ["pro", "free"], "n": [], "tags": []}
