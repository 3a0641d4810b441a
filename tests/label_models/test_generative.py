"""The generative model: what it learns, what it refuses, and how it fares on real votes."""

import json

import numpy as np
import pandas as pd
import pytest

from workbench.label_models import GenerativeModel, MajorityVote, generative, vote_rows
from workbench.tables import ABSTAIN, VoteMatrix, WorkbenchError


def keyword_votes(accuracies, n=4000, coverage=0.4, seed=0):
    """Functions that vote one class each (even ones class 0, odd ones class 1) with a planted accuracy."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    votes = np.full((n, len(accuracies)), ABSTAIN)
    for j, accuracy in enumerate(accuracies):
        fires = rng.random(n) < np.where(truth == j % 2, accuracy, 1 - accuracy) * coverage
        votes[fires, j] = j % 2
    return VoteMatrix.from_array(votes, ["ham", "spam"]), truth


def test_planted_accuracies_are_learned():
    planted = [0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.9, 0.8]
    votes, _ = keyword_votes(planted)
    learned = GenerativeModel(class_balance="uniform").fit(votes).accuracy_
    assert np.abs(learned - planted).max() < 0.08  # drawn a little to the prior: most rows here have one or two votes
    assert np.corrcoef(learned, planted)[0, 1] > 0.95
    assert list(learned.index) == list(votes.lfs)


def test_an_accurate_function_outvotes_two_poor_ones():
    votes, _ = keyword_votes([0.97, 0.6, 0.97, 0.6, 0.97, 0.6, 0.97, 0.6, 0.97, 0.97])
    model = GenerativeModel().fit(votes)
    row = VoteMatrix.from_array([[0, 1, -1, 1, -1, -1, -1, -1, -1, -1]], ["ham", "spam"])
    assert MajorityVote().fit(votes).predict_proba(row).hard().tolist() == [1]
    assert model.predict_proba(row).hard().tolist() == [0]


def test_silence_is_not_evidence():
    votes, _ = keyword_votes([0.9, 0.8, 0.9, 0.8])
    silent = VoteMatrix(votes.ids, (*votes.lfs, "dead"), votes.labels, np.column_stack([votes.votes, np.full(len(votes), -1)]))
    without = GenerativeModel().fit(votes).predict_proba(votes).probs
    model = GenerativeModel().fit(silent)
    assert np.allclose(model.predict_proba(silent).probs, without, atol=1e-9)
    assert np.isnan(model.accuracy_["dead"])


def test_crowd_workers_are_told_apart():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 300)
    right = rng.random((300, 9)) < np.array([0.95, 0.95, 0.95, 0.55, 0.55, 0.55, 0.55, 0.55, 0.55])
    votes = VoteMatrix.from_array(np.where(right, truth[:, None], 1 - truth[:, None]), ["dog", "cat"])
    model = GenerativeModel().fit(votes)
    answers = model.predict_proba(votes).hard().to_numpy()
    majority = MajorityVote().fit(votes).predict_proba(votes).hard().to_numpy()
    assert (answers == truth).mean() > 0.98 > 0.92 > (majority == truth).mean()
    assert model.accuracy_[:3].min() > model.accuracy_[3:].max()


def test_convergence_is_told():
    votes, _ = keyword_votes([0.9, 0.8, 0.7])
    model = GenerativeModel().fit(votes)
    assert model.converged_ and model.history_[-1] < model.tol and model.n_iter_ == len(model.history_)
    short = GenerativeModel(max_iter=2).fit(votes)
    assert not short.converged_ and short.n_iter_ == 2


def test_a_warm_start_begins_where_the_last_fit_ended():
    votes, _ = keyword_votes([0.9, 0.8, 0.7, 0.85, 0.8, 0.9])
    model = GenerativeModel(warm_start=True).fit(votes)
    cold, steps = model.predict_proba(votes).probs, model.n_iter_
    again = model.fit(votes)
    assert again.n_iter_ < steps / 2
    assert np.allclose(again.predict_proba(votes).probs, cold, atol=1e-3)
    other, _ = keyword_votes([0.9, 0.8, 0.7], seed=1)
    fresh = GenerativeModel().fit(other).predict_proba(other).probs
    assert np.array_equal(model.fit(other).predict_proba(other).probs, fresh)


def test_a_vote_never_seen_in_training_counts_by_the_prior():
    model = GenerativeModel(class_balance="uniform").fit(VoteMatrix.from_array([[0, 0], [0, -1]] * 20, ["ham", "spam"]))
    soft = model.predict_proba(VoteMatrix.from_array([[1, -1]], ["ham", "spam"]))
    assert soft.probs[0, 1] == pytest.approx(0.9)


def test_a_vote_never_seen_does_not_raise_a_class_that_is_given_as_zero():
    rules = VoteMatrix.from_array(np.repeat([[0, -1, -1], [-1, 1, -1], [-1, -1, 2]], 30, axis=0), list("abc"))
    unseen = VoteMatrix.from_array([[-1, 0, -1], [-1, 2, -1]], list("abc"))
    probs = GenerativeModel(class_balance=[0, 0.2, 0.8]).fit(rules).predict_proba(unseen).probs
    assert probs[0, 0] < 0.01 and probs[1, 2] == pytest.approx(0.9, abs=0.001)


def test_votes_after_a_fit_without_any_count_by_the_prior():
    model = GenerativeModel().fit(VoteMatrix.from_array([[-1, -1]], ["ham", "spam"]))
    assert model.predict_proba(VoteMatrix.from_array([[1, -1]], ["ham", "spam"])).probs[0, 1] == pytest.approx(0.9)


def test_a_refused_fit_leaves_the_last_one_as_it_was():
    votes, _ = keyword_votes([0.9, 0.8, 0.7])
    model = GenerativeModel().fit(votes)
    before = model.predict_proba(votes).probs
    with pytest.raises(WorkbenchError, match="gold is 9"):
        model.fit(VoteMatrix.from_array([[3]], list("abcd")), gold=pd.Series([9], index=["r0"]))
    assert np.array_equal(model.predict_proba(votes).probs, before)


def test_rows_that_em_does_not_iterate_over_teach_and_are_counted_too(monkeypatch):
    votes, truth = crowd([0.9, 0.85, 0.8, 0.8, 0.75, 0.7, 0.9, 0.1], lambda votes, rng: [np.full(len(votes), ABSTAIN)], 3000)
    array = votes.votes.copy()
    array[np.random.default_rng(1).random(array.shape) < 0.4] = ABSTAIN
    array[:30] = ABSTAIN
    array[:30, 7] = 0
    array[-1, 8] = truth[-1]  # one vote, that all patterns but few know
    votes = VoteMatrix.from_array(array, votes.labels)
    gold = pd.Series(truth[100:200], index=votes.ids[100:200])
    whole = GenerativeModel().fit(votes, gold=gold)
    monkeypatch.setattr(vote_rows, "LEARNED_FROM", 300)
    monkeypatch.setattr(generative, "_CHUNK", 500)
    parts = GenerativeModel().fit(votes, gold=gold)
    assert np.abs(parts.accuracy_ - whole.accuracy_).max() < 0.03 and parts.accuracy_.notna().all()
    assert np.abs(parts.predict_proba(votes).probs - whole.predict_proba(votes).probs).max() < 0.1
    assert f"of its {(array[:, 7] != ABSTAIN).sum():,} votes" in parts.doubts_[0]
    assert "rows all votes say one class and the model another" in parts.doubts_[-1]


def test_gold_rows_pull_the_learned_accuracy_towards_the_truth():
    # Two functions copy one another and a third is right against both: the pair counts as one, and gold tells which is right.
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 1000)
    pair = np.where(rng.random(1000) < 0.6, truth, 1 - truth)
    third = np.where(rng.random(1000) < 0.95, truth, 1 - truth)
    votes = VoteMatrix.from_array(np.column_stack([pair, pair, third]), ["ham", "spam"])
    blind = GenerativeModel().fit(votes).accuracy_
    assert blind["lf0"] == blind["lf1"] == pytest.approx(blind["lf2"], abs=0.01)
    gold = pd.Series(truth[:300], index=votes.ids[:300])
    told = GenerativeModel(gold_weight=100.0).fit(votes, gold=gold).accuracy_
    assert told["lf2"] > 0.85 > 0.7 > told["lf0"]
    unknown = pd.Series(-1, index=votes.ids)
    assert np.allclose(GenerativeModel().fit(votes, gold=unknown).accuracy_, blind)


def test_gold_rows_of_one_class_do_not_move_how_often_it_is_expected():
    votes, truth = crowd([0.9, 0.85, 0.8, 0.8, 0.9], lambda votes, rng: [])
    gold = pd.Series(0, index=votes.ids[truth == 0][:500])
    model = GenerativeModel().fit(votes, gold=gold)
    assert model.covered_balance_[0] == pytest.approx((truth == 0).mean(), abs=0.02)
    right = (votes.votes == truth[:, None]).mean(axis=0)
    assert np.abs(model.accuracy_ - right).max() < 0.02


def test_functions_that_differ_on_gold_rows_alone_are_no_copies():
    votes, truth = crowd(
        [0.9, 0.8, 0.8], lambda votes, rng: [np.where(np.arange(len(votes)) < 50, 1 - votes[:, 0], votes[:, 0])]
    )
    model = GenerativeModel().fit(votes, gold=pd.Series(truth[:50], index=votes.ids[:50]))
    assert model.doubts_ == [] and model.accuracy_["lf0"] > model.accuracy_["lf3"]


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        (pd.Series([5], index=["r0"]), "gold is 5 on row 'r0'"),
        (pd.DataFrame({"class": [0]}, index=["r0"]), "it needs label"),
        (pd.DataFrame({"label": [0], "weight": [-1.0]}, index=["r0"]), "weight of gold row 'r0' is -1.0"),
        (pd.DataFrame({"label": [0], "weight": ["much"]}, index=["r0"]), "row 'r0' is much; weights are 0 to 1,000,"),
        (pd.DataFrame({"label": [0], "weight": [1e18]}, index=["r0"]), "weight of gold row 'r0' is 1e"),
        (pd.Series([0, 1], index=["r0", "r0"]), "gold row 'r0' stands twice"),
        ([0, 1], "gold is a list; give a Series by row id"),
    ],
    ids=["outside the labels", "no label column", "negative weight", "no number", "huge weight", "twice", "list"],
)
def test_wrong_gold_is_refused(gold, message):
    votes = VoteMatrix.from_array([[0], [1]], ["ham", "spam"])
    with pytest.raises(WorkbenchError, match=message):
        GenerativeModel().fit(votes, gold=gold)


def test_a_prior_worse_than_chance_is_refused():
    votes = VoteMatrix.from_array([[0], [1]], ["ham", "spam"])
    with pytest.raises(WorkbenchError, match=r"accuracy is 0.3; the prior is better than chance"):
        GenerativeModel(accuracy=0.3).fit(votes)


def crowd(columns, extra, n=2000, seed=0):
    """Votes of annotators right with planted probabilities, with more columns made of those."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n)
    votes = np.where(rng.random((n, len(columns))) < columns, truth[:, None], 1 - truth[:, None])
    return VoteMatrix.from_array(np.column_stack([votes, *extra(votes, rng)]), ["ham", "spam"]), truth


