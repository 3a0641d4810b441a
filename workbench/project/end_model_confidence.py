"""How far an end model's confidence can be trusted: what a target risk leaves to it, and what it is worth on valid rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.evaluate import aurc, best_aurc, reliability, risk_coverage
from workbench.io.readers import read_frame
from workbench.project.label_model import gold_and_answer, gold_for
from workbench.project.runs import Run
from workbench.project.steps.defer import MEASURED, RISK
from workbench.spec import Slice, slice_masks
from workbench.tables import ABSTAIN, Dataset, SoftLabels

if TYPE_CHECKING:
    from workbench.end_model.deferral import Deferral

_POINTS: Final = 300  # of a drawn curve


def risk_of(run: Run) -> float:
    """Return the risk for which a run looked for a threshold."""
    return float(run.about["settings"]["end_model"].get("risk", RISK))


@dataclass(frozen=True)
class Measured:
    """The rows by which a threshold is found: how sure the model is, whether it is right, and where they were drawn, weights.

    confidence: float64[n], 0 for rows unlike those that it learned from. correct: bool[n].
    """

    confidence: NDArray[np.float64]
    correct: NDArray[np.bool_]
    weights: NDArray[np.float64] | None

    @classmethod
    def of(cls, run: Run) -> Self | None:
        """Return those of a run; runs of older workbenches kept none."""
        if not (run.folder / MEASURED).exists():
            return None
        table = read_frame(run.folder / MEASURED, text_columns=["row"])[0]
        weights = table["weight"].to_numpy(np.float64) if "weight" in table else None
        return cls(table["confidence"].to_numpy(np.float64), table["correct"].to_numpy(np.bool_), weights)

    def at(self, risk: float) -> Deferral:
        """Return what may be promised at a risk."""
        from workbench.end_model.deferral import learn_deferral

        return learn_deferral(self.confidence, self.correct, risk, weights=self.weights)


@dataclass(frozen=True)
class Trust:
    """What confidence is worth on valid rows with gold, all of them or those answered with one class.

    n: rows. wrong: share of them. curve: of `risk_coverage`, thinned to a few hundred lines. aurc: area under it; best: what it
    would be if every wrong answer were less sure than every right one. bins: of `reliability`. ece: their mean gap.
    """

    n: int
    wrong: float
    curve: pd.DataFrame
    aurc: float | None
    best: float | None
    bins: pd.DataFrame
    ece: float | None

    @classmethod
    def of(cls, valid: SoftLabels, dataset: Dataset, label: str | None = None) -> Self:
        """Measure it; label: the class answered, None for all."""
        gold = gold_for(valid, dataset)
        truth, answer = gold_and_answer(valid, dataset)
        chosen = (truth != ABSTAIN) & (True if label is None else answer == valid.labels.index(label))
        sure, right = valid.probs[chosen].max(axis=1), (answer == truth)[chosen].astype(float)
        curve, bins = risk_coverage(sure, right), reliability(valid.take(chosen), gold, rows="all")
        some = np.unique(np.linspace(0, max(len(curve) - 1, 0), _POINTS).round().astype(int))[: len(curve)]
        gaps = (bins["confidence"] - bins["accuracy"]).abs()
        n = len(right)
        return cls(
            n=n,
            wrong=float(1 - right.mean()) if n else float("nan"),
            curve=curve.iloc[some].reset_index(drop=True),
            aurc=aurc(sure, right),
            best=best_aurc(right),
            bins=bins,
            ece=float((gaps * bins["n"]).sum() / n) if n else None,
        )


def worth_by_group(soft: SoftLabels, dataset: Dataset, slices: Iterable[Slice], threshold: float | None) -> pd.DataFrame:
    """Return one row a group of rows with gold: n, wrong, aurc, best, answered, wrong_answered; wrong ones are shares.

    Groups are all rows, those answered with each class, and slices that hold rows with gold. soft: an end model's answers.
    aurc, best: as Trust has them. answered: share of confidence above the threshold, all for None.
    """
    truth, answer = gold_and_answer(soft, dataset)
    known, sure = truth != ABSTAIN, soft.probs.max(axis=1)
    places = dataset.ids.get_indexer(soft.ids)
    groups = {"all rows": known}
    groups |= {f"answer {label}": known & (answer == c) for c, label in enumerate(soft.labels)}
    groups |= {
        f"slice {name}": rows for name, mask in slice_masks(slices, dataset).items() if (rows := known & mask[places]).any()
    }
    above = np.ones(len(soft), np.bool_) if threshold is None else sure > threshold
    lines = {name: _worth(sure[rows], (answer == truth)[rows].astype(float), above[rows]) for name, rows in groups.items()}
    return pd.DataFrame.from_dict(lines, orient="index").astype({"n": int}).rename_axis("group")


def _worth(sure: NDArray[np.float64], right: NDArray[np.float64], above: NDArray[np.bool_]) -> dict[str, float | None]:
    n, answered = len(right), int(above.sum())
    return {
        "n": n,
        "wrong": float(1 - right.mean()) if n else None,
        "aurc": aurc(sure, right),
        "best": best_aurc(right),
        "answered": answered / n if n else None,
        "wrong_answered": float(1 - right[above].mean()) if answered else None,
    }
