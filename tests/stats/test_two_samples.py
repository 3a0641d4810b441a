"""What tests of two samples promise: by hand, against a second implementation, and by simulation."""

import numpy as np
import pytest

from workbench.stats.two_samples import cohens_h, mixes_differ, moved, ranks_differ, told_apart, unseen_draws
from workbench.tables import WorkbenchError


def uniform_enough(p, level=0.05, slack=2.5):
    """Whether of the p of simulations without a difference no more are under the level than it says, chance aside."""
    return np.mean(np.array(p) <= level) <= level + slack * np.sqrt(level * (1 - level) / len(p))


def test_cohens_h_is_his_table():
    """His table 6.2.2: phi of .50 is 1.571, of .10 0.644, of .25 1.047."""
    assert cohens_h(0.5, 0.1) == pytest.approx(1.571 - 0.644, abs=1e-3)
    assert cohens_h([0.1, 0.25], 0.25) == pytest.approx([0.644 - 1.047, 0], abs=1e-3)


def test_large_mixes_are_compared_as_scipy_does():
    from scipy.stats import chi2_contingency

    table = [[50, 30, 20], [40, 45, 30]]
    assert mixes_differ(*table) == pytest.approx(chi2_contingency(table, correction=False).pvalue)


def test_of_few_rows_every_way_to_draw_them_counts():
    """Three of one kind and three of another, parted wholly: 2 of C(6, 3) = 20 ways are as uneven."""
    assert mixes_differ([3, 0], [0, 3]) == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize(
    ("first", "second"),
    [([5, 5], [0, 0]), ([0, 0], [0, 0]), ([9, 0], [4, 0])],
    ids=["nothing on one side", "nothing at all", "one kind alone"],
)
def test_mixes_without_a_choice_are_the_same(first, second):
    assert mixes_differ(first, second) == 1


def test_counts_below_none_are_refused():
    with pytest.raises(WorkbenchError, match="none below 0"):
        mixes_differ([1, -1], [1, 1])


def test_what_moved_is_what_would_have_to_change():
    assert moved([60, 40, 0], [3, 4, 3]) == pytest.approx(0.3)
    assert moved([7, 3], [70, 30]) == 0


def test_of_like_mixes_one_in_twenty_seems_to_differ():
    rng = np.random.default_rng(0)
    for shares in ([0.5, 0.3, 0.2], [0.9, 0.08, 0.01, 0.01]):
        p = [mixes_differ(rng.multinomial(300, shares), rng.multinomial(40, shares), seed=i) for i in range(300)]
        assert uniform_enough(p)
    assert mixes_differ([270, 24, 3, 3], [20, 4, 8, 8]) < 0.001


def test_ranks_are_compared_as_scipy_does_and_ties_count_half():
    from scipy.stats import mannwhitneyu

    first, second = [1, 2, 2, 3, 5], [2, 4, 6, 7]
    p, share = ranks_differ(first, second)
    assert p == pytest.approx(mannwhitneyu(second, first, method="asymptotic").pvalue)
    assert share == pytest.approx((sum(b > a for a in first for b in second) + 1) / 20)  # two pairs tie
    assert ranks_differ([3, 3], [3]) == (1, 0.5)
    assert ranks_differ([], [3]) == (1, 0.5)


def test_of_like_numbers_one_in_twenty_seems_to_differ():
    rng = np.random.default_rng(0)
    assert uniform_enough([ranks_differ(rng.poisson(2, 200), rng.poisson(2, 60))[0] for _ in range(400)])


def test_of_like_vectors_one_in_twenty_is_told_apart():
    rng = np.random.default_rng(0)
    found = [told_apart(rng.normal(size=(60, 6)), rng.normal(size=(25, 6)), permutations=59, seed=i) for i in range(200)]
    assert uniform_enough([p for p, _ in found])
    assert np.mean([share for _, share in found]) == pytest.approx(0.5, abs=0.03)


def test_equal_rows_on_both_sides_are_not_told_apart():
    rows = np.tile(np.eye(3), (20, 1))
    p, share = told_apart(rows, rows[:30])
    assert p > 0.05 and share < 0.6  # below one half: what a fold lacks, the others have more of


def test_vectors_that_lie_elsewhere_are_told_apart():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(100, 5)), rng.normal([3, 0, 0, 0, 0], size=(40, 5))
    p, share = told_apart(first, second, permutations=99)
    assert p == 0.01 and share > 0.95
    assert told_apart(first, second, permutations=99) == (p, share)
    assert told_apart(first, second[:4]) == (1, 0.5)


def test_a_row_left_out_is_unseen_where_its_kind_is_its_alone():
    """Good: 4 of 8 rows. Esty: the variance is that of draws times (4 + 2 x 1) / 4, so that two thirds of the draws count."""
    assert unseen_draws([1, 1, 1, 1, 2, 2]) == (2, 4)
    assert unseen_draws([1, 1, 1, 1, 4]) == (4, 8)
    assert unseen_draws([3, 5]) == (0, 8)


def test_a_second_sample_meets_as_many_unseen_kinds_as_said():
    """Kinds drawn by Zipf's law: the two-sided exact test of the shares is true to its level."""
    from workbench.stats.differences import fisher_two_sided

    rng = np.random.default_rng(0)
    shares = 1 / np.arange(1, 400) ** 1.1
    shares /= shares.sum()
    p = []
    for _ in range(400):
        then = rng.multinomial(400, shares)
        unseen = int((rng.choice(len(shares), 200, p=shares)[:, None] == np.flatnonzero(then == 0)).any(axis=1).sum())
        p.append(float(fisher_two_sided(unseen, 200, *unseen_draws(then[then > 0]))))
    assert uniform_enough(p)
    assert np.mean(np.array(p) <= 0.05) > 0.005  # and not so careful that nothing would be found
