"""End model: what does the model that learned from the labels know, and when should a person look?"""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project import end_model, overview
from workbench.project.label_model import below, histogram, score_above
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.project.training_set import TOLD
from workbench.tables import Dataset
from workbench.ui import figures, opened, opened_end_model, running, try_row
from workbench.ui import label_model_charts as charts
from workbench.ui.curves import accuracy_curve, loss_curve
from workbench.ui.frame import chosen_run, chosen_task, rows_beside, say_if_older
from workbench.ui.wording import ago, count, figure, interval, percent, plain

_VIEWS: Final = ("Scores", "Try it", "Differences", "Confidence", "Training")  # as the URL names them
_PAGE: Final = 50
_LINES: Final = 14  # of a table; longer ones scroll


def show() -> None:
    """Draw the page."""
    task = chosen_task()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        with st.container(width="content", gap=None):
            st.title("End model")
            st.caption("What does the model that learned from the labels know, and when should a person look?")
        if task.end_model.get("enabled", True):
            running.start_button(task.folder, "Train", key="train")
    if running.is_running(task.folder):
        _live(task)
    else:
        running.panel(task.folder)
    run = chosen_run(task, "end_model")
    if run is None:
        _none_yet(task)
        return
    dataset = rows_beside(task, run)
    st.caption(f"Run {plain(run.id)}, {ago(run.about['finished'])}")
    say_if_older(task, run, dataset, "answers", until="evaluate")
    view = st.segmented_control(
        "View", _VIEWS, default=_VIEWS[0], required=True, key="end", bind="query-params", label_visibility="collapsed"
    )
    if view == "Try it":
        try_row.show(task, run, dataset)
    elif view == "Training":
        _training(run, dataset)
    elif not (run.folder / end_model.HELD_OUT).exists():
        st.info("This run ended before the end model was scored. Train runs the line to its end.", icon=":material/info:")
    elif view == "Differences":
        _differences(run, dataset)
    elif view == "Confidence":
        _deferral(run, dataset)
    else:
        _scores(run, dataset)


def _none_yet(task: Task) -> None:
    asked = st.query_params.get("run")
    if not task.end_model.get("enabled", True):
        said = (
            "The end model is switched off: `enabled = false` stands under `[end_model]` in "
            f"{plain(str(task.folder / 'task.toml'))}. Take that line out, and a button to train appears here."
        )
    elif asked is not None:
        said = f"Run {plain(asked)} ended before its end model was trained. Choose another run in the sidebar, or train one."
    else:
        said = (
            "No end model has been trained yet. It learns from the probabilities of the label model, and answers on rows that "
            "no function votes on. Train runs the whole line; votes that are kept are not cast again."
        )
    st.info(said, icon=":material/info:")


@st.fragment(run_every=1.0)
def _live(task: Task) -> None:
    """Draw the curve of the training under way; the sidebar says how far the line is, and draws the page anew at its end."""
    history = end_model.history_table(end_model.live_history(task.folder))
    if history.empty:
        st.caption("The line is under way; the curve of the training appears here.")
        return
    epoch, loss = history[["epoch", "loss"]].iloc[-1]
    charts.draw(loss_curve(history, None), alt=f"Loss by epoch of the training under way, {loss:.3f} at epoch {epoch:.0f}")


def _scores(run: Run, dataset: Dataset) -> None:
    metrics = opened.metrics(run)
    splits = overview.scored_splits(metrics)
    st.header("Side by side")
    titles = {"all": "All {} rows", "covered": "Covered {} rows: those on which a function votes"}
    blocks = [
        (title.format(split), overview.scoreboard(metrics, split, rows)) for split in splits for rows, title in titles.items()
    ]
    if not splits:
        st.info("There is no row outside the train split, so there is nothing to score on.", icon=":material/info:")
    else:
        st.html(figures.scoreboard(blocks))
    st.markdown(plain(end_model.gap_in_words(metrics["pgr"])))
    st.header("By class, on valid")
    table = opened_end_model.answers(run, dataset).classes
    if not table["gold"].sum():
        st.info("No valid row has gold, so nobody can say which classes it finds.", icon=":material/info:")
        return
    shown = pd.DataFrame(
        {
            "rows of it": table["gold"].map(count),
            "found": table["found"].map(percent),
            "95 % interval": _ends(table, "found"),
            "answered so": table["answered"].map(count),
            "right": table["right"].map(percent),
            "its interval": _ends(table, "right"),
            "F1": table["f1"].map(figure),
        },
        index=table.index,
    )
    st.html(figures.table(shown, "Scores by class on valid rows with gold", at_most=_LINES))
    st.caption(
        "Found: of the rows of the class, those answered so (recall). Right: of those answered so, those of it (precision)."
    )


def _ends(table: pd.DataFrame, name: str) -> list[str]:
    known = table[name].notna()
    pairs = zip(table[f"{name}_low"], table[f"{name}_high"], known, strict=True)
    return [interval(low, high) if some else "" for low, high, some in pairs]


def _training(run: Run, dataset: Dataset) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.header("What it learned from")
        for topic, said in end_model.trained_on(run, dataset, opened.soft_labels(run)).items():
            st.markdown(f"- **{topic}**: {plain(said)}")
    with right:
        st.header("How it learned")
        saved = opened_end_model.saved(run)
        history = end_model.history_table(saved["history"])
        best = saved["best_epoch"] if "held out" in set(history["rows"]) else None
        charts.draw(loss_curve(history, best), alt=f"Loss at each of {history['epoch'].max()} epochs of training")
        why = f"Epoch {best} was best on the rows held out; then all rows taught for as long."
        if best is None:
            why = "Too few rows to hold some out: it learned until it converged."
        st.caption(f"Loss: cross-entropy with the label model's probabilities. {why}")


