"""Training set: what exactly do you hand on, and how right is it?"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project import jobs, training_set
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.project.training_set import FORMATS, Candidates, Chosen, Filters
from workbench.ui import figures, opened, running
from workbench.ui import label_model_charts as charts
from workbench.ui.curves import accuracy_curve
from workbench.ui.frame import chosen_run, chosen_task, say_if_older
from workbench.ui.wording import count, interval, percent, plain

_PAGE: Final = 100
_LINES: Final = 12  # of a table; longer ones scroll


def show() -> None:
    """Draw the page."""
    st.title("Training set")
    task = chosen_task()
    run = chosen_run(task, "soft_labels.parquet")
    if run is None:
        st.info("There are no labels to export yet: run the line, and the label model labels the rows.", icon=":material/info:")
        _run_first(task)
        return
    dataset, _ = opened.rows(task)
    if dataset.fingerprint != run.about["data"]:
        st.warning(f"The rows changed after run {run.id}, so it has no labels for them. Run again.", icon=":material/warning:")
        _run_first(task)
        return
    say_if_older(task, run, dataset)
    rows = opened.candidates(task, run, dataset)
    st.caption(f"What exactly do you hand on? The rows of run {run.id} that pass the filters, with their labels.")
    settings = _ask(task, rows)
    asked = training_set.asked(task, **settings)
    filters = training_set.make_filters(asked, rows.splits)
    chosen = training_set.choose(rows, filters)
    _figures(run, rows, chosen, filters)
    if not chosen.rows:
        _nothing(chosen)
        return
    left, right = st.columns(2, gap="large")
    with left:
        _balance(rows, chosen)
    with right:
        _curve(rows, filters, chosen)
    _look(asked, run, rows, filters, chosen)
    _hand_on(task, asked, run, rows, chosen, settings)


def _run_first(task: Task) -> None:
    running.start_button(task.folder)
    if not running.is_running(task.folder):  # the sidebar watches one that is
        running.panel(task.folder)


def _ask(task: Task, rows: Candidates) -> dict[str, Any]:
    """Ask for filters, which stand in the URL and begin as task.toml has them; return them as settings of `[export]`."""
    start = training_set.make_filters(task)
    with st.container(border=True):
        left, right = st.columns(2, gap="large")
        confidence = left.slider(
            "Least confidence", 0.0, 1.0, float(start.min_confidence), 0.01, key="min_confidence", bind="query-params",
            help="The label model's highest probability of a row.",
        )  # fmt: skip
        agreement = right.slider(
            "Least agreement", 0.0, 1.0, float(start.min_agreement), 0.05, key="min_agreement", bind="query-params",
            help="The share of a row's votes that equal its label.",
        )  # fmt: skip
        classes = left.multiselect(
            "Classes", rows.labels, start.classes, key="classes", bind="query-params", placeholder="all classes"
        )
        slices = right.multiselect(
            "Slices", list(rows.slices), start.slices, key="slices", bind="query-params",
            placeholder="all rows" if rows.slices else "none; name some under [slices] in task.toml",
            help="Rows in at least one of the chosen slices.", disabled=not rows.slices,
        )  # fmt: skip
        columns = st.columns(3, gap="large")
        covered = columns[0].toggle(
            "Only rows with votes", start.covered_only, key="covered", bind="query-params",
            help="Rows without votes carry the class balance, which is an assumption; their weight is 0.",
        )  # fmt: skip
        review = columns[1].toggle(
            "Leave out what needs review", start.exclude_review, key="exclude_review", bind="query-params",
            help="No function votes, or classes tie, or functions conflict and the likeliest classes are under 0.2 apart.",
        )  # fmt: skip
        hard = columns[2].toggle(
            "Hard labels", start.hard_labels, key="hard", bind="query-params",
            help="One label a row and no probabilities; rows whose classes tie have none and are left out.",
        )  # fmt: skip
    settings: dict[str, Any] = {"min_confidence": confidence, "min_agreement": agreement, "classes": classes, "slices": slices}
    return settings | {"covered_only": covered, "exclude_review": review, "hard_labels": hard}


def _figures(run: Run, rows: Candidates, chosen: Chosen, filters: Filters) -> None:
    """Show how many rows are left and how right they are, believed and measured side by side."""
    columns = st.columns(3)
    columns[0].metric("Rows kept", f"{chosen.rows:,}", help="Of the rows of the splits that are exported.")
    columns[0].caption(f"{percent(chosen.rows / max(chosen.of, 1))} of {chosen.of:,} {' and '.join(filters.splits)} rows")
    taught = run.about.get("review", {}).get("anchors", 0)
    calibrated = f"calibrated on {taught:,} reviewed rows" if taught else "not calibrated: no row is reviewed"
    believed, valid = chosen.quality["expected"], chosen.quality["valid"]
    columns[1].metric(
        "Right, as believed", percent(believed) or "–",
        help="What the label model believes: the mean of the kept rows' highest probabilities.",
    )  # fmt: skip
    columns[1].caption(f"mean probability of {chosen.rows:,} rows, {calibrated}")
    columns[2].metric(
        "Right, as measured", percent(valid["accuracy"]) if valid["n"] else "–",
        help="The share of right labels among the valid rows with gold that pass the same filters; a tie counts in parts.",
    )  # fmt: skip
    if valid["n"]:
        low, high = valid["interval"]
        columns[2].caption(f"95 % interval {interval(low, high, 1)}, n = {valid['n']:,} valid rows")
    else:
        columns[2].caption("no valid row with gold passes these filters")
    for sentence in training_set.doubts(rows, chosen):
        st.warning(plain(sentence), icon=":material/warning:")


def _nothing(chosen: Chosen) -> None:
    taken = [f"{name.replace('_', ' ')} {removed:,}" for name, removed in chosen.removed.items() if removed]
    st.info(f"No row passes. Removed by each filter in turn: {plain(', '.join(taken))}. Loosen one.", icon=":material/info:")


def _balance(rows: Candidates, chosen: Chosen) -> None:
    st.header("Rows by class")
    table = chosen.classes
    shown = pd.DataFrame(
        {
            "before": table["before"].map(count),
            "kept": table["kept"].map(count),
            "share before": table["share_before"].map(percent),
            "share now": table["share_kept"].map(percent),
        },
        index=table.index,
    )
    st.html(figures.table(shown, "Rows by class before and after the filters", at_most=_LINES))
    ties = training_set.without_label(rows, chosen.kept)
    more = f" {ties:,} kept rows have no label: their classes tie, or nobody votes." if ties else ""
    st.caption(f"Before: without the filters by confidence, agreement and review.{more}")


def _curve(rows: Candidates, filters: Filters, chosen: Chosen) -> None:
    """Draw accuracy against rows kept, over all least confidences, with the chosen one."""
    st.header("What a stricter confidence would buy")
    table = training_set.thresholds(rows, filters).rename(columns={"min_confidence": "threshold"})
    charts.draw(
        accuracy_curve(table[table["kept"] > 0], training_set.TOLD, filters.min_confidence, "kept", "rows kept", ",d"),
        alt=f"Accuracy against rows kept for every least confidence; at {filters.min_confidence:g} it is "
        f"{percent(chosen.quality['valid']['accuracy']) or 'unknown'} on valid, with {chosen.rows:,} rows kept",
    )
    st.caption("From right to left the least confidence rises; the dot is the chosen one, the band a 95 % interval.")


def _look(asked: Task, run: Run, rows: Candidates, filters: Filters, chosen: Chosen) -> None:
    st.header("What will be written")
    view = st.segmented_control(
        "View", ("Rows", "Card"), default="Rows", required=True, key="shown", bind="query-params", label_visibility="collapsed"
    )
    if view == "Card":
        with st.container(border=True, height=460):
            st.code(training_set.card_text(asked, run, rows, filters, chosen), language="markdown", wrap_lines=True)
        return
    version = hashlib.sha256(repr(filters).encode()).hexdigest()[:12]
    pages = -(-training_set.previewed(rows, chosen.kept) // _PAGE)
    page = st.pagination(pages, key=f"page {run.id} {version}") if pages > 1 else 1
    table, total = training_set.preview(rows, chosen.kept, (page - 1) * _PAGE, _PAGE)
    column = st.column_config
    st.dataframe(
        table.assign(confidence=table["confidence"] * 100, agreement=table["agreement"] * 100),
        column_config={
            "id": column.TextColumn("id", width=90),
            "row": column.TextColumn("row", width=310),
            "label": column.TextColumn("label", width=110),
            "confidence": column.NumberColumn("confidence", format="%.0f%%", width=84),
            "agreement": column.NumberColumn("agreement", help="Votes that equal the label.", format="%.0f%%", width=84),
            "votes": column.TextColumn("votes: class and functions", width=330),
            "review": column.CheckboxColumn("needs review", width=92),
        },
        height=420,
        key=f"rows {run.id} {version} {page}",
        alt=f"{len(table)} of {total:,} rows that pass the filters, with label, confidence and votes",
    )


def _hand_on(task: Task, asked: Task, run: Run, rows: Candidates, chosen: Chosen, settings: dict[str, Any]) -> None:
    """Offer the set as one file, and as a folder with manifest and card, which a job writes."""
    st.header("Hand it on")
    left, right = st.columns(2, gap="large")
    with left:
        kind = st.segmented_control("One file", FORMATS, default=FORMATS[0], required=True, key="format", bind="query-params")
        small = chosen.rows <= training_set.DOWNLOADED
        st.download_button(
            f"Download {chosen.rows:,} rows",
            data=lambda: training_set.as_file(asked, rows, chosen, str(kind), settings["hard_labels"]),
            file_name=f"{task.name}-{run.id}.{kind}",
            on_click="ignore",
            icon=":material/download:",
            disabled=not small,
        )
        if small:
            st.caption("The rows alone; a folder holds manifest and card too.")
        else:
            st.caption(f"More than {training_set.DOWNLOADED:,} rows are too many for a browser; write them to a folder.")
    with right:
        place = str(training_set.new_place(run))
        folder = st.text_input(
            "New folder", place, key=f"folder {place}",
            help="With the rows in the chosen formats, the manifest that proves them, and the dataset card.",
        )  # fmt: skip
        formats = st.pills(
            "Formats", FORMATS, selection_mode="multi", default=asked.export.get("formats", FORMATS), key="formats"
        )
        wanted = training_set.differing(task, {**settings, "formats": list(formats or ())})
        st.button(
            "Write to the folder", on_click=_write, args=(task, run, folder, {**settings, "formats": list(formats or ())}),
            icon=":material/folder:", disabled=running.is_running(task.folder) or not formats or not folder,
        )  # fmt: skip
        if folder and Path(folder).exists():
            st.caption("That folder exists already, and nothing is overwritten.")
    _written(task)
    st.caption("The same from a terminal:")
    st.code(training_set.command(task, run, folder or "FOLDER", wanted), language=None, wrap_lines=True)


def _write(task: Task, run: Run, folder: str, settings: dict[str, Any]) -> None:
    # Before the page is drawn again, so that its panel finds the job and gets its timer.
    running.start(task.folder, until="export", write={"run": run.id, "to": folder, "settings": settings})


def _written(task: Task) -> None:
    """Say how the last job ended; the sidebar watches one that runs."""
    job = jobs.state(task.folder)
    if job.folder and job.status == "done":
        st.success(f"Written: {plain(job.folder)}", icon=":material/check_circle:")
    running.outcome(task.folder)


if __name__ == "__main__":
    show()
