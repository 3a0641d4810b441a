"""What all pages share: navigation, the choice of a task, its counts, and a run that is under way."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import streamlit as st

from workbench.project.overview import news_since
from workbench.project.runs import Run, find_run, list_runs, newest_run
from workbench.project.task import Task, find_tasks, load_task
from workbench.tables import Dataset, WorkbenchError
from workbench.ui import opened, running, signing_in
from workbench.ui.wording import plain

_PAGES: Final = Path(__file__).parent
#: file, title, icon, path, what it answers
_LISTED: Final = (
    ("overview", "Overview", ":material/dashboard:", "overview", "What this task is, how healthy it is, and what to do next."),
    ("functions", "Labeling functions", ":material/rule:", "functions", "Which functions help, which hurt, and on which rows."),
    ("write_rule", "Write a rule", ":material/edit_note:", "write_rule", "Would this rule work, before it is saved?"),
    (
        "disagreement",
        "Disagreement",
        ":material/compare_arrows:",
        "disagreement",
        "Where functions disagree, and where none votes.",
    ),
    (
        "label_model",
        "Label model",
        ":material/balance:",
        "label_model",
        "How good the combined labels are, and whether to trust them.",
    ),
    ("review", "Review", ":material/fact_check:", "review", "Which rows a person should decide now, one at a time."),
    ("audit", "Audit", ":material/verified:", "audit", "How many of the labels are wrong, and what of that is proved."),
    ("training_set", "Training set", ":material/output:", "training_set", "What exactly you hand on, and how right it is."),
    ("end_model", "End model", ":material/psychology:", "end_model", "What the model that learned from the labels knows."),
    ("runs", "Runs & monitoring", ":material/monitoring:", "runs", "What changed from run to run, and does it still hold?"),
    ("open_file", "Open a file", ":material/upload_file:", "open", "Make a task from a CSV, TSV, JSONL or Parquet file."),
)


def data_folder() -> Path:
    """Return the folder of tasks; the launcher names it."""
    return Path(sys.argv[1]) if len(sys.argv) > 1 else Path("data")


def show() -> None:
    """Draw the frame and the page in it; a mistake in what the user gave is one sentence on the page, never a traceback."""
    st.set_page_config(page_title="Weak supervision workbench", page_icon=str(_PAGES / "icon.svg"), layout="wide")
    st.html(_PAGES / "style.css")
    if not signing_in.admitted():
        return
    page = st.navigation(
        [
            st.Page(_PAGES / f"{file}.py", title=title, icon=icon, url_path=path, help=help_, default=file == "overview")
            for file, title, icon, path, help_ in _LISTED
        ]
    )
    with st.sidebar:
        _choose_task()
        if "task" in st.session_state:
            _choose_run()
            _task_badge(on_overview=page.url_path == "")
    try:
        if "task" in st.session_state or page.url_path == "open":
            page.run()
        else:
            _no_task(page.title)
    except WorkbenchError as error:
        st.error(plain(str(error)), icon=":material/error:")


def _choose_task() -> None:
    """Let the user choose among the tasks; the URL names the chosen one on every page."""
    names = [path.name for path in find_tasks(data_folder())]
    if not names:
        st.session_state.pop("task", None)
        return
    if st.session_state.get("task") not in names:
        asked = st.query_params.get("task")
        wanted = [name for name in (asked, *sys.argv[2:3]) if name in names]
        st.session_state["task"] = next(iter(wanted), names[0])
        if asked is not None and asked not in names:
            st.warning(f"There is no task {plain(asked)} in {plain(str(data_folder()))}.")
    st.query_params["task"] = st.selectbox("Task", names, key="task")


def _choose_run() -> None:
    """Let the user look at an earlier run; the URL names it, and the newest goes without a name."""
    try:
        ids = [run.id for run in reversed(list_runs(chosen_task()))]
    except WorkbenchError:
        return  # the page says what is wrong
    older, newest_ = ids[1:], next(iter(ids), "")
    if st.session_state.get("run") not in ("", *older):
        asked = st.query_params.get("run")
        st.session_state["run"] = asked if asked in older else ""
    picked = st.session_state["run"]
    if older:
        picked = st.selectbox("Run", ["", *older], key="run", format_func=lambda one: one or f"{newest_}, the newest")
    if picked:
        st.query_params["run"] = picked
    else:
        st.query_params.pop("run", None)


def chosen_run(task: Task, holding: str) -> Run | None:
    """Return the run the user looks at, None where it holds no such file; where that is the newest, the newest that does."""
    asked = st.query_params.get("run")
    if asked is None:
        return newest_run(task, holding)
    run = find_run(task, asked)
    return run if (run.folder / holding).exists() else None


def chosen_task() -> Task:
    """Return the chosen task; raises WorkbenchError for a mistake in its task.toml. Where there is none, no page is drawn."""
    return load_task(data_folder() / st.session_state["task"])


def _task_badge(on_overview: bool) -> None:
    """Show the counts of the task, and on other pages than the overview the run that is under way."""
    try:
        task = chosen_task()
        run = newest_run(task)
    except WorkbenchError:
        st.caption("Its task.toml has a mistake.")
        return
    facts = [f"{len(task.labels):,} classes"]
    if run is not None:
        parts = run.about.get("parts")  # of all rows, of which pages show a sample
        rows = f"{run.about['rows']:,} rows" if parts is None else f"{run.about['rows']:,} of {parts['rows']:,} rows, a sample"
        facts = [rows, *facts, f"{len(run.about['functions']):,} functions"]
    st.caption(" · ".join(facts))
    if not on_overview and running.is_running(task.folder):
        running.watch(task.folder)


def rows_beside(task: Task, run: Run) -> Dataset:
    """Return the rows of a task, and say where they are others than those of a run."""
    dataset, _ = opened.rows(task)
    if dataset.fingerprint != run.about["data"]:
        st.warning("The rows changed after this run; rows that are gone are left out.", icon=":material/warning:")
    return dataset


def say_if_older(task: Task, run: Run, dataset: Dataset, what: str = "labels", until: str = "fit") -> None:
    """Warn where functions, rows, settings or decisions are newer than the newest run of a page, and offer to run again.

    what, until: what of the run is shown, and the stage that makes it. A run that the user chose is older on purpose.
    """
    if "run" in st.query_params:
        return
    tables = ("apply", "label_model", "end_model")[: 2 if until == "fit" else 3]
    try:
        news = news_since(task, run, dataset, opened.described(task), tables)
    except WorkbenchError as error:
        st.warning(f"Mend what cannot be read: {plain(str(error))}", icon=":material/warning:")
        return
    if news:
        with st.container(horizontal=True, vertical_alignment="center"):
            said = f"These {what} are of run {run.id}. Since then: {'; '.join(news)}."
            st.warning(plain(said), icon=":material/warning:", width=680)
            running.start_button(task.folder, key="again", until=until)


def _no_task(title: str) -> None:
    """Say what to do where there is no task yet."""
    st.title(title)
    st.info(
        f"There is no task in {plain(str(data_folder()))} yet. A task is a folder with rows, classes and labeling functions.",
        icon=":material/info:",
    )
    st.page_link(_PAGES / "open_file.py", label="Open a file to make one", icon=":material/upload_file:")
