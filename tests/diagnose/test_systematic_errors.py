"""Where labels are wrong together: planted regions are found and named, and shuffled truth finds as little as promised."""

import itertools

import numpy as np
import pandas as pd
import pytest

from workbench.diagnose.chance import least_p, stratified_greater
from workbench.diagnose.regions import regions_of
from workbench.diagnose.systematic import systematic_errors
from workbench.tables import ABSTAIN, Dataset, VoteMatrix

LABELS = ("ham", "spam", "news")


def by_hand(hits: int, inside: list[int], n: list[int], successes: list[int]) -> float:
    """Count the ways to place the successes of each stratum on its rows, the first of which lie inside."""
    ways = [itertools.combinations(range(rows), k) for rows, k in zip(n, successes, strict=True)]
    total = [
        sum(sum(place < size for place in one) for size, one in zip(inside, drawn, strict=True))
        for drawn in itertools.product(*ways)
    ]
    return float(np.mean([count >= hits for count in total]))


@pytest.mark.parametrize(
    ("hits", "inside", "n", "successes"),
    [(3, [3, 2], [6, 5], [2, 2]), (4, [4, 3], [7, 4], [3, 1]), (2, [2, 0], [5, 4], [2, 1])],
    ids=["two strata", "nearly all", "one stratum outside"],
)
def test_chance_is_counted_exactly_within_each_label(hits: int, inside: list[int], n: list[int], successes: list[int]) -> None:
    assert stratified_greater([hits], [inside], n, successes)[0] == pytest.approx(by_hand(hits, inside, n, successes))


def test_no_region_can_be_surer_than_its_size_allows() -> None:
    inside, n, successes = [[3, 2], [4, 4]], [6, 5], [2, 2]
    assert least_p(inside, n, successes).tolist() == pytest.approx(
        [by_hand(4, [3, 2], n, successes), by_hand(4, [4, 4], n, successes)]
    )


def test_no_more_than_expected_is_no_finding() -> None:
    assert stratified_greater([0, 2], [[4], [4]], [8], [4]).tolist() == [1.0, 1.0]


