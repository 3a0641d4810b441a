"""Label model: how good are the combined labels, and can they be trusted?"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project.label_model import (
    balance_table,
    below,
    chosen_in,
    functions_table,
    histogram,
    models_table,
    score_above,
)
from workbench.project.overview import MODELS
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.tables import Dataset
from workbench.ui import figures, one_row, opened, opened_model, running, two_runs
from workbench.ui import label_model_charts as charts
from workbench.ui.frame import chosen_run, chosen_task, rows_beside, say_if_older
from workbench.ui.wording import ago, count, figure, interval, percent, plain

_VIEWS: Final = ("models", "functions", "classes", "certainty", "row", "runs")  # as the URL names them
_DOUBTS: Final = 3  # shown at once
_DRAWN: Final = 40  # functions in the chart; the table has all


def show() -> None:
    """Draw the page."""
    task = chosen_task()
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        with st.container(width="content", gap=None):
            st.title("Label model")
            st.caption("How good are the combined labels, and can they be trusted?")
        _fit_controls(task)
    if not running.is_running(task.folder):  # the sidebar watches one that is
        running.panel(task.folder)
    run = chosen_run(task, "label_model.json")
    if run is None:
        _not_fitted(task)
        return
    st.markdown(_about(run))
    dataset = rows_beside(task, run)
    say_if_older(task, run, dataset)
    _doubts(opened_model.learned(run).get("doubts", []))
    view = st.segmented_control(
        "View",
        _VIEWS,
        key="view",
        bind="query-params",
        default=_VIEWS[0],
        required=True,
        label_visibility="collapsed",
    )
    match view:
        case "functions":
            _functions(run)
        case "classes":
            _classes(run, dataset)
        case "certainty":
            _certainty(run, dataset)
        case "row":
            one_row.show(run, dataset)
        case "runs":
            two_runs.show(task, run, dataset)
        case _:
            _models(run)


def _fit_controls(task: Task) -> None:
    busy = running.is_running(task.folder)
    with st.container(horizontal=True, width="content", vertical_alignment="center"):
        st.checkbox("compare all models", key="compared", help="Fit every other label model too, on the same votes.")
        st.checkbox("with intervals", key="intervals", help="How far off may be what is learned: 100 refits.")
        st.button(
            "Fit",
            type="primary",
            icon=":material/play_arrow:",
            key="fit",
            disabled=busy,
            on_click=_fit,
            args=(task.folder,),
        )


def _fit(folder: Path) -> None:
    compared, intervals = (bool(st.session_state.get(name)) for name in ("compared", "intervals"))
    running.start(folder, until="fit", compared=compared, intervals=intervals)


def _about(run: Run) -> str:
    model = opened_model.learned(run)
    said = f"**{plain(MODELS.get(chosen_in(run), model['model']))}** · run {plain(run.id)}, {ago(run.about['finished'])}"
    if model.get("iterations") is None:
        return said
    done = {True: "converged", False: "**not converged**", None: "ended"}[model.get("converged")]
    return f"{said} · {done} after {model['iterations']:,} iterations"


def _doubts(doubts: list[str]) -> None:
    for doubt in doubts[:_DOUBTS]:
        st.warning(plain(doubt), icon=":material/warning:")
    if len(doubts) > _DOUBTS:
        with st.expander(f"{len(doubts) - _DOUBTS:,} more doubts about the functions"):
            for doubt in doubts[_DOUBTS:]:
                st.text(doubt)


def _not_fitted(task: Task) -> None:
    asked = st.query_params.get("run")
    if asked is not None:
        st.info(
            f"Run {plain(asked)} ended before its label model was fitted. Choose another run in the sidebar, or fit one.",
            icon=":material/info:",
        )
        return
    st.info(
        "No label model has been fitted yet. It needs functions that vote, and tells them apart where three or more vote on "
        "the same rows. Fit applies the functions first where they changed.",
        icon=":material/info:",
    )


def _models(run: Run) -> None:
    compared = opened_model.comparison(run)
    st.header("Is majority vote enough?")
    if compared is None:
        same = opened_model.learned(run).get("same_as_majority_vote")
        if same is not None and chosen_in(run) != "majority_vote":
            st.markdown(f"On {percent(same)} of the covered rows majority vote gives the same answer as the {_chosen(run)}.")
        st.caption("Tick *compare all models* and fit to see every label model, and whether majority vote is enough.")
    else:
        st.markdown(plain(compared["majority_vote"]["sentence"]))
    titles = {"all": "All valid rows", "covered": "Covered valid rows: those on which a function votes"}
    boards = {
        rows: models_table(opened_model.learned(run), compared, rows)  # type: ignore[arg-type]
        for rows in titles
    }
    if boards["all"].empty:
        st.info("This run is of an earlier version and keeps no scores here. Fit again to see them.", icon=":material/info:")
        return
    st.html(figures.scoreboard([(titles[rows], board) for rows, board in boards.items()]))
    if compared is not None:
        _agreement(boards["covered"], compared)
    _fitting(run)


def _chosen(run: Run) -> str:
    return plain(MODELS.get(chosen_in(run), chosen_in(run)))


def _agreement(board: pd.DataFrame, compared: dict[str, Any]) -> None:
    fitted = board[board["agreement"].notna()]
    points = [
        f"{100 * row['points']:+.1f} [{100 * row['points_low']:+.1f}, {100 * row['points_high']:+.1f}]"
        if pd.notna(row["points"])
        else ""
        for _, row in fitted.iterrows()
    ]
    shown = pd.DataFrame(
        {
            "same answer as the chosen": fitted["agreement"].map(percent),
            "classes tie": fitted["undecided"].map(percent),
            "points over majority vote": points,
        },
        index=fitted.index,
    )
    st.html(figures.table(shown.rename_axis(f"on {compared['covered']:,} covered rows"), "How the models agree"))
    st.caption("Points of accuracy are on covered valid rows; their 95 % intervals hold for all models together.")


def _fitting(run: Run) -> None:
    model = opened_model.learned(run)
    history = model.get("history") or []
    if not history:
        return
    st.header("How it was fitted")
    left, right = st.columns([3, 2], gap="large")
    with left:
        tol = model["settings"].get("tol")
        charts.draw(
            charts.convergence(history, tol),
            alt=f"Largest change of a probability at each of {len(history)} iterations, the last {history[-1]:.2g}",
        )
    with right:
        if model["converged"]:
            st.markdown(f"It converged: after {len(history):,} iterations no probability moved more than {history[-1]:.2g}.")
        else:
            st.markdown(
                f"It has **not converged**: after {len(history):,} iterations a probability still moved by {history[-1]:.2g}. "
                "Raise `max_iter` under `[label_model]` in task.toml, then fit again."
            )
        calibration = model.get("calibration") or {"slope": 1.0, "offset": {}}
        moved = {label: shift for label, shift in calibration["offset"].items() if shift}
        if calibration["slope"] == 1 and not moved:
            st.markdown("Its scores are not calibrated: it was fitted without gold rows.")
        else:
            shifts = "".join(f", {plain(label)} {shift:+.2f}" for label, shift in moved.items())
            st.markdown(f"Gold rows calibrate its scores: times {calibration['slope']:.2f}{shifts}.")


def _functions(run: Run) -> None:
    st.header("Learned against audited accuracy")
    model = opened_model.learned(run)
    table = functions_table(model, opened.diagnosis(run))
    if table.empty:
        st.info(f"The {_chosen(run)} learns no accuracy of functions.", icon=":material/info:")
        return
    drawn = table[table["accuracy"].notna()].head(_DRAWN)
    outside = int(table["outside"].sum())
    if drawn.empty:
        st.info(
            "No function votes on a valid row with gold, so nothing can be set beside what is learned.", icon=":material/info:"
        )
        drawn = table.head(_DRAWN)
    else:
        st.markdown(
            f"For {outside:,} of {int(table['accuracy'].notna().sum()):,} functions what the model learned is outside the 95 % "
            "interval of their accuracy on valid gold; the widest gaps come first."
        )
    st.html(_legend({"learned": charts.LEARNED, "on valid gold, n votes": charts.GOLD}))
    series = {"learned": ("learned", "learned_", charts.LEARNED), "on valid gold": ("accuracy", "", charts.GOLD)}
    charts.draw(
        charts.dots(drawn.rename(columns={"n_gold": "n"}), series, "share of its votes that are right", zero=False),
        alt=f"Learned accuracy and accuracy on valid gold of {len(drawn)} functions; the figures stand in the table below",
    )
    if "accuracy_interval" not in model:
        st.caption("Tick *with intervals* and fit to see how far off the learned accuracies may be.")
    with st.expander(f"Figures of all {len(table):,} functions"):
        st.html(figures.table(_function_figures(table), "Learned and audited accuracy by function"))


def _function_figures(table: pd.DataFrame) -> pd.DataFrame:
    shown = pd.DataFrame({"votes": table["votes"].map(count), "learned": table["learned"].map(percent)})
    if table["learned_low"].notna().any():
        shown["95 % interval"] = [interval(low, high) for low, high in table[["learned_low", "learned_high"]].to_numpy()]
    shown["on valid gold"] = table["accuracy"].map(percent)
    shown["its interval"] = [interval(low, high) for low, high in table[["low", "high"]].to_numpy()]
    shown["n"] = table["n_gold"].map(count)
    shown["gap"] = [f"{100 * gap:+.0f} points" if pd.notna(gap) else "" for gap in table["gap"]]
    return shown.rename_axis("function")


def _legend(colours: dict[str, str]) -> str:
    """Return the names of what is drawn, each after a dot of its colour."""
    dots = "".join(
        f'<span style="margin-right:1.2rem"><span style="color:{colour}" aria-hidden="true">●</span> {name}</span>'
        for name, colour in colours.items()
    )
    return f'<div style="font-size:0.85rem">{dots}</div>'


def _classes(run: Run, dataset: Dataset) -> None:
    st.header("Class balance")
    table = balance_table(opened_model.learned(run), dataset)
    known = bool(table["n"].iloc[0])
    colours = {"prior": charts.QUIET, "posterior": charts.LEARNED, **({"gold on valid": charts.GOLD} if known else {})}
    st.markdown(
        "**Prior**: what a row without votes gets, an assumption. **Posterior**: the mean probability of the rows with votes. "
        "Functions of one class show hardly how common it is: give `class_balance` in task.toml where you know it."
    )
    st.html(_legend(colours))
    series = {
        "prior": ("prior", "prior_", charts.QUIET),
        "posterior": ("posterior", "posterior_", charts.LEARNED),
        **({"gold on valid": ("gold", "", charts.GOLD)} if known else {}),
    }
    ordered = table.sort_values("posterior", ascending=False, kind="stable")
    with st.container(height="content" if len(table) <= 12 else 480):
        charts.draw(
            charts.dots(ordered.drop(columns="n"), series, "share of rows", step=34),
            alt=f"Prior, posterior and gold shares of {len(table)} classes; the figures stand in the table below",
        )
    shown = pd.DataFrame({"prior": ordered["prior"].map(percent), "posterior": ordered["posterior"].map(percent)})
    if ordered["posterior_low"].notna().any():
        shown["its interval"] = [interval(low, high) for low, high in ordered[["posterior_low", "posterior_high"]].to_numpy()]
    if known:
        shown["gold on valid"] = ordered["gold"].map(percent)
        shown["95 % interval"] = [interval(low, high) for low, high in ordered[["low", "high"]].to_numpy()]
    st.html(figures.table(shown.rename_axis("class"), "Class balance"))
    st.caption(f"n = {int(table['n'].iloc[0]):,} valid rows with gold." if known else "No valid row has gold to compare with.")


def _certainty(run: Run, dataset: Dataset) -> None:
    sure = opened_model.certainty(run, dataset)
    left, right = st.columns(2, gap="large")
    with left:
        st.header("Reliability")
        if sure.bins.empty:
            st.info("No covered valid row has gold, so nobody can say whether the confidence holds.", icon=":material/info:")
        else:
            n, apart = int(sure.bins["n"].sum()), int(sure.bins["apart"].sum())
            st.markdown(
                f"Where confidence holds, dots lie on the line; {apart} of {len(sure.bins)} intervals miss it. Expected "
                f"calibration error {figure(sure.ece)} on {n:,} covered valid rows."
            )
            charts.draw(charts.reliability(sure.bins), alt="Accuracy against confidence; the figures stand in the table below")
            bins = sure.bins
            shown = pd.DataFrame({"n": bins["n"].map(count), "mean confidence": bins["confidence"].map(percent)})
            shown["accuracy"] = bins["accuracy"].map(percent)
            shown["95 % interval"] = [interval(low, high) for low, high in bins[["accuracy_low", "accuracy_high"]].to_numpy()]
            shown.index = pd.Index(
                [f"{low:.1f}–{high:.1f}" for low, high in bins[["low", "high"]].to_numpy()], name="confidence"
            )
            st.html(figures.table(shown, "Reliability by bin of confidence"))
    with right:
        _histogram(run, dataset)


@st.fragment
def _histogram(run: Run, dataset: Dataset) -> None:
    """Draw the posterior and what falls under a threshold, in a part of its own: the slider draws nothing else anew."""
    sure = opened_model.certainty(run, dataset)
    st.header("Posterior")
    if not len(sure.ordered):
        st.info("No function votes on any row.", icon=":material/info:")
        return
    threshold = st.slider("Send to a person below", 0.5, 1.0, 0.8, 0.05, key="threshold", bind="query-params", format="percent")
    found = below(sure.ordered, threshold)
    st.markdown(
        f"**{count(found['rows'])} of {count(found['of'])} covered rows ({percent(found['share'])})** are less sure than "
        f"{threshold:.0%} and want a look."
    )
    charts.draw(charts.histogram(histogram(sure.ordered), threshold), alt="Covered rows by confidence of the model")
    rest = score_above(sure.valid, dataset, threshold)
    if found["confidence_of_others"] is not None:
        said = f"The others: mean confidence {percent(found['confidence_of_others'])}"
        if rest["n"]:
            low, high = rest["interval"]
            said += (
                f"; right on {percent(rest['accuracy'])} of {rest['n']:,} such valid rows, 95 % interval {interval(low, high)}"
            )
        st.caption(f"{said}.")


if __name__ == "__main__":
    show()