@pytest.mark.parametrize("differing", [0.0, 0.01], ids=["copies", "near-copies"])
def test_ten_copies_of_a_function_count_as_one(differing):
    def copies(votes, rng):
        return [np.where(rng.random(len(votes)) < differing, 1 - votes[:, 0], votes[:, 0]) for _ in range(9)]

    columns = [0.6, 0.9, 0.8, 0.85]
    once, _ = crowd(columns, lambda votes, rng: [])
    tenfold, _ = crowd(columns, copies)
    alone = GenerativeModel().fit(once).predict_proba(once).probs
    together = GenerativeModel().fit(tenfold).predict_proba(tenfold).probs
    moved = np.abs(alone - together).max(axis=1)
    assert (moved.max() if differing == 0 else moved.mean()) < 0.02


def test_copies_of_a_keyword_rule_count_as_one():
    votes, _ = keyword_votes([0.7, 0.9, 0.8, 0.85, 0.8])
    copied = VoteMatrix.from_array(np.column_stack([votes.votes] + [votes.votes[:, :1]] * 9), votes.labels)
    alone = GenerativeModel().fit(votes).predict_proba(votes).probs
    assert np.abs(alone - GenerativeModel().fit(copied).predict_proba(copied).probs).max() < 0.02


def test_gold_rows_calibrate_a_model_that_is_too_sure():
    # Nine functions say the same of every row, and are right on 70 % of them together.
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 2000)
    shown = np.where(rng.random(2000) < 0.7, truth, 1 - truth)
    array = np.where(rng.random((2000, 9)) < 0.9, shown[:, None], 1 - shown[:, None])
    votes = VoteMatrix.from_array(array, ["ham", "spam"])
    sure = GenerativeModel().fit(votes)
    told = GenerativeModel().fit(votes, gold=pd.Series(truth[:100], index=votes.ids[:100]))
    assert sure.predict_proba(votes).probs.max(axis=1).mean() > 0.95
    assert told.predict_proba(votes).probs.max(axis=1).mean() == pytest.approx(0.7, abs=0.06)
    assert sure.calibration_.slope == 1 and told.calibration_.slope < 0.5