def planted(seed: int = 0, n: int = 400) -> tuple[Dataset, pd.Series, pd.Series, VoteMatrix]:
    """Return rows labelled right but for one in ten, and where the text says “wallet” for eight spam rows in ten called ham.

    The function `greets` votes ham on two wallets in three; `old` is the plan of every third row.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    hard = np.where(rng.random(n) < 0.1, rng.integers(0, 3, n), truth)
    wallet = (truth == 1) & (rng.random(n) < 0.2)
    hard = np.where(wallet & (rng.random(n) < 0.8), 0, hard)
    words = np.array(["late", "bus", "cloud", "paper", "green"])
    texts = [" ".join(rng.permutation(words)[:3]) + (" lost wallet" if there else "") for there in wallet]
    ids = pd.Index([f"r{i}" for i in range(n)])
    frame = pd.DataFrame({"text": texts, "plan": np.where(np.arange(n) % 3, "new", "old"), "size": rng.random(n)}, index=ids)
    cast = np.column_stack([np.where(wallet & (rng.random(n) < 2 / 3), 0, -1), np.where(rng.random(n) < 0.5, hard, -1)])
    votes = VoteMatrix.from_array(cast, LABELS, ids, ["greets", "echo"])
    return Dataset(frame, LABELS), pd.Series(hard, index=ids), pd.Series(truth, index=ids), votes


def test_a_planted_region_is_found_named_and_told_what_to_do_about() -> None:
    data, hard, truth, votes = planted()
    masks = {"slice wallets": data.frame["text"].str.contains("wallet").to_numpy()}
    found = systematic_errors(data, hard, truth, masks, votes)
    (line,) = found.findings.to_dict("records")
    held = masks["slice wallets"]
    assert (line["region"], line["kind"], line["target"]) == ("slice wallets", "slice", "spam")
    assert (line["n"], line["errors"]) == (held.sum(), (held & (hard != truth)).sum())
    assert (line["predicted"], line["truly"]) == ("ham", "spam")
    assert line["rate"] > 0.7 > 0.2 > line["rate_elsewhere"] and line["q"] < 1e-6
    assert {"“wallet”", "“lost”"} & set(line["marks"])
    assert "greets votes ham, truly spam" in line["also"]
    assert line["next"].startswith("Mend 'greets' in slice wallets: it votes for the wrong label on")
    assert len(line["examples"]) == 3 and all(held[data.ids.get_loc(row)] for row in line["examples"])


def test_the_pair_of_classes_is_counted_and_tested_against_other_labels() -> None:
    data, hard, truth, votes = planted()
    pairs = systematic_errors(data, hard, truth, {}, votes).confusions
    first = pairs.iloc[0]
    assert (first["predicted"], first["truly"]) == ("ham", "spam") and first["q"] < 0.01
    assert first["n"] == (hard == 0).sum() and first["errors"] == ((hard == 0) & (truth == 1)).sum()
    assert first["low"] < first["share"] < first["high"]
    others = hard == 2
    assert first["share_elsewhere"] == pytest.approx(((truth == 1) & others).sum() / others.sum())


def test_a_hard_class_alone_is_no_region() -> None:
    """All ham labels of a plan are wrong half of the time, on every plan alike; the plan has more of them."""
    n = 300
    ids = pd.Index([f"r{i}" for i in range(n)])
    hard = np.array(([0] * 40 + [1] * 10) * 3 + ([0] * 10 + [1] * 40) * 3)
    truth = np.where((hard == 0) & (np.arange(n) % 2 == 0), 1, hard)
    frame = pd.DataFrame({"text": "", "plan": ["old"] * 150 + ["new"] * 150}, index=ids)
    found = systematic_errors(Dataset(frame, ("ham", "spam")), pd.Series(hard, index=ids), pd.Series(truth, index=ids), {})
    assert found.findings.empty and found.errors == 75 and found.tests > 0
    assert found.confusions["p"].isna().all(), "with two classes there is no other label to compare with"


def test_rows_nobody_knows_and_rows_without_label_judge_nothing() -> None:
    data, hard, truth, votes = planted()
    hard.iloc[:50], truth.iloc[50:100] = ABSTAIN, ABSTAIN
    assert systematic_errors(data, hard, truth[::-1], {}, votes).rows == len(data) - 100
    nothing = systematic_errors(data, hard, truth[:0], {}, votes)
    assert (nothing.rows, nothing.tests) == (0, 0) and nothing.findings.empty and nothing.confusions.empty


def test_the_same_rows_give_the_same_findings_in_any_order() -> None:
    data, hard, truth, votes = planted()
    one = systematic_errors(data, hard, truth, {}, votes).findings
    turned = data.take(np.arange(len(data))[::-1])
    other = systematic_errors(turned, hard, truth, {}, votes).findings
    assert one.drop(columns="examples").equals(other.drop(columns="examples"))


def test_on_truth_shuffled_within_labels_little_is_found() -> None:
    """At q up to .1 one run in ten may find something; of 30 more than 9 have a chance under 1 in 1,000."""
    data, hard, truth, votes = planted()
    rng, some = np.random.default_rng(1), 0
    for _ in range(30):
        shuffled = truth.copy()
        for label in range(3):
            rows = np.flatnonzero(hard == label)
            shuffled.iloc[rows] = truth.to_numpy()[rng.permutation(rows)]
        some += len(systematic_errors(data, hard, shuffled, {}, votes).findings) > 0
    assert some <= 9


def test_many_words_for_one_region_do_not_let_chance_words_in() -> None:
    """Of 300 rows 40 are wrong together, told by 40 words; 300 other words stand anywhere."""
    rng = np.random.default_rng(0)
    inside = np.arange(300) < 40
    held = np.hstack([rng.random((300, 40)) < np.where(inside, 0.6, 0.01)[:, None], rng.random((300, 300)) < 0.08])
    names = np.array([f"told{j}" for j in range(40)] + [f"any{j}" for j in range(300)])
    ids = pd.Index([f"r{i}" for i in range(300)])
    frame = pd.DataFrame({"text": [". ".join(rng.permutation(names[row])) for row in held]}, index=ids)
    truth = rng.integers(0, 2, 300)
    hard = np.where(rng.random(300) < np.where(inside, 0.7, 0.08), 1 - truth, truth)
    found = systematic_errors(
        Dataset(frame, ("ham", "spam")), pd.Series(hard, index=ids), pd.Series(truth, index=ids), {}, level=0.1
    )
    shown = found.tested.merge(found.findings.drop_duplicates("region")[["region", "p"]], on=["region", "p"])
    assert (found.tested["q"] <= 0.1).sum() > 50 > len(shown) > 0
    assert (shown["p"] * shown["handicap"]).max() <= 0.1 * len(shown) / found.tests, "as many rejections as are shown"
    assert not shown["region"].str.contains("any").any()


def test_the_fewest_wrong_rows_that_would_be_found_are_told() -> None:
    data, hard, truth, votes = planted()
    found = systematic_errors(data, hard, truth, {}, votes)
    least = found.least_found(20)
    at = stratified_greater([least - 1, least], [[20]] * 2, [found.rows], [found.errors])
    hardest = found.level / found.tests / found.tested["handicap"].max()
    assert at[0] > hardest >= at[1]
    assert found.least_found(1) is None


def test_regions_are_named_in_words_and_equal_ones_stand_once() -> None:
    frame = pd.DataFrame(
        {
            "text": ["pay"] * 10 + ["hello there"] * 30,
            "plan": ["old"] * 20 + [None] * 10 + [""] * 10,
            "size": range(40),
            "tags": [["a"]] * 40,
            "when": [f"2026-01-01T{i % 24:02d}:{i:02d}" for i in range(40)],
        },
        index=[f"r{i}" for i in range(40)],
    )
    found = regions_of(Dataset(frame, LABELS), {"slice first": np.arange(40) < 10})
    rows = {name: np.flatnonzero(found.inside[:, [at]].toarray()[:, 0]).tolist() for at, name in enumerate(found.names)}
    first, last = list(range(10)), list(range(30, 40))
    assert rows.pop("slice first") == first, "the word “pay” and the short texts are the same rows, and do not come again"
    assert rows.pop("plan is old") == list(range(20)) and rows.pop("plan is missing") == list(range(20, 30))
    assert rows.pop("plan is empty") == last
    assert rows.pop("size at most 10") == list(range(11)) and rows.pop("size at least 29") == list(range(29, 40))
    assert rows.pop("the text has at least 2 words") == list(range(10, 40))
    assert {name.rpartition(" ")[0] for name in rows} == {"when at most 2026-01-01", "when at least 2026-01-01"}


def test_what_a_function_votes_is_a_region_and_its_vote_is_known() -> None:
    ids = [f"r{i}" for i in range(20)]
    votes = VoteMatrix.from_array([[0, -1]] * 8 + [[1, 2]] * 12, LABELS, ids, ["one", "other"])
    found = regions_of(Dataset(pd.DataFrame({"text": ""}, index=ids), LABELS), {}, votes)
    assert found.names == ("one votes ham", "one votes spam", "other votes news")
    assert found.vote.tolist() == [0, 1, 2] and set(found.kinds) == {"function"}
