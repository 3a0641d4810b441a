"""Confidence of the end model's page: what is promised of its answers, at which risk, and what confidence is worth."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from workbench.project import end_model_confidence
from workbench.project.label_model import below, histogram, score_above
from workbench.project.runs import Run
from workbench.project.steps.predict import NONE, promised
from workbench.project.task import Task
from workbench.tables import Dataset
from workbench.ui import figures, opened_end_model
from workbench.ui import label_model_charts as charts
from workbench.ui.curves import risk_curve
from workbench.ui.wording import count, figure, interval, percent, plain


def show(task: Task, run: Run, dataset: Dataset) -> None:
    """Draw the view."""
    st.header("What is promised")
    promise = promised(run)
    if promise is None:
        st.markdown(
            "**Nothing is promised**, and every row gets an answer: this run measured nothing. It takes valid rows with gold, "
            "or draws of an audit plan that people answered. Then train again."
        )
    else:
        learned, what = promise
        said = learned.in_words()
        st.markdown(f"The end model {_sentence(said)}. Measured on {plain(what)}, which taught it nothing." + _now(learned))
    _parts(task, run, dataset, promise)


def _sentence(said: str) -> str:
    return f"**{plain(said)}**" if said.startswith("answers") else f"answers nothing by itself: **{plain(said)}**"


def _now(learned: Any) -> str:
    if learned.threshold is None:
        return " Until then every row of a file needs review, and `--review-below 0` answers all the same."
    return f" It answers rows of a confidence above {learned.threshold:.3f} that are like those it learned from."


@st.fragment
def _parts(task: Task, run: Run, dataset: Dataset, promise: Any) -> None:
    """Draw what follows sliders and lists, in a part of its own: they draw nothing else anew."""
    tried = None if promise is None else _risks(task, run, promise)
    st.header("What confidence is worth")
    valid = opened_end_model.answers(run, dataset).certainty.valid
    label = st.selectbox(
        "Answered", valid.labels, index=None, key="worth_of", bind="query-params", placeholder="any class", width=280
    )
    trust = opened_end_model.trust(run, dataset, label)
    if not trust.n:
        who = "answered so " if label else ""
        st.info(f"No valid row {who}has gold, so nobody can say what confidence is worth.", icon=":material/info:")
    else:
        left, right = st.columns(2, gap="large")
        with left:
            _risk_and_coverage(trust, tried, end_model_confidence.risk_of(run) if tried is None else tried.risk, label)
        with right:
            _reliability(trust)
        with st.expander("By class answered and slice", on_change="rerun", key="by_group") as by_group:
            if by_group.open:
                _by_group(task, run, dataset, tried)
    with st.expander("A threshold given by hand", on_change="rerun", key="by_hand") as by_hand:
        if by_hand.open:
            _by_hand(run, dataset)


def _risks(task: Task, run: Run, promise: Any) -> Any:
    """Ask for a risk, and draw what it leaves to the model; return that Deferral, None where the run kept no rows."""
    own, measured = end_model_confidence.risk_of(run), opened_end_model.measured(run)
    if measured is None:
        st.info("This run is older than the slider for other risks; train again to see them.", icon=":material/info:")
        return None
    risk = st.slider(
        "Target risk: the share of answers that may be wrong", 0.01, 0.2, min(max(own, 0.01), 0.2), 0.005, key="risk",
        bind="query-params", format="percent",
    )  # fmt: skip
    found = measured.at(risk)
    share, low, high = found.share
    some = found.threshold is not None
    columns = st.columns(3)
    columns[0].metric("Answered", percent(share) if some else "none")
    columns[0].caption(f"95 % interval {interval(low, high)}, n = {found.n:,}" if some else f"n = {found.n:,} measured rows")
    columns[1].metric("Wrong, at most", percent(risk) if some else "–")
    columns[1].caption(
        f"{found.confidence:.0%} sure; {found.errors:,} of {found.answered:,} were" if some else "nothing to promise"
    )
    columns[2].metric("Confidence above", figure(found.threshold) if some else "–")
    columns[2].caption("the lowest for which that can be shown" if some else "no threshold can be shown to do")
    if found.in_words() != promise[0].in_words():
        st.markdown(f"Had this risk been chosen beforehand: the end model {_sentence(found.in_words())}.")
    st.caption(
        plain(
            "Look around, but do not pick: whoever tries several risks and keeps the best has no guarantee. The promise is "
            f"that of one risk, chosen beforehand: `risk = {own:g}` under `[end_model]` in {task.folder / 'task.toml'}."
        )
    )
    return found


def _risk_and_coverage(trust: Any, tried: Any, risk: float, label: str | None) -> None:
    st.subheader("Wrong answers by share answered")
    at = tried.share[0] if tried is not None and tried.threshold is not None and label is None else None
    last = trust.curve.iloc[-1]
    charts.draw(
        risk_curve(trust.curve, risk, at),
        alt=f"Wrong answers over share of rows answered, the surest first; {percent(last['risk'])} if all are answered",
    )
    st.caption(
        f"The surest rows are answered first; of all {trust.n:,}, {percent(trust.wrong)} are wrong. Area under the curve "
        f"(AURC) {figure(trust.aurc)}: the mean share of wrong answers over all places to stop. It would be "
        f"{figure(trust.best)} if every wrong answer were less sure than every right one, and {figure(trust.wrong)} if "
        "confidence said nothing."
    )


def _reliability(trust: Any) -> None:
    st.subheader("Is it as right as it is sure?")
    bins = trust.bins
    charts.draw(charts.reliability(bins), alt="Accuracy against confidence; the figures stand in the table below")
    apart = int(((bins["confidence"] < bins["accuracy_low"]) | (bins["confidence"] > bins["accuracy_high"])).sum())
    st.caption(
        f"Where confidence holds, dots lie on the line; {apart} of {len(bins)} intervals miss it. Expected calibration error "
        f"(ECE) {figure(trust.ece)} on {trust.n:,} valid rows: so far is confidence from accuracy, on average."
    )
    shown = pd.DataFrame({"n": bins["n"].map(count), "mean confidence": bins["confidence"].map(percent)})
    shown["accuracy"] = bins["accuracy"].map(percent)
    shown["95 % interval"] = [interval(low, high) for low, high in bins[["accuracy_low", "accuracy_high"]].to_numpy()]
    shown.index = pd.Index([f"{low:.1f}–{high:.1f}" for low, high in bins[["low", "high"]].to_numpy()], name="confidence")
    with st.expander("Figures"):
        st.html(figures.table(shown, "Reliability by bin of confidence"))


def _by_group(task: Task, run: Run, dataset: Dataset, tried: Any) -> None:
    """Draw who is answered, and how wrongly, where confidence could rank wrong answers better than it does."""
    threshold = None if tried is None else NONE if tried.threshold is None else tried.threshold
    worth = opened_end_model.worth(task, run, dataset, threshold)
    shown = pd.DataFrame({"n": worth["n"].map(count), "wrong": worth["wrong"].map(percent)})
    shown["answered"] = worth["answered"].map(percent)
    shown["wrong of those"] = worth["wrong_answered"].map(percent)
    shown["AURC"], shown["at best"] = worth["aurc"].map(figure), worth["best"].map(figure)
    shown.index.name = "valid rows"
    st.html(figures.table(shown, "What confidence is worth by class answered and slice"))
    st.caption(
        "Answered: above the threshold for the target risk. AURC: area under the curve above, of these rows; at best: with "
        "every wrong answer less sure than every right one. Far apart, a threshold hardly helps on these rows."
    )


def _by_hand(run: Run, dataset: Dataset) -> None:
    """Draw what a threshold leaves to a person, and the command for it."""
    sure = opened_end_model.answers(run, dataset).certainty
    threshold = st.slider(
        "Needs review below", 0.0, 1.0, 0.7, 0.01, key="review_below", bind="query-params", format="percent",
        help="Rows whose highest probability is below this are left to a person. Nothing is promised of the others.",
    )  # fmt: skip
    rest, found = score_above(sure.valid, dataset, threshold), below(sure.ordered, threshold)
    columns = st.columns([1, 1, 2])
    columns[0].metric("Need review", percent(found["share"]))
    columns[0].caption(f"{count(found['rows'])} of {count(found['of'])} rows outside train")
    columns[1].metric("Right on the rest", percent(rest["accuracy"]) or "–")
    columns[1].caption(_measured(rest))
    with columns[2]:
        bars = charts.histogram(histogram(sure.ordered), threshold)
        bars["height"], bars["encoding"]["y"]["title"] = 140, "rows outside train"
        said = f"Rows outside train by confidence of the end model; {percent(found['share'])} are below {threshold:.0%}"
        charts.draw(bars, said)
    st.code(f"workbench predict TASK IN OUT --run {run.id} --review-below {threshold:g}", language=None, wrap_lines=True)


def _measured(score: dict[str, Any]) -> str:
    if not score["n"]:
        return "no such valid row has gold"
    return f"95 % interval {interval(*score['interval'])}, n = {score['n']:,} valid rows"
