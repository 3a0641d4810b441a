"""What the tests of shares promise: against a second implementation, by hand, and by simulation."""

import numpy as np
import pytest

from workbench.stats import binomial_greater, false_discovery, fisher_greater, fisher_less
from workbench.tables import WorkbenchError

TABLES = [(0, 4, 4, 4), (1, 3, 9, 11), (3, 3, 5, 9), (40, 60, 700, 800), (0, 5, 0, 7)]


@pytest.mark.parametrize(("hits", "n", "others", "rest"), TABLES, ids=str)
def test_fisher_equals_scipy(hits: int, n: int, others: int, rest: int) -> None:
    from scipy.stats import fisher_exact

    theirs = fisher_exact([[hits, n - hits], [others, rest - others]], alternative="less").pvalue
    assert float(fisher_less(hits, n, others, rest)) == pytest.approx(theirs, rel=1e-9)


def test_no_success_against_successes_alone_is_one_way_of_many() -> None:
    """Four successes among eight draws fall in C(8, 4) = 70 ways; a share that is higher here is no error here."""
    assert fisher_less([0, 4], 4, [4, 0], 4) == pytest.approx([1 / 70, 1])


@pytest.mark.parametrize(("hits", "n", "others", "rest"), TABLES, ids=str)
def test_the_other_side_equals_scipy(hits: int, n: int, others: int, rest: int) -> None:
    from scipy.stats import binomtest, fisher_exact

    theirs = fisher_exact([[hits, n - hits], [others, rest - others]], alternative="greater").pvalue
    assert float(fisher_greater(hits, n, others, rest)) == pytest.approx(theirs, rel=1e-9)
    assert float(binomial_greater(hits, n, 0.3)) == pytest.approx(binomtest(hits, n, 0.3, alternative="greater").pvalue)


def test_as_many_or_more_of_none_is_certain() -> None:
    assert binomial_greater([0, 2], 2, [0.1, 0.5]) == pytest.approx([1, 0.25])
    with pytest.raises(WorkbenchError, match="share between 0 and 1"):
        binomial_greater(1, 2, 50)


@pytest.mark.parametrize("counts", [(5, 4, 0, 4), (-1, 4, 0, 4), (0, 4, 5, 4)], ids=str)
def test_more_successes_than_draws_are_refused(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(WorkbenchError, match="between 0 and n on both sides"):
        fisher_less(*counts)


def test_q_is_p_times_the_tests_per_finding() -> None:
    """Of four tests: .01 x 4/1, .02 x 4/2 and .03 x 4/3 are all .04; .5 x 4/4 stays."""
    assert false_discovery([0.5, 0.02, 0.01, 0.03]) == pytest.approx([0.5, 0.04, 0.04, 0.04])
    assert false_discovery([]).shape == (0,)


def test_of_the_findings_no_more_are_chance_than_q_says() -> None:
    """20 of 40 pairs err truly (.5 against .9), 20 do not; the mean share of false findings stays under the bound."""
    rng = np.random.default_rng(0)
    share = np.repeat([0.5, 0.9], 20)
    false, found = [], []
    for _ in range(300):
        p = fisher_less(rng.binomial(20, share), 20, rng.binomial(60, 0.9, 40), 60)
        named = false_discovery(p) <= 0.1
        false.append(named[20:].sum() / max(named.sum(), 1))
        found.append(named[:20].mean())
    assert np.mean(false) <= 0.1
    assert np.mean(found) > 0.8
