"""What several reviewers said of a row, as one label."""

import pytest

from workbench.review.decision import Decision
from workbench.review.record import Record
from workbench.review.resolve import resolve, to_adjudicate


def resolved(tmp_path, **rows):
    """Return what the record makes of rows whose decisions are given as (reviewer, class or kind[, reason])."""
    record = Record(tmp_path / "decisions.sqlite")
    for row, said in rows.items():
        for reviewer, what, *reason in said:
            kind = what if what in ("unsure", "skip") else "label"
            record.decide([Decision(row, kind, reviewer, what if kind == "label" else None, reason="".join(reason))])
    return resolve(record.current())


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ([("ann", "ham")], "ham"),
        ([("ann", "ham"), ("bob", "ham")], "ham"),
        ([("ann", "ham"), ("bob", "spam")], None),
        ([("ann", "ham"), ("bob", "spam"), ("carl", "ham")], "ham"),
        ([("ann", "ham"), ("bob", "spam"), ("carl", "ham"), ("dora", "spam")], None),
        ([("ann", "ham"), ("bob", "spam"), ("carl", "news")], None),
        ([("ann", "ham"), ("bob", "unsure")], "ham"),
        ([("ann", "ham"), ("ann", "spam")], "spam"),
        ([("ann", "ham"), ("bob", "spam"), ("bob", "spam", "adjudication")], "spam"),
        ([("ann", "ham"), ("bob", "ham"), ("carl", "spam", "adjudication"), ("dora", "news", "adjudication")], "news"),
    ],
    ids=[
        "one", "unanimous", "split", "majority", "half is none", "three ways", "unsure is no label", "the latest counts",
        "adjudicated", "the last adjudication",
    ],
)  # fmt: skip
def test_a_row_has_the_label_that_settles_it(tmp_path, said, label):
    table = resolved(tmp_path, r1=said)
    found = table.loc["r1", "label"]
    assert found == label if label else table["label"].isna().all()


def test_rows_without_a_label_are_not_there(tmp_path):
    table = resolved(tmp_path, r1=[("ann", "skip")], r2=[("ann", "unsure")])
    assert table.empty and list(table.columns) == ["label", "n", "differ", "adjudicated", "said"]


def test_what_reviewers_differ_on_waits_to_be_adjudicated(tmp_path):
    table = to_adjudicate(
        resolved(
            tmp_path,
            same=[("ann", "ham"), ("bob", "ham")],
            split=[("ann", "ham"), ("bob", "spam")],
            most=[("ann", "ham"), ("bob", "spam"), ("carl", "spam")],
            settled=[("ann", "ham"), ("bob", "spam"), ("ann", "spam", "adjudication")],
        )
    )
    assert table["said"].to_dict() == {"split": "ann: ham; bob: spam", "most": "ann: ham; bob: spam; carl: spam"}
    assert table.loc["most", "label"] == "spam" and table["n"].to_dict() == {"most": 3, "split": 2}
