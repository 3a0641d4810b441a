"""The generative label model: maximum-a-posteriori EM over class-conditional vote probabilities.

The story: a row has a class c. Function j votes on it with propensity r_j(c), and if it votes, votes l with probability
pi_j(l | c). Over the classes that a function may vote (its repertoire) its propensity is one number, over all others another,
smaller one. Only votes are evidence; a silent function says nothing. Learned by EM (Dempster, Laird and Rubin 1977) on the
model of Dawid and Skene (1979), with priors that say "better than chance", and with three cautions, for functions do not err
independently: those that repeat one another share one vote (similarity.py), rows of one or two votes teach by their majority,
at half weight, and never by the model's own belief (evidence.py), and the balance that one-class functions suggest counts half.
docs/label-model.md has the formulas and says when the model fails.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import reduce
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.label_models.calibration import Calibration
from workbench.label_models.contract import (
    Balance,
    Votes,
    check_accuracy,
    check_balance,
    check_fitted,
    check_positive,
    check_same,
    soft_labels,
    softmax,
)
from workbench.label_models.doubts import contradictions, dead_and_copies, flipped, turned, worse_than_chance
from workbench.label_models.evidence import Evidence, Pairs, evidence
from workbench.label_models.similarity import Copies, Meetings, similarities
from workbench.label_models.uncertainty import Intervals, interval, simulated_errors
from workbench.label_models.vote_rows import Known, Parts, Rows, sums, voting
from workbench.label_models.vote_tables import Prior, accuracies, learned, log_likelihood, unseen
from workbench.tables import ABSTAIN, SoftLabels, VoteMatrix, WorkbenchError, distinct_rows

Floats = NDArray[np.float64]

_MET: Final = 50_000  # distinct vote rows that similarity is measured on
_CHUNK: Final = 50_000
_LEARNING: Final = 5  # iterations in which the strengths of priors are learned
_MAJORITY: Final = 0.5  # what a row that tells nothing apart teaches, by its majority's shares
_AS_GOLD: Final = 20.0
_PARTS: Final = 2  # of gold, each of which calibrates what the others taught
_UNKNOWN: Final = 0.7
_TINY: Final = 1e-12


class GenerativeModel:
    """Learns how accurate each function is from agreement and conflict alone; gold rows, where there are some, help.

    class_balance: None estimates it on covered rows, "uniform" or k shares fix it; functions that vote one class each say
    little about it, so give it where you know it. accuracy, strength: the prior says that this share of a function's votes
    falls on rows of its repertoire, as if that many votes had shown it. gold_weight: a gold row of weight 1 that was drawn
    at random teaches as so many rows. tol: EM stops when no posterior moves more. warm_start: begin from the last fit where
    functions, and the classes that each votes, are the same. seed: nothing here is random but the draws of `intervals`.

    Learned: class_balance_ [k], what uncovered rows get; covered_balance_ [k], the mean posterior of covered ones; accuracy_
    (share of a function's votes expected right, by function; missing for one that never votes); calibration_ (from gold);
    n_iter_, converged_, history_ (largest change of a posterior at each iteration); doubts_ (in words, what is suspicious).
    """

    _table: Floats  # [pairs + k, k], log P(vote | class)
    _believed: Floats  # [pairs, k], votes as the posterior has them
    _covered: Floats  # [k], the balance of covered rows that EM works with
    _pairs: Pairs
    covered_balance_: Floats

    def __init__(
        self,
        class_balance: Balance = None,
        accuracy: float = 0.9,
        strength: float = 100.0,
        gold_weight: float = 3.0,
        max_iter: int = 500,
        tol: float = 1e-4,
        warm_start: bool = False,
        seed: int = 0,
    ) -> None:
        self.class_balance = class_balance
        self.accuracy = accuracy
        self.strength = strength
        self.gold_weight = gold_weight
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.seed = seed

    def fit(self, votes: Votes, gold: pd.Series[Any] | pd.DataFrame | None = None) -> Self:
        """Learn from votes; gold is a class index by row id, or a frame with label, weight and drawn. Forgets earlier fits.

        drawn: bool, False on rows picked because they are hard; left out, all are drawn at random. A picked row teaches as the
        one row that it is; it sets neither calibration nor class balance, for it says nothing of how sure to be of others.
        """
        check_accuracy(self.accuracy)
        check_positive(self, ("strength", "tol", "max_iter", "gold_weight"))
        given = check_balance(self.class_balance, votes.labels)
        parts = Parts(votes, gold)
        seen = parts.seen()  # a refused fit leaves the last one as it was
        self._k, self._given = len(votes.labels), given
        self._copies = Copies.found(seen.same, seen.cast.sum(axis=1))
        patterns, counts = self._copies.merged(seen.patterns), seen.counts.astype(np.float64)
        known = seen.known._replace(patterns=self._copies.merged(seen.known.patterns))
        pairs = Pairs.seen(seen.cast[self._copies.first])
        again = self.warm_start and getattr(self, "fitted_", None) == (votes.lfs, votes.labels)
        self._start = self._table if again and np.array_equal(pairs.column, self._pairs.column) else None
        self._pairs = pairs
        met = self._meetings(patterns[:_MET], counts[:_MET], seen.rows, known)
        self._similarity = similarities(met, self._k)
        cast = seen.cast[self._copies.first].sum(axis=1)
        self._rules = float(cast @ (self._pairs.repertoire.sum(axis=1) == 1) / max(cast.sum(), 1))
        scores = np.zeros((len(known.label), self._k))
        for part in range(min(_PARTS, len(known.label))):  # a row that taught would look too good
            asked = np.arange(len(known.label)) % _PARTS == part
            self._iterate(patterns, counts, known.take(~asked))
            scores[asked] = self._scores(known.patterns[asked])
        self.calibration_ = Calibration.fitted(scores[known.drawn], known.label[known.drawn], known.weight[known.drawn])
        against = self._iterate(patterns, counts, known)
        if not seen.whole:
            against = self._settle(parts, known)
        self.class_balance_ = known.balance(self._covered, _AS_GOLD) if self._given is None else self._given
        self.accuracy_ = pd.Series(
            accuracies(self._pairs, self._believed)[self._copies.group], index=list(votes.lfs), name="accuracy"
        )
        self.fitted_ = (votes.lfs, votes.labels)
        self._doubt(met, *against)
        return self

    def predict_proba(self, votes: VoteMatrix) -> SoftLabels:
        """Return the posterior of every row; a vote the function never cast in training counts by its prior alone."""
        check_fitted(self, "fitted_")
        check_same(self.fitted_, votes)
        first, kind = distinct_rows(votes.votes)
        scores = self.calibration_(self._scores(self._copies.merged(votes.votes[first])))
        return soft_labels(votes, softmax(scores)[kind], self.class_balance_)

    def explain(self, votes: VoteMatrix, row: str) -> pd.DataFrame:
        """Return what each vote of a row, and the class balance, adds to the log of each class's probability.

        One line a function that votes, with its `vote`, after one for the class balance; the other columns are the classes. The
        softmax of their sums is the row's posterior, and the difference of two columns what a line adds to these log odds. A
        function that only copies another one adds nothing.
        """
        check_fitted(self, "fitted_")
        check_same(self.fitted_, votes)
        place = votes.ids.get_indexer(pd.Index([row]))
        if place[0] < 0:
            raise WorkbenchError(f"row {row!r} is not among these votes")
        given = votes.votes[place]
        parts = {
            "class balance": self._log_prior() if (given != ABSTAIN).any() else np.log(np.maximum(self.class_balance_, _TINY))
        }
        merged = self._copies.merged(given)
        worth = self._evidence(merged, np.ones(1)).worth
        adds = dict(zip(np.flatnonzero(merged[0] != ABSTAIN), worth.data[:, None] * self._table[worth.indices], strict=True))
        for j in np.flatnonzero(given[0] != ABSTAIN).tolist():
            parts[votes.lfs[j]] = adds.pop(self._copies.group[j], np.zeros(self._k))  # its copies add nothing more
        table = pd.DataFrame(parts, index=list(votes.labels)).T
        if len(parts) > 1:
            table = table.sub(table.mean(axis=1), axis=0) * self.calibration_.slope
            table.iloc[0] += self.calibration_.offset
        said = ["", *(votes.labels[vote] for vote in given[0][given[0] != ABSTAIN])]
        table.insert(0, "vote", said)
        return table

    def intervals(
        self, votes: VoteMatrix, level: float = 0.9, draws: int = 100, progress: Callable[[int], None] = lambda done: None
    ) -> Intervals:
        """Return intervals of each function's accuracy and of the balance of covered rows, from votes simulated `draws` times.

        votes: those that were fitted. Right as far as functions err independently, as the model assumes. Functions of one class
        hardly show the class balance, and a function of the commonest class looks right or wrong with it: so far as votes are
        theirs, the logs of the balance are taken to be uncertain by 0.7. progress: told how many draws are done.
        """
        check_fitted(self, "fitted_")
        check_same(self.fitted_, votes)
        if not 0 < level < 1 or draws < 1:
            raise WorkbenchError(
                f"level is {level} and draws {draws}; level is between 0 and 1, such as 0.9, and draws 1 or more"
            )
        settings = {name: getattr(self, name) for name in inspect.signature(GenerativeModel).parameters}
        twin = GenerativeModel(**settings)

        def believe(rng: np.random.Generator) -> tuple[Floats, Floats]:
            if self._given is not None or not self._rules:
                return self._rates(votes), self.covered_balance_
            shift = rng.normal(0, _UNKNOWN * self._rules, self._k)
            other = GenerativeModel(
                **settings | {"class_balance": list(softmax((np.log(self._covered) + shift)[None])[0])}
            ).fit(votes)
            return other._rates(votes), other.covered_balance_

        def learn(simulated: VoteMatrix) -> tuple[Floats, Floats]:
            twin.fit(simulated)
            return np.asarray(twin.accuracy_, dtype=np.float64), twin.covered_balance_

        errors = simulated_errors(learn, votes, believe, draws, np.random.default_rng(self.seed), progress)
        return Intervals(
            interval(np.asarray(self.accuracy_, dtype=np.float64), errors[0], level, votes.lfs),
            interval(self.covered_balance_, errors[1], level, votes.labels),
        )

    def _meetings(self, patterns: NDArray[np.int16], counts: Floats, rows: int, known: Known) -> Meetings:
        """Count who meets whom on some vote rows, scaled up to all rows without gold, and on gold rows."""
        scaled = counts * (rows / max(counts.sum(), 1))
        every = np.concatenate([patterns, known.patterns]), np.concatenate([scaled, np.ones(len(known.label))])
        return Meetings.counted(*every, self._k)

    def _doubt(self, met: Meetings, turned_rows: float, their_votes: Floats) -> None:
        """Say what is suspicious about the functions; rows of one mind that the model turned, and votes there by function."""
        accuracy = self.accuracy_.iloc[self._copies.first]
        cast = np.zeros_like(self._pairs.repertoire)
        cast[self._pairs.lf, self._pairs.vote] = self._believed.sum(axis=1)
        self.doubts_ = (
            dead_and_copies(self.accuracy_, self._copies.group)
            + worse_than_chance(accuracy, cast, self.covered_balance_)
            + contradictions(met, list(accuracy.index))
            + flipped(turned_rows, their_votes, accuracy)
        )

    def _rates(self, votes: VoteMatrix) -> Floats:
        """float64[m, k, k]: how often each function votes each class on rows of each class."""
        rates = np.zeros((len(self._pairs.repertoire), self._k, self._k))
        rates[self._pairs.lf, self._pairs.vote] = self._believed
        rows = len(votes) / max(int(votes.covered.sum()), 1) * self._rows_seen * self.covered_balance_
        return np.asarray(np.minimum(rates / np.maximum(rows, _TINY), 1)[self._copies.group], dtype=np.float64)

    def _iterate(self, patterns: NDArray[np.int16], counts: Floats, known: Known) -> tuple[float, Floats]:
        """Run EM from the majority's shares on; return what `_turned` says of the rows without gold."""
        rows = self._evidence(np.concatenate([patterns, known.patterns]), np.concatenate([counts, known.weight]))
        fixed = np.arange(len(patterns), len(rows.weight))
        rows.telling[fixed] = 1
        teaching = rows.weight.copy()
        teaching[fixed] = known.teaching(self.gold_weight)
        posterior = rows.share.copy()
        posterior[fixed] = known.answers(self._k)
        if self._start is not None:
            posterior[: len(patterns)] = softmax(rows.worth @ self._start + self._log_prior())[: len(patterns)]
        self.history_: list[float] = []
        self._prior = Prior(self.accuracy, self.strength)
        self._maximise(np.zeros((len(self._pairs.lf), self._k)), np.zeros(self._k), learning=False)
        for _ in range(self.max_iter if len(posterior) else 0):
            # how much functions differ is learned first, and not from gold rows, which count for several
            learning = len(self.history_) < _LEARNING
            expected, seen = _expect(rows, posterior, rows.weight if learning else teaching)
            self._maximise(expected, seen, learning)
            updated = softmax(rows.worth @ self._table + self._log_prior())
            updated[fixed] = posterior[fixed]
            self.history_.append(float(np.abs(updated - posterior).max()))
            posterior = updated
            if self.history_[-1] < self.tol and not (learning and len(fixed)):
                break
        self._believe(*_tally(rows, posterior))
        self.n_iter_ = len(self.history_)
        self.converged_ = not self.history_ or self.history_[-1] < self.tol
        return _turned(patterns, counts, rows.share[: len(patterns)], posterior[: len(patterns)])

    def _settle(self, parts: Parts, known: Known) -> tuple[float, Floats]:
        """Let all rows teach once what the rows that EM iterated over have taught; return what `_iterate` does."""
        rows, answers = self._evidence(known.patterns, known.weight), known.answers(self._k)
        rows.telling[:] = 1
        taught = [*_expect(rows, answers, known.teaching(self.gold_weight)), *_tally(rows, answers), 0.0, 0.0]
        expected, seen, believed, classes, turned_rows, their_votes = sums(taught, parts.total(self._teach, sums))
        self._maximise(expected, seen, learning=True)
        self._believe(believed, classes)
        return float(turned_rows), np.asarray(their_votes, dtype=np.float64)

    def _teach(self, part: Rows) -> list[Any]:
        """Return what `_expect`, `_tally` and `_turned` sum up of the rows without gold of one part."""
        patterns, counts = self._copies.merged(part.patterns), part.counts.astype(np.float64)
        taught = []
        for chunk in (slice(start, start + _CHUNK) for start in range(0, max(len(patterns), 1), _CHUNK)):
            rows = self._evidence(patterns[chunk], counts[chunk])
            posterior = softmax(rows.worth @ self._table + self._log_prior())
            turned_ = _turned(patterns[chunk], counts[chunk], rows.share, posterior)
            taught.append([*_expect(rows, posterior, rows.weight), *_tally(rows, posterior), *turned_])
        return reduce(sums, taught)

    def _believe(self, votes: Floats, classes: Floats) -> None:
        """Keep what posteriors say of votes and of rows."""
        self._believed, self._rows_seen = votes, float(classes.sum())
        self.covered_balance_ = classes / self._rows_seen if self._rows_seen else self._covered

    def _maximise(self, expected: Floats, seen: Floats, learning: bool) -> None:
        """Take over the tables and the balance that expected votes and rows speak for."""
        self._covered = (seen + 1) / (seen + 1).sum()  # a row of each class: none dies out
        if learning:
            self._prior = learned(self._pairs, expected, self._prior)
        table = log_likelihood(self._pairs, expected, self._covered, self._prior)
        self._table = np.concatenate([table, unseen(softmax(self._log_prior()[None])[0], self.accuracy)])

    def _log_prior(self) -> Floats:
        """float64[k]: the log of the balance that a covered row begins with.

        Rules cover some classes more than others, and what their votes show is how many rules were written for a class as much
        as how frequent it is: as far as votes come from one-class functions, half of the way to uniform, in logs.
        """
        balance = self._covered if self._given is None else self._given
        return np.asarray((1 - self._rules / 2) * np.log(np.maximum(balance, _TINY)), dtype=np.float64)

    def _evidence(self, patterns: NDArray[np.int16], weight: Floats) -> Evidence:
        return evidence(patterns, weight, self._pairs, self._similarity)

    def _scores(self, patterns: NDArray[np.int16]) -> Floats:
        """float64[rows, k]: log posterior up to a constant a row, before calibration."""
        scores = np.empty((len(patterns), self._k))
        for start in range(0, len(patterns), _CHUNK):
            rows = patterns[start : start + _CHUNK]
            scores[start : start + _CHUNK] = self._evidence(rows, np.ones(len(rows))).worth @ self._table + self._log_prior()
        return scores


def _turned(patterns: NDArray[np.int16], counts: Floats, share: Floats, posterior: Floats) -> tuple[float, Floats]:
    """Return how many rows of one mind the posterior turned to another class, and float64[m], votes there by function."""
    which = turned(share, posterior)
    return float(counts[which].sum()), voting(patterns[which], counts[which])


def _expect(rows: Evidence, posterior: Floats, teaching: Floats) -> tuple[Floats, Floats]:
    """Return float64[pairs, k], expected votes on rows of each class, and float64[k], rows of each class.

    teaching: float64[rows], how many rows each counts for among the votes.
    """
    told, majority = rows.telling * posterior, (1 - rows.telling) * rows.share
    expected = rows.x.T @ ((told + _MAJORITY * majority) * teaching[:, None])
    return expected[: -posterior.shape[1]], rows.weight @ (told + majority)


def _tally(rows: Evidence, posterior: Floats) -> tuple[Floats, Floats]:
    """Return float64[pairs, k], votes on rows of each class, and float64[k], rows of each class, each row as it stands."""
    mass = posterior * rows.weight[:, None]
    return (rows.x.T @ mass)[: -posterior.shape[1]], mass.sum(axis=0)