def test_one_gold_row_that_the_model_knew_turns_nothing_however_heavy():
    votes, _ = crowd([0.9, 0.9, 0.9, 0.9], lambda votes, rng: [])
    clear = votes.ids[~votes.conflicting & (votes.votes[:, 0] == 0)][:1]
    model = GenerativeModel().fit(votes, gold=pd.DataFrame({"label": 0, "weight": 1000.0}, index=clear))
    assert model.calibration_.offset.tolist() == [0, 0]


def test_a_posterior_is_the_sum_of_what_each_vote_adds():
    votes, truth = crowd([0.9, 0.8, 0.7], lambda votes, rng: [votes[:, 0], np.full(len(votes), ABSTAIN)])
    gold = pd.Series(truth[:50], index=votes.ids[:50])
    for model in (GenerativeModel().fit(votes), GenerativeModel().fit(votes, gold=gold)):
        adds = model.explain(votes, "r7")
        assert list(adds.index) == ["class balance", "lf0", "lf1", "lf2", "lf3"]
        assert list(adds["vote"][1:]) == [votes.labels[vote] for vote in votes.votes[7, :4]]
        assert adds.loc["lf3", ["ham", "spam"]].tolist() == [0, 0]  # a copy of lf0
        odds = (adds["spam"] - adds["ham"]).sum()
        probs = model.predict_proba(votes).probs[7]
        assert odds == pytest.approx(np.log(probs[1] / probs[0]))


