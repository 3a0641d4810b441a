"""What a batch of decisions did: the line is fitted again with the anchors, and the new run is set beside the one before.

A function is judged by rows that chance chose among all: draws of audit plans, and anchors that a queue drew from all rows.
Other anchors, those drawn from the rows of one vote pattern included, were chosen because their votes are doubtful: a good
function looks bad on them, so they are counted apart and flag nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.io.files import plain
from workbench.io.names import listed, shortened
from workbench.project.audit_report import promise_in_words
from workbench.project.auditing import label_set
from workbench.project.reviewing import fingerprints, kept_anchors, open_record, reviewed
from workbench.project.run_pair import RunPair, compare_runs
from workbench.project.runs import Run, newest_run
from workbench.project.steps.fit import Report
from workbench.project.steps.run import run
from workbench.project.task import Task
from workbench.review.estimates import answers, described, labelled, promise
from workbench.review.plan import label_set_fingerprint
from workbench.stats import binomial_greater, false_discovery, hajek
from workbench.tables import ABSTAIN, Dataset, SoftLabels, WorkbenchError

__all__ = ["LEVEL", "Feedback", "Refitted", "feedback_in_words", "news", "refit", "what_changed"]

LEVEL: Final = 0.1  # of the functions that are said to differ, the share that may be chance
_FROM_ALL: Final = "Drawn at random."  # the reason of a row that a queue drew from all rows, not from those of its votes
_CUT: Final = 160  # characters of a row's text
_MOVES: Final = 3


class Refitted(NamedTuple):
    """The newest fitted run before, None where there was none, and the one fitted now, None where nothing was new."""

    before: Run | None
    after: Run | None


@dataclass(frozen=True, eq=False)
class Feedback:
    """What is other after a refit.

    before, after: ids of the runs. anchors: reviewed rows that taught, `before` and `after`. pair: settings, functions, flipped
    labels (`changed` of `common`, `moves`) and scores, of `compare_runs`; its `sample` has no row that people labelled, unless
    they labelled all. by_people: flipped labels of those rows. functions: by name, those to look at first: state (`new`,
    `changed`, `removed` or ''), right, n, share, low, high (95 %) of audited votes, learned_before, learned_after, q, differs,
    hard_right and hard_n (votes on other reviewed rows). bound: `before` and `after`, each {plan, words, and all of
    `estimates.promise`} or None; described: how old answers describe labels without a promise, else None.
    """

    before: str
    after: str
    anchors: dict[str, int]
    pair: RunPair
    by_people: int
    functions: pd.DataFrame
    bound: dict[str, Any]


def news(task: Task, dataset: Dataset, before: Run) -> list[str]:
    """Return which kinds of things a fit would learn from are other than in a run: none, where it would find the same."""
    about = before.about
    settings = {name: getattr(task, name) for name in ("apply", "label_model")}
    same = {
        "reviewed rows": about.get("review", {}).get("fingerprint", "") == reviewed(task, dataset).facts["fingerprint"],
        "functions": about["functions"] == {function.name: function.fingerprint for function in task.functions()},
        "settings": {name: about["settings"][name] for name in settings} == plain(settings),
        "data": about["data"] == dataset.fingerprint,
    }
    return [name for name, is_same in same.items() if not is_same]


def refit(
    task: Task,
    *,
    force: bool = False,
    report: Report = lambda *_: None,
    say: Callable[[str], None] = lambda _: None,
) -> Refitted:
    """Fit again where anything is new since the newest fitted run, or where force says so; report, say: as for `run`."""
    before = newest_run(task, "label_model.json")
    if before is not None and not force and not news(task, task.dataset()[0], before):
        return Refitted(before, None)
    return Refitted(before, run(task, until="fit", report=report, say=say))


def what_changed(task: Task, before: Run, after: Run, dataset: Dataset) -> Feedback:
    """Set a refit beside the run before it; functions are judged by the record as it is now."""
    people = _labelled_by_people(after)
    others = ~dataset.ids.isin(people)  # people know what they changed themselves
    pair = compare_runs(before, after, dataset.take(others) if others.any() else dataset)
    cut = [shortened(" ".join(text.split()), _CUT) for text in pair.sample["row"]]
    runs = {"before": before, "after": after}
    return Feedback(
        before=before.id,
        after=after.id,
        anchors={name: int(one.about.get("review", {}).get("anchors", 0)) for name, one in runs.items()},
        pair=replace(pair, sample=pair.sample.assign(row=cut)),
        by_people=_flipped(before, after, people),
        functions=_functions(_judged(task, dataset), before, after, pair),
        bound=_bound(task, dataset, before, after),
    )


def _labelled_by_people(run: Run) -> pd.Index:
    """Return the train rows whose label in a run is that of people."""
    return kept_anchors(run.folder).index


def _flipped(before: Run, after: Run, rows: pd.Index) -> int:
    """Count the rows, of some that both runs know, that have another label."""
    old, new = (_named(one.soft_labels()) for one in (before, after))
    here = rows.intersection(old.index)
    return int((old[here] != new[here]).sum())


def _named(soft: SoftLabels) -> pd.Series[Any]:
    names = np.array([*soft.labels, ""], dtype=object)  # the last one is of -1
    return pd.Series(names[soft.hard().to_numpy(np.intp)], index=soft.ids)


def _judged(task: Task, dataset: Dataset) -> pd.DataFrame:
    """Return the train rows whose class people said: row, truth (its name), weight, and whether chance chose it from all.

    A line is a draw of an audit plan, with its weight, or an anchor. A row that an earlier plan drew does not count again, for
    plans of one label set share their random numbers.
    """
    record, known = open_record(task), reviewed(task, dataset).teaching
    current, plans = record.current(), record.plans()
    said = current[(current["reason"] == _FROM_ALL) & (current["kind"] == "label")]
    truth = np.array(dataset.labels, dtype=object)[known["label"].to_numpy(np.intp)]
    table = {"row": known.index, "truth": truth, "weight": 1.0, "chance": known.index.isin(said["row"])}
    lines = [pd.DataFrame(table)]
    train = dataset.ids[(dataset.split == "train").to_numpy()]
    seen: set[str] = set()
    for id in plans.loc[plans["run"].notna(), "id"]:
        plan = record.audit(str(id))
        found = answers(plan, current)
        new = plan.draws["row"].isin(train) & ~plan.draws["row"].isin(list(seen))
        kept = labelled(found) & new.to_numpy()
        drawn = plan.draws[kept]
        one = pd.DataFrame({"row": drawn["row"], "truth": found["truth"][kept], "weight": plan.weights[kept], "chance": True})
        lines.append(one[(drawn["shown"] == fingerprints(task, dataset, drawn["row"].tolist())).to_numpy()])
        seen |= set(drawn["row"])
    return pd.concat(lines, ignore_index=True)


def _functions(judged: pd.DataFrame, before: Run, after: Run, pair: RunPair) -> pd.DataFrame:
    """Judge every function by its votes in the run before, a new one by those in the run after."""
    old = _cast(before, judged["row"])
    new = _cast(after, judged["row"])
    votes = pd.concat([old, new[[name for name in new if name not in old]]], axis=1)
    chance, weight = judged["chance"].to_numpy(np.bool_), judged["weight"].to_numpy(np.float64)
    learned = pair.accuracy.reindex(votes.columns)[["before", "after"]].to_numpy(np.float64)
    lines = {}
    for name, (old_share, new_share) in zip(votes, learned.tolist(), strict=True):
        voted = votes[name].notna().to_numpy()
        right = (votes[name] == judged["truth"]).to_numpy(np.float64)
        audited, hard = voted & chance, voted & ~chance
        share, low, high = hajek(right[audited], weight[audited])
        lines[name] = {
            "state": pair.functions.get(str(name), ""),
            "right": int(right[audited].sum()), "n": int(audited.sum()), "share": share, "low": low, "high": high,
            "learned_before": old_share, "learned_after": new_share,
            "q": _chance_of(share, weight[audited], old_share), "differs": False,
            "hard_right": int(right[hard].sum()), "hard_n": int(hard.sum()),
        }  # fmt: skip
    table = pd.DataFrame.from_dict(lines, orient="index").rename_axis("function")
    tested = table["q"].notna()
    if tested.any():
        table.loc[tested, "q"] = false_discovery(table.loc[tested, "q"])
    outside = (table["learned_before"] < table["low"]) | (table["learned_before"] > table["high"])
    table["differs"] = outside & (table["q"] <= LEVEL)
    order = np.lexsort((-table["n"], table["q"].where(table["differs"], np.inf)))
    return table.iloc[order]


def _cast(run: Run, rows: pd.Series[Any]) -> pd.DataFrame:
    """Return the class that every function of a run votes for, by name, on some rows; None where it does not vote."""
    votes = run.votes()
    at = votes.ids.get_indexer(pd.Index(rows))
    codes = np.where((at >= 0)[:, None], votes.votes[at], ABSTAIN)
    return pd.DataFrame(np.array([*votes.labels, None], dtype=object)[codes], columns=list(votes.lfs), dtype=object)


def _chance_of(share: float, weights: NDArray[np.float64], learned: float) -> float:
    """Return the exact two-sided p of a share, twice the smaller tail, if the learned one were true; nan where none is known.

    Draws of uneven weight are tested as the number of equal draws that Kish gives them, (sum w)^2 / sum w^2, rounded down.
    """
    if not len(weights) or np.isnan(learned):
        return float("nan")
    n = int(weights.sum() ** 2 / (weights**2).sum() + 1e-9)
    hits = round(share * n)
    tails = binomial_greater([hits, n - hits], n, [learned, 1 - learned])
    return min(1.0, 2 * float(tails.min()))


def _bound(task: Task, dataset: Dataset, before: Run, after: Run) -> dict[str, Any]:
    """Return what is promised of the train labels of both runs, each by the newest plan drawn from just these labels."""
    record = open_record(task)
    current, plans = record.current(), record.plans()
    plans = plans[plans["run"].notna() & ~plans["recurring"]]  # weekly batches are told of in their series
    found: dict[str, Any] = {"before": None, "after": None, "described": None}
    labels = {"before": _labels(before, dataset), "after": _labels(after, dataset)}
    chosen = plans["id"].iloc[-1] if len(plans) else None
    for name, of in reversed(labels.items()):
        same = plans[plans["fingerprint"] == label_set_fingerprint(of, fingerprints(task, dataset, of.index))]
        if len(same):
            line, chosen = same.iloc[-1], same["id"].iloc[-1]
            plan = record.audit(str(chosen))
            promised = promise(plan, answers(plan, current), float(plan.settings["target"]))
            found[name] = {"plan": str(line["name"]), **promised, "words": promise_in_words(promised)}
    if found["after"] is None and chosen is not None:
        plan = record.audit(str(chosen))
        newer = labels["after"].reindex(plan.draws["row"]).set_axis(plan.draws.index)
        whole = {"all": np.ones(len(plan.draws), bool)}
        found["described"] = described(plan, answers(plan, current), whole, newer)[0]
    return found


def _labels(run: Run, dataset: Dataset) -> pd.Series[Any]:
    try:
        return label_set(run, dataset, "train").labels
    except WorkbenchError:  # no row has a label
        return pd.Series(dtype="str")


def feedback_in_words(feedback: Feedback) -> list[str]:
    """Say what was learned from, what flipped, which functions to look at, what is promised, and what it did to scores."""
    return [
        *_learned_in_words(feedback),
        *_flips_in_words(feedback),
        *_functions_in_words(feedback.functions),
        *_bound_in_words(feedback.bound),
        *_gain_in_words(feedback.pair),
    ]


def _learned_in_words(feedback: Feedback) -> list[str]:
    pair, anchors = feedback.pair, feedback.anchors
    said = [f"Learned from {anchors['after']:,} reviewed rows, {anchors['before']:,} before."]
    for kind in ("new", "changed", "removed"):
        names = [name for name, what in pair.functions.items() if what == kind]
        said += [f"Functions that are {kind}: {listed(names)}."] if names else []
    settings = [str(name) for name in pair.settings.index if name != "reviewed rows that teach"]
    said += [f"Settings that differ: {listed(settings)}."] if settings else []
    return [*said, "The rows, their gold or their splits differ too."] if pair.other_data else said


def _flips_in_words(feedback: Feedback) -> list[str]:
    pair = feedback.pair
    if not pair.changed:
        return [f"No label flipped, of {pair.common:,}."]
    most = [f"{one.before} → {one.after} {one.n:,}" for one in pair.moves.head(_MOVES).itertuples()]
    by_people = f", {feedback.by_people:,} of them on reviewed rows" if feedback.by_people else ""
    return [f"{pair.changed:,} of {pair.common:,} labels flipped{by_people}; most often {', '.join(most)}."]


def _functions_in_words(table: pd.DataFrame) -> list[str]:
    if not table["n"].any():
        hard = "; on reviewed hard rows a function looks worse than it is" if table["hard_n"].any() else ""
        return [f"No vote is audited, so no function is judged{hard}. Plan an audit, or review rows of the queue 'random'."]
    if not table["differs"].any():
        audited = table.loc[table["n"] > 0, "n"]
        return [
            "No function's audited accuracy differs from the learned one by more than chance explains; "
            f"{len(audited)} have audited votes, {audited.median():g} in the median."
        ]
    said = []
    for name, line in table[table["differs"]].iterrows():
        state = {"changed": ", and it was changed since", "removed": ", and it is gone now"}.get(line["state"], "")
        now = "" if np.isnan(line["learned_after"]) else f", now for {line['learned_after']:.0%}"
        share = f"{line['share']:.0%} [{line['low']:.0%}, {line['high']:.0%}]"
        said.append(
            f"Look at {name}: right on {line['right']:,} of {line['n']:,} audited votes ({share}), but the label model took "
            f"it for {line['learned_before']:.0%}{now}{state}."
        )
    return [*said, f"Of the functions named so, at most about {LEVEL:.0%} may be chance."]


def _bound_in_words(bound: dict[str, Any]) -> list[str]:
    before, after, old = bound["before"], bound["after"], bound["described"]
    said = [f"Before, by plan {before['plan']}: {before['words'][0]}"] if before else ["Before: no promise."]
    if after is not None:
        same = "The labels are the same, and so is the promise" if before and before["plan"] == after["plan"] else "After"
        return [*said, f"{same}, by plan {after['plan']}: {after['words'][0]}"]
    said.append("After: no promise, for these are other labels; plan again." if before else "After: no promise; plan an audit.")
    if old and old["n"]:
        said.append(
            f"The old answers describe the new labels: {old['estimate']:.1%} [{old['low']:.1%}, {old['high']:.1%}] wrong, "
            f"n = {old['n']:,} draws, and promise nothing of them."
        )
    return said


def _gain_in_words(pair: RunPair) -> list[str]:
    more = pair.gains.get("all", {"n": 0})
    if not more["n"]:
        return []
    value, low, high = (100 * figure for figure in (more["value"], *more["interval"]))
    if not (value or low or high):
        return [f"Accuracy is the same on each of the {more['n']:,} valid rows with gold."]
    clear = "" if more["clear"] or high < 0 else "; that may be chance"
    return [
        f"Accuracy on the {more['n']:,} valid rows with gold moved by {value:+.1f} points [{low:+.1f}, {high:+.1f}]{clear}."
    ]
