"""Functions dropped, flipped, copied and thinned out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.stress import Asked, Held, said
from workbench.stress.rules_removed import EACH, HOWS, REMOVALS, Line, Removal, rules_removed
from workbench.tables import Dataset, SoftLabels, VoteMatrix

VOTES = VoteMatrix.from_array(
    [[0, 0, -1], [0, 1, -1], [1, 1, 1], [1, -1, 0]], labels=["ham", "spam"], ids=list("abcd"), lfs=["x", "y", "z"]
)


def changed(how, share, votes=VOTES):
    return HOWS[how][0](votes, share, np.random.default_rng(0))


def test_a_share_of_the_functions_is_left_out_at_least_one_never_all():
    for share, left in ((0.01, 2), (0.34, 2), (0.7, 1), (1, 1)):
        found = changed("drop", share)
        assert len(found.lfs) == left
        assert found.to_frame().equals(VOTES.to_frame()[list(found.lfs)])


def test_a_flipped_function_votes_for_another_class_wherever_it_votes():
    found = changed("flip", 0.4)
    flipped = [name for name in VOTES.lfs if not found.to_frame()[name].equals(VOTES.to_frame()[name])]
    assert len(flipped) == 1
    before, after = VOTES.to_frame()[flipped[0]], found.to_frame()[flipped[0]]
    assert ((before == -1) == (after == -1)).all() and (before != after)[before != -1].all()


def test_a_flipped_class_becomes_one_other_class_throughout():
    votes = VoteMatrix.from_array(np.repeat([[0], [1], [2]], 5, axis=0), labels=["a", "b", "c"])
    found = changed("flip", 1, votes).votes[:, 0]
    assert [len(set(found[at : at + 5])) for at in (0, 5, 10)] == [1, 1, 1]
    assert all(found[at] != at // 5 for at in (0, 5, 10))


def test_a_copied_function_stands_three_times():
    found = changed("copy", 0.3)
    (name,) = {lf.partition(" (")[0] for lf in found.lfs if "(" in lf}
    frame = found.to_frame()
    assert found.lfs[:3] == VOTES.lfs and len(found.lfs) == 5
    assert frame[f"{name} (copy 2)"].equals(frame[name].rename(f"{name} (copy 2)"))


def test_votes_are_lost_by_chance_and_none_is_added():
    many = VoteMatrix.from_array(np.zeros((1000, 4), int), labels=["a", "b"])
    found = changed("thin", 0.3, many).votes
    assert 0.26 < (found == -1).mean() < 0.34 and set(np.unique(found)) == {-1, 0}


def majority(votes):
    counts = np.stack([(votes.votes == c).sum(axis=1) for c in (0, 1)], axis=1) + 1e-12
    return SoftLabels(votes.ids, votes.labels, counts / counts.sum(axis=1, keepdims=True), np.ones(len(votes), bool))


@pytest.fixture
def line():
    index = pd.Index(list("abcd"), dtype="str")
    rows = Dataset(
        pd.DataFrame({"text": "x"}, index=index, dtype="str"), VOTES.labels, ("text",), pd.Series("test", index=index),
        pd.Series([0, 1, 1, 1], index=index),
    )  # fmt: skip
    asked = Asked(SoftLabels.from_hard(index, VOTES.labels, [0, 1, 1, 1]), np.ones(4, bool))
    return Line(Held(rows, asked), VOTES, majority, lambda votes: Asked(majority(votes), np.array([True, True, False, False])))


def test_each_function_is_left_out_in_turn_and_the_most_missed_is_named(line):
    found = rules_removed(Removal("each", EACH), line, 0, lambda *_: None)
    assert found["label_model"]["of"] == (1 + 0.5 + 1 + 0.5) / 4  # ties share the row
    assert {one["lf"]: one["accuracy"] for one in found["lost"]} == {"y": 0.625, "x": 0.75, "z": 0.875}
    assert (found["n"], found["accuracy"], found["reason"]) == (
        4,
        None,
        "the end model did not learn again, only the label model",
    )
    assert said(found).endswith("with all functions on 75.0 %; missed most: y (-12.5 points).")


def test_the_end_model_learns_again_and_is_held_against_what_it_was(line):
    found = rules_removed(Removal("half", "drop", 0.5, 3, end_model=True), line, 0, lambda *_: None)
    assert found["label_model"]["low"] <= found["label_model"]["accuracy"] <= found["label_model"]["high"]
    assert found["of"]["what"] == "the same rows with all functions" and found["of"]["accuracy"] == 1
    assert found["answered"] == 0.5 and found["change"]["accuracy"] == found["accuracy"] - 1
    assert "the end model that learns from it" in said(found)


def test_the_label_model_with_all_functions_is_fitted_once_for_all_suites(line):
    fitted = []
    counted = replace(line, label=lambda votes: fitted.append(votes is VOTES) or majority(votes))
    for removal in (Removal("half", "drop", 0.5, 2), Removal("thin", "thin", 0.5, 2)):
        assert rules_removed(removal, counted, 0, lambda *_: None)["label_model"]["of"] == (1 + 0.5 + 1 + 0.5) / 4
    assert (sum(fitted), len(fitted)) == (1, 5)


def test_the_same_seed_draws_the_same_functions(line):
    removal = Removal("half", "drop", 0.5, 3)
    one, two = (rules_removed(removal, line, 7, lambda *_: None)["label_model"] for _ in range(2))
    assert one == two


def test_progress_is_told(line):
    told = []
    rules_removed(
        Removal("half", "drop", 0.5, 2, end_model=True), line, 0, lambda done, of, what: told.append((done, of, what))
    )
    assert told == [(0, 2, "draw 1"), (1, 2, "draw 2"), (2, 2, "the end model learns again")]


def test_the_usual_removals_have_names_of_their_own():
    assert len({one.name for one in REMOVALS}) == len(REMOVALS)
