"""Compare of the runs' page: two runs side by side, what changed, and which labels flipped for what reason."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd
import streamlit as st

from workbench.project import run_history
from workbench.project.difference_in_words import difference_in_words
from workbench.project.flips import BECAUSE, Flips
from workbench.project.label_model import chosen_in, gold_of, row_in_words
from workbench.project.overview import MODELS
from workbench.project.run_difference import Difference
from workbench.project.runs import Run, list_runs
from workbench.project.task import Task
from workbench.tables import Dataset
from workbench.ui import figures, opened, opened_runs
from workbench.ui.run_charts import wide
from workbench.ui.wording import count, figure, percent, plain

_LINES: Final = 12
_PAGE: Final = 50
_HEIGHT: Final = 76  # pixels a row, of four lines


def show(task: Task) -> None:
    """Draw the view."""
    runs = {run.id: run for run in reversed(list_runs(task)) if (run.folder / "votes.parquet").exists()}
    if len(runs) < 2:
        st.info(
            "There is one run with votes, or none. Change a function or a setting and run again to compare; "
            f"`workbench run {plain(str(task.folder))}` does so.",
            icon=":material/info:",
        )
        return
    history = opened_runs.history(task)
    before, after = _choose(runs, history)
    if before.id == after.id:
        st.info("These are one run. Choose another one to compare it with.", icon=":material/info:")
        return
    dataset, _ = opened.rows(task)
    found = opened_runs.difference(task, before, after, dataset)
    st.caption(plain(f"The same in a terminal: `workbench runs diff {task.folder} {before.id} {after.id}`"))
    st.header("In short")
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in difference_in_words(found)))
    _scores(found, {MODELS[chosen_in(run)] for run in (before, after)})
    _functions(found)
    if len(found.settings):
        st.header("Settings")
        html = figures.table(found.settings, "Settings that differ", words=("before", "after"), at_most=_LINES)
        wide(html, "Settings that differ")
    _votes(found)
    if found.labels is not None:
        _labels(found.labels, dataset, f"{before.id} {after.id}")
    _data(found)


def _choose(runs: dict[str, Run], history: pd.DataFrame) -> tuple[Run, Run]:
    """Ask for two runs, the newest against the reference unless told; the earlier one of the two is `before`."""
    ids = list(runs)
    asked = st.query_params.get("run")
    newest = asked if asked in ids else ids[0]
    named = {one: _named(one, history) for one in ids}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        # The URL takes what stands in the list, so that must be the same tomorrow.
        after = st.selectbox("Run", ids, index=ids.index(newest), key="after", bind="query-params", width=300)
        other = run_history.before_it(history, after, ids) or ids[-1]
        before = st.selectbox(
            "Against",
            ids,
            index=ids.index(other),
            key="before",
            bind="query-params",
            width=300,
            help="By default the reference.",
        )
        st.caption(plain(f"Before: {named[min(before, after)]}. After: {named[max(before, after)]}."))
    first, second = sorted((before, after))
    return runs[first], runs[second]


def _named(run: str, history: pd.DataFrame) -> str:
    reference = {"now": ", the reference", "before": ", once the reference"}.get(str(history.at[run, "reference"]), "")
    return f"{str(history.at[run, 'finished'])[:16].replace('T', ' ')} UTC{reference}"


def _scores(found: Difference, label_models: set[str]) -> None:
    if found.scores.empty:
        return
    st.header("Scores")
    main = found.scores["model"].isin([MODELS["end_model"], *label_models])
    table = found.scores[main].sort_values("model", key=lambda names: names != MODELS["end_model"], kind="stable")
    wide(figures.table(_in_figures(table), "Accuracy before and after"), "Accuracy")
    st.caption("On rows with gold that both answered; the interval is of the difference, paired by row (bootstrap).")
    if not main.all():
        with st.expander("Other models"):
            others = _in_figures(found.scores[~main])
            wide(figures.table(others, "Accuracy of other models"), "Accuracy of other models")
    _promise(found.promise)


def _in_figures(table: pd.DataFrame) -> pd.DataFrame:
    shown = pd.DataFrame(
        {"split": table["split"], "before": table["before"].map(percent), "after": table["after"].map(percent)}
    )
    shown["points"] = [_signed(change) for change in table["change"]]
    ends = list(zip(table["low"], table["high"], strict=True))
    shown["95 % interval"] = [f"{_signed(low)} to {_signed(high)}" for low, high in ends]
    shown["verdict"] = [_verdict(change, low, high) for change, (low, high) in zip(table["change"], ends, strict=True)]
    shown["n"] = table["n"].map(count)
    return shown.set_axis(pd.Index(table["model"], name="accuracy of"), axis=0)


def _promise(promise: pd.DataFrame) -> None:
    """Draw what both runs promise of their answers, where one of them promises something."""
    if promise["threshold"].isna().all():
        return
    told = pd.DataFrame({"answers of all rows": [percent(value) or "nothing promised" for value in promise["answered"]]})
    told["above confidence"] = [figure(value) or "none" for value in promise["threshold"]]
    told["wrong at most"] = [percent(value, 0) for value in promise["risk"]]
    told["measured rows"] = [count(value) for value in promise["n"]]
    html = figures.table(told.set_axis(promise.index.rename("promise"), axis=0), "What is promised, before and after")
    wide(html, "What is promised")


def _signed(points: float) -> str:
    return f"{100 * points:+.1f}".replace("-", "−")


def _verdict(change: float, low: float, high: float) -> str:
    if not (change or low or high):
        return "the same"
    return "better" if low > 0 else "worse" if high < 0 else "may be chance"


def _functions(found: Difference) -> None:
    st.header("Functions")
    if found.functions.empty:
        st.markdown("They are the same.")
    for name, line in found.functions.iterrows():
        with st.expander(plain(f"{name}: {line['state']}")):
            st.caption(plain(" · ".join(part for part in (line["place"], line["reason"], line["said"]) if part)))
            if line["diff"]:
                st.code(line["diff"], language="diff", wrap_lines=True)
    for name, text in found.other_files.items():
        with st.expander(plain(f"The file {name} differs")):
            st.code(text, language="diff", wrap_lines=True)


def _votes(found: Difference) -> None:
    if found.votes.empty:
        return
    st.header("Votes")
    st.markdown(f"**{found.votes['n'].sum():,}** votes are other ones, on rows of both runs, test rows counted.")
    shown = found.votes.assign(n=found.votes["n"].map(count)).rename(columns={"n": "rows"}).set_index("function")
    st.html(figures.table(shown, "Votes that changed", words=("before", "after"), at_most=_LINES))


def _labels(labels: Flips, dataset: Dataset, version: str) -> None:
    st.header("Labels that flipped")
    changed, common = (int(labels.by_split[name].sum()) for name in ("changed", "common"))
    by_split = ", ".join(f"{line['changed']:,} of {line['common']:,} in {split}" for split, line in labels.by_split.iterrows())
    st.markdown(f"**{changed:,}** of {common:,} labels of the label model flipped: {plain(by_split)}.")
    if len(labels.rows):
        _flipped(labels, dataset, version)


@st.fragment
def _flipped(labels: Flips, dataset: Dataset, version: str) -> None:
    """Draw the rows of a reason or of a pair of classes, in a part of their own."""
    rows = labels.rows
    moves = (rows["before"] + " → " + rows["after"]).rename("move")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reasons = {BECAUSE[name]: name for name in labels.because.index}
        counted = {said: f"{said}, {labels.because[name]:,}" for said, name in reasons.items()}
        because = st.selectbox(
            "Why", list(reasons), index=None, key="because", bind="query-params", placeholder="all reasons",
            format_func=lambda said: counted.get(said, said), width=320,
        )  # fmt: skip
        pairs = moves.value_counts()
        move = st.selectbox(
            "Before → after", pairs.index.tolist(), index=None, key="move", bind="query-params", placeholder="all",
            format_func=lambda pair: f"{pair}, {pairs.get(pair, 0):,}", width=320,
        )  # fmt: skip
    kept = rows if because is None else rows[rows["because"] == reasons[because]]
    kept = kept if move is None else kept[moves[kept.index] == move]
    many = f"**{len(kept):,}** row{'s' * (len(kept) != 1)}"
    st.markdown(f"{many} of train and valid, the surest first. Test rows are counted alone.")
    key = f"{version} {because} {move}"
    page = st.pagination(-(-len(kept) // _PAGE), key=f"flipped {key}") if len(kept) > _PAGE else 1
    some = kept.iloc[(page - 1) * _PAGE : page * _PAGE]
    if some.empty:
        return
    places = dataset.ids.get_indexer(some.index).tolist()
    both = zip(some["probability_before"], some["probability"], strict=True)
    shown = pd.DataFrame(
        {
            "row": [row_in_words(dataset, place) for place in places],
            "label": some["before"] + " → " + some["after"],
            "probability": [f"{percent(then, 0) or '?'} → {percent(now, 0)}" for then, now in both],
            "why": some["why"],
            "gold": [gold_of(dataset, place) for place in places],
            "split": some["split"],
        },
        index=some.index.rename("id"),
    )
    st.dataframe(
        shown,
        column_config=_columns(),
        row_height=_HEIGHT,
        height=min(_HEIGHT * len(shown) + 38, 480),
        key=f"rows flipped {key} {page}",
        alt=f"{len(shown)} of {len(kept):,} rows whose label flipped, the surest first",
    )


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "id": column.TextColumn("id", width=80),
        "row": column.TextColumn("row", width=300),
        "label": column.TextColumn("label", width=150),
        "probability": column.TextColumn("of the new", help="Probability of the new label, before and after.", width=100),
        "why": column.TextColumn("why", width=330),
        "gold": column.TextColumn("gold", help="Shown on valid rows only.", width=90),
        "split": column.TextColumn("split", width=60),
    }


def _data(found: Difference) -> None:
    if len(found.data):
        st.header("Rows")
        shown = found.data.pivot_table(index="change", columns="split", values="n", aggfunc="sum", fill_value=0, sort=False)
        shown = shown.map(count).rename_axis("rows that are")
        st.html(figures.table(shown.rename_axis(columns=None), "Rows that changed, by split"))
    if len(found.reviews):
        st.header("Reviews in between")
        shown = found.reviews.assign(n=found.reviews["n"].map(count)).set_index("reviewer")
        st.html(figures.table(shown, "Decisions in between", words=("kind",)))