def _differences(run: Run, dataset: Dataset) -> None:
    found = opened_end_model.answers(run, dataset)
    st.header("Where it does not follow the labels")
    compared = ", ".join(f"{n:,} {split}" for split, n in found.compared.items() if split != "test")
    if found.apart.empty:
        st.info(
            f"It answers as the rows are labelled, on all that were compared: {compared or 'none'}.", icon=":material/info:"
        )
        return
    right = end_model.who_is_right(found.apart)
    verdict = "No valid row among them has gold, so nobody can say who is right."
    if right["n"]:
        verdict = (
            f"Of the {right['n']:,} valid rows with gold among them the end model is right on **{right['end_model']:,}**, "
            f"the label on **{right['by_label']:,}**, neither on {right['neither']:,}."
        )
    st.markdown(f"It answers otherwise on **{len(found.apart):,}** labelled rows, of {compared} that were compared. {verdict}")
    pairs = end_model.pairs_table(found.apart)
    names = {"train": "train rows", "valid": "valid rows", "end_model": "end model right", "by_label": "label right"}
    shown = pairs.rename(columns=names)[[*names.values(), "neither"]]
    shown.index = pd.Index([_pair(*one) for one in pairs.index], name="label → end model")
    st.dataframe(shown, height=min(35 * len(shown) + 38, 300), key=f"pairs {run.id}", alt="Pairs of label and answer")
    st.caption("Right: on valid rows with gold.")
    _rows_apart(run, dataset, found.apart, pairs)


def _pair(label: str, answer: str) -> str:
    return f"{label} → {answer}"


@st.fragment
def _rows_apart(run: Run, dataset: Dataset, apart: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """Draw the rows of a pair, in a part of their own."""
    by_name = {_pair(*one): one for one in pairs.index}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Rows", list(by_name), index=None, key="pair", bind="query-params", placeholder="of all pairs")
        split = st.segmented_control("Split", ("valid", "train"), key="of_split", bind="query-params")
    pair = None if name is None else by_name[name]
    total = end_model.rows_apart(apart, dataset, pair, split, 0, 0)[1]
    page = st.pagination(-(-total // _PAGE), key=f"apart {run.id} {name} {split}") if total > _PAGE else 1
    table, _ = end_model.rows_apart(apart, dataset, pair, split, (page - 1) * _PAGE, _PAGE)
    column = st.column_config
    st.dataframe(
        pd.DataFrame(
            {
                "row": table["row"],
                "label": [f"{one} {p:.0%}" for one, p in zip(table["label"], table["label_probability"], strict=True)],
                "end model": [f"{one} {p:.0%}" for one, p in zip(table["answer"], table["answer_probability"], strict=True)],
                "gold": table["gold"],
                "split": table["split"],
            },
            index=table.index,
        ),
        column_config={
            "id": column.TextColumn("id", width=80),
            "row": column.TextColumn("row", width=370),
            "label": column.TextColumn("label", width=140),
            "end model": column.TextColumn("end model", width=140),
            "gold": column.TextColumn("gold", help="Shown on valid rows only.", width=100),
        },
        height=460,
        key=f"rows apart {run.id} {name} {split} {page}",
        alt=f"{len(table)} of {total:,} rows on which the end model answers otherwise, the surest first",
    )


@st.fragment
def _deferral(run: Run, dataset: Dataset) -> None:
    """Draw what a threshold leaves to the model, in a part of its own: the slider draws nothing else anew."""
    sure = opened_end_model.answers(run, dataset).certainty
    st.header("When should a person look?")
    threshold = st.slider(
        "Needs review below", 0.0, 1.0, 0.7, 0.01, key="review_below", bind="query-params", format="percent",
        help="Rows whose highest probability is below this are left to a person.",
    )  # fmt: skip
    whole, rest = score_above(sure.valid, dataset, 0.0), score_above(sure.valid, dataset, threshold)
    found = below(sure.ordered, threshold)
    columns = st.columns(3)
    columns[0].metric("Need review", percent(found["share"]))
    columns[0].caption(f"{count(found['rows'])} of {count(found['of'])} rows outside train")
    columns[1].metric("Right on the rest", percent(rest["accuracy"]) or "–")
    columns[1].caption(_measured(rest))
    columns[2].metric("Right without review", percent(whole["accuracy"]) or "–")
    columns[2].caption(_measured(whole))
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Rows by confidence")
        bars = charts.histogram(histogram(sure.ordered), threshold)
        bars["encoding"]["y"]["title"] = "rows outside train"
        said = f"Rows outside train by confidence of the end model; {percent(found['share'])} are below {threshold:.0%}"
        charts.draw(bars, said)
    with right:
        st.subheader("What review buys")
        curve = end_model.deferral_curve(sure, dataset)
        if curve.empty:
            st.info("No valid row has gold, so nobody can say what review buys.", icon=":material/info:")
        else:
            charts.draw(
                accuracy_curve(curve, TOLD, threshold, "answered", "share of rows answered without review", "%"),
                alt="Accuracy against the share of rows answered; "
                f"at {threshold:.0%} it is {percent(rest['accuracy']) or 'unknown'}",
            )
    st.caption("The same for a file:")
    st.code(f"workbench predict TASK IN OUT --run {run.id} --review-below {threshold:g}", language=None)


def _measured(score: dict[str, Any]) -> str:
    if not score["n"]:
        return "no such valid row has gold"
    return f"95 % interval {interval(*score['interval'])}, n = {score['n']:,} valid rows"


if __name__ == "__main__":
    show()