def test_a_copy_speaks_for_a_silent_first_one():
    votes, _ = crowd([0.9, 0.6, 0.8], lambda votes, rng: [votes[:, 0]])
    model = GenerativeModel(class_balance="uniform").fit(votes)
    new = VoteMatrix.from_array([[0, 1, -1, -1], [-1, 1, -1, 0]], votes.labels)
    first, copy = model.explain(new, "r0").loc["lf0"], model.explain(new, "r1").loc["lf3"]
    assert first["ham"] > 0 and list(copy) == list(first)


def test_an_uncovered_row_is_explained_by_the_balance_alone():
    votes = VoteMatrix.from_array([[0, 0, 1], [1, 0, -1], [-1, -1, -1]], ["ham", "spam"])
    model = GenerativeModel(class_balance=[0.7, 0.3]).fit(votes)
    adds = model.explain(votes, "r2")
    assert np.exp(adds.loc["class balance", ["ham", "spam"]].astype(float)).tolist() == pytest.approx([0.7, 0.3])
    with pytest.raises(WorkbenchError, match="row 'r9' is not among these votes"):
        model.explain(votes, "r9")


@pytest.mark.parametrize("several", [True, False], ids=["annotators", "rules of one class"])
def test_intervals_cover_what_was_planted(several):
    planted = [0.95, 0.9, 0.85, 0.8, 0.75, 0.7]
    inside = []
    for seed in range(3):
        votes, truth = crowd(planted, lambda votes, rng: [], 600, seed) if several else keyword_votes(planted, 1500, 0.4, seed)
        intervals = GenerativeModel().fit(votes).intervals(votes, draws=30)
        cast = votes.votes != ABSTAIN
        true = ((votes.votes == truth[:, None]) & cast).sum(axis=0) / cast.sum(axis=0)
        inside += ((intervals.accuracy["low"] <= true) & (true <= intervals.accuracy["high"])).tolist()
        balance = np.bincount(truth[votes.covered]) / votes.covered.sum()
        inside += intervals.class_balance["low"].le(balance).tolist() + intervals.class_balance["high"].ge(balance).tolist()
    assert np.mean(inside) >= 0.85


