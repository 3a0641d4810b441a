"""What several reviewers said of a row, as one label."""

from __future__ import annotations

import pandas as pd

from workbench.review.decision import ADJUDICATION


def labels_given(current: pd.DataFrame) -> pd.DataFrame:
    """Return the labels that reviewers gave as one of several: neither unsure nor skipped, and no adjudication."""
    return current[(current["kind"] == "label") & (current["reason"] != ADJUDICATION)]


def resolve(current: pd.DataFrame) -> pd.DataFrame:
    """Return one row a row that somebody labelled, by its id.

    current: of Record.current. label: the adjudicated one, else the one that more than half of the reviewers gave, else
    missing. n: how many gave one. differ: they gave more than one. adjudicated. said: who said what, in words.
    """
    given = labels_given(current)
    rows = given.groupby("row")["label"]
    most = (
        given.groupby(["row", "label"])
        .size()
        .rename("votes")
        .reset_index()
        .sort_values("votes")
        .drop_duplicates("row", keep="last")
    )
    table = pd.DataFrame({"n": rows.size(), "differ": rows.nunique() > 1})
    best = most.set_index("row").reindex(table.index)
    table["label"] = best["label"].where(2 * best["votes"] > table["n"])
    settled = current[(current["kind"] == "label") & (current["reason"] == ADJUDICATION)].drop_duplicates("row", keep="last")
    table = table.reindex(table.index.union(pd.Index(settled["row"]), sort=False)).fillna({"n": 0, "differ": False})
    table.loc[settled["row"], "label"] = settled["label"].to_numpy()
    said = pd.concat([given, settled]).assign(words=lambda all: all["reviewer"] + ": " + all["label"]).groupby("row")["words"]
    table = table.assign(adjudicated=table.index.isin(settled["row"]), said=said.agg("; ".join))
    return table.astype({"n": int, "differ": bool})[["label", "n", "differ", "adjudicated", "said"]].rename_axis("row")


def to_adjudicate(resolved: pd.DataFrame) -> pd.DataFrame:
    """Return the rows on which reviewers differ and nobody has adjudicated yet; label: what more than half say, if they do."""
    return resolved[resolved["differ"] & ~resolved["adjudicated"]]
