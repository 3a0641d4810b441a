"""Open a file: what is in it, which column means what, and a task made of it."""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project.steps.new import default_split, guess_gold, guess_text, keep_upload, new_task, preview
from workbench.tables import WorkbenchError
from workbench.ui.frame import data_folder
from workbench.ui.wording import plain

_SUFFIXES: Final = ["csv", "tsv", "jsonl", "parquet"]
_SHOWN: Final = 20  # rows of the preview
_CLASSES: Final = 100  # classes listed at most


def show() -> None:
    """Draw the page."""
    st.title("Open a file")
    made = st.session_state.pop("made", None)
    if made is not None:
        _made(*made)
        return
    source = _pick()
    if source is None:
        st.info(
            "Give a table in which each row is one text or one case. Nothing is changed before you make the task.",
            icon=":material/info:",
        )
        return
    reading = _reading_options()
    frame, warnings = _read(source, "", reading)
    st.header(plain(source.name))
    st.caption(f"{len(frame):,} rows, {len(frame.columns):,} columns; the first {min(len(frame), _SHOWN)} rows:")
    st.dataframe(frame.head(_SHOWN), hide_index=True, height=280, alt=f"First rows of {source.name}")
    for warning in warnings:
        st.text(warning)
    _columns(source, frame, reading)


def _pick() -> Path | None:
    """Return the file the user names or uploads."""
    left, right = st.columns(2, gap="large")
    path = left.text_input(
        "Path of a file on this machine", key="file", bind="query-params", placeholder="/home/me/messages.csv"
    )
    uploaded = right.file_uploader("Or upload one", type=_SUFFIXES, key="upload")
    if uploaded is None:
        return Path(path.strip()).expanduser() if path and path.strip() else None
    target = _uploads() / uploaded.file_id / Path(uploaded.name).name
    if not target.exists():
        keep_upload(uploaded.getbuffer(), target)
    return target


@st.cache_resource(show_spinner=False)
def _uploads() -> Path:
    """Return a folder that goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="workbench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _reading_options() -> dict[str, str]:
    with st.expander("Reading options"):
        left, right = st.columns(2)
        encoding = left.text_input("Encoding", key="encoding", placeholder="utf-8", help="Often cp1252 for files from Windows.")
        delimiter = right.text_input("Delimiter of a CSV file", key="delimiter", placeholder=", (comma)", max_chars=1)
    return {name: value for name, value in (("encoding", encoding), ("delimiter", delimiter)) if value}


def _read(source: Path, gold: str, reading: dict[str, str]) -> tuple[pd.DataFrame, list[str]]:
    about = source.stat() if source.is_file() else None
    state = (0, 0) if about is None else (about.st_mtime_ns, about.st_size)
    return _read_once(str(source), gold, reading, state)


@st.cache_resource(max_entries=2, show_spinner="Reading the file")
def _read_once(source: str, gold: str, reading: dict[str, str], state: tuple[int, int]) -> tuple[pd.DataFrame, list[str]]:
    return preview(source, gold, **reading)


def _columns(source: Path, frame: pd.DataFrame, reading: dict[str, str]) -> None:
    """Ask what the columns mean, and make the task."""
    st.header("What the columns mean")
    names = [str(name) for name in frame.columns]
    key = f"{source} {names}"

    def pick(label: str, placeholder: str, guess: str | None, help_: str | None = None) -> str | None:
        """Ask for one column, and propose one where the file has it."""
        place = names.index(guess) if guess in names else None
        return st.selectbox(label, names, index=place, key=f"{label} {key}", placeholder=placeholder, help=help_)

    left, right = st.columns(2, gap="large")
    with left:
        proposed = ["text"] if "text" in names else guess_text(frame, [])[0]
        note = "What functions and models read; several are joined."
        text = st.multiselect(
            "Text columns", names, proposed, key=f"text {key}", placeholder="the column with the longest text", help=note
        )
        gold = pick("Gold: the known class", "none", guess_gold(frame), help_="An empty cell is unknown.")
    with right:
        id_ = pick("Row id", "made from the content", "id")
        split = pick("Split: train, valid or test", "drawn by content" if gold else "all rows train", "split")
    if gold:
        cells = _read(source, gold, reading)[0][gold]
        _found_classes(cells)
        if split is None:
            shares = default_split(cells)
            scarce = "Rows with gold are drawn into valid and test, half each, and the others train"
            every = "All rows are drawn into train, valid and test, 70, 10 and 20 %"
            st.caption(f"{scarce if 'without_gold' in (shares or ()) else every}; rows of equal text stay together.")
    classes = st.text_input(
        "Classes, with commas", key=f"labels {key}", placeholder="those found in the gold column" if gold else "ham, spam"
    )
    beside = st.container()
    name = st.text_input("Name of the task", value=_slug(source.stem), key=f"name {key}")
    labels = [label.strip() for label in (classes or "").split(",") if label.strip()]
    columns = {"text": text or None, "gold": gold, "id": id_, "split": split, **reading}
    if st.button(
        "Make the task", type="primary", key="make", on_click=_make, args=(source, _slug(name or ""), labels, columns)
    ):
        beside.error(plain(st.session_state.pop("refused", "")), icon=":material/error:")


def _found_classes(gold: pd.Series[Any]) -> None:
    found = [str(value) for value in gold.unique() if value]
    more = f" and {len(found) - _CLASSES:,} more" if len(found) > _CLASSES else ""
    st.text(f"{len(found):,} classes found: {', '.join(found[:_CLASSES])}{more}")


def _slug(name: str) -> str:
    return re.sub(r"[^\w-]+", "_", name.strip()).strip("_")


def _make(source: Path, name: str, labels: list[str], columns: dict[str, Any]) -> None:
    """Make the task before the page is drawn again, and choose it."""
    if not name:
        st.session_state["refused"] = "The task has no name; a name of letters, digits, _ and - becomes its folder."
        return
    if not labels and columns["gold"] is None:
        st.session_state["refused"] = "Fill in Classes, or choose the column that holds them under Gold."
        return
    try:
        notes = new_task(data_folder() / name, source, labels=labels or None, **columns)
    except WorkbenchError as error:
        st.session_state["refused"] = str(error).removeprefix(f"{source}: ")
        return
    st.session_state["task"] = name
    st.session_state["made"] = (name, notes)


def _made(name: str, notes: list[str]) -> None:
    folder = data_folder() / name
    st.success(f"Made the task {plain(name)} in {plain(str(folder))}.", icon=":material/check_circle:")
    for note in notes:
        st.text(note)
    st.markdown(
        "Next, write your first rule. The two functions that the task begins with are examples, which show what a file of them "
        "looks like and know nothing of your classes: replace them, or switch them off once rules of yours vote."
    )
    with st.container(horizontal=True):
        for page, label, icon in (
            ("write_rule", "Write your first rule", "edit_note"),
            ("overview", f"Go to {name}", "dashboard"),
        ):
            st.page_link(Path(__file__).parent / f"{page}.py", label=plain(label), icon=f":material/{icon}:")
    st.caption("In a terminal:")
    st.code(f"workbench check {folder}\nworkbench run {folder}", language=None)


if __name__ == "__main__":
    show()