@pytest.mark.parametrize("settings", [{"level": 90}, {"draws": 0}], ids=str)
def test_an_interval_of_no_level_or_no_draws_is_refused(settings):
    votes, _ = keyword_votes([0.9, 0.8], n=50)
    with pytest.raises(WorkbenchError, match="level is between 0 and 1"):
        GenerativeModel().fit(votes).intervals(votes, **settings)


def test_what_is_suspicious_is_said():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 1000)
    columns = [np.where(rng.random(1000) < a, truth, 1 - truth) for a in (0.9, 0.9, 0.85, 0.9, 0.2)]
    array = np.column_stack([*columns, columns[0], np.full(1000, ABSTAIN)])
    lone = np.full((40, 7), ABSTAIN)
    lone[:, 4] = 1
    votes = VoteMatrix.from_array(np.concatenate([array, lone]), ["ham", "spam"])
    said = " ".join(GenerativeModel().fit(votes).doubts_)
    assert "Function 'lf6' never votes" in said
    assert "'lf0', 'lf5' vote the same on every row" in said
    assert "Function 'lf4' is learned to be right on 20% of its" in said or "on 21% of its" in said or "on 19% of its" in said
    assert "On 40 rows all votes say one class and the model another: votes there, such as those of 'lf4'" in said
    assert GenerativeModel().fit(votes.take(np.arange(1000))).predict_proba(votes).probs[-1, 0] > 0.6


def test_many_functions_and_classes_do_not_overflow():
    array = np.full((3, 400), ABSTAIN)
    array[0, 399], array[1, 1], array[2, 398] = 99, 5, 99
    votes = VoteMatrix.from_array(array, [str(c) for c in range(100)])
    assert GenerativeModel().fit(votes).predict_proba(votes).hard().tolist() == [99, 5, 99]


@pytest.mark.parametrize(("name", "at_least"), [("youtube", 0.85), ("sms", 0.89), ("trec", 0.64)], ids=lambda v: str(v))
def test_real_votes_beat_majority_vote(shared_data, name, at_least):
    def read(split):
        rows = json.loads((shared_data / name / f"{split}.json").read_text()).values()
        labels = list(json.loads((shared_data / name / "label.json").read_text()).values())
        return VoteMatrix.from_array([row["weak_labels"] for row in rows], labels), np.array([row["label"] for row in rows])

    train, _ = read("train")
    test, gold = read("test")
    mine, majority = (
        (model.fit(train).predict_proba(test).probs.argmax(axis=1) == gold).mean()
        for model in (GenerativeModel(), MajorityVote())
    )
    assert mine >= at_least
    assert mine >= majority


def test_rows_picked_because_they_are_hard_set_neither_calibration_nor_balance():
    votes, truth = keyword_votes([0.9, 0.7, 0.8, 0.9, 0.8])
    hard = votes.conflicting.nonzero()[0][:100]
    picked = pd.DataFrame({"label": truth[hard], "weight": 1.0, "drawn": False}, index=votes.ids[hard])
    blind, told = GenerativeModel().fit(votes), GenerativeModel().fit(votes, gold=picked)
    assert told.calibration_.slope == 1 and (told.calibration_.offset == 0).all()
    assert np.allclose(told.class_balance_, blind.class_balance_, atol=0.02)
    assert not np.allclose(told.accuracy_, blind.accuracy_, atol=1e-4), "but they teach"
    drawn = GenerativeModel().fit(votes, gold=picked.assign(drawn=True))
    assert drawn.calibration_.slope != 1
    series = GenerativeModel().fit(votes, gold=picked["label"])
    assert np.array_equal(drawn.predict_proba(votes).probs, series.predict_proba(votes).probs)
