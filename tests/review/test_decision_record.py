"""The record of decisions: what is written stays, once, and undo takes back the newest."""

import sqlite3
from contextlib import closing

import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.review import schema
from workbench.review.decision import ADJUDICATION, Decision
from workbench.review.record import Record
from workbench.review.standing import Standing
from workbench.tables import WorkbenchError


@pytest.fixture
def record(tmp_path):
    return Record(tmp_path / "review" / "decisions.sqlite")


def label(row, name="spam", reviewer="ann", **more):
    return Decision(row, "label", reviewer, name, **more)


def said(record):
    return [(row, reviewer, kind) for row, reviewer, kind in record.current()[["row", "reviewer", "kind"]].to_numpy()]


def test_a_record_that_nobody_wrote_to_is_empty_and_makes_no_file(record, tmp_path):
    assert record.decisions().empty and record.current().empty and record.counts().empty and record.requests().empty
    assert record.history("ann") == [] and record.measure_rows().empty and record.plans().empty
    assert record.version() == (0, 0, 0)
    assert list(tmp_path.iterdir()) == []


def test_every_field_comes_back_as_it_was_written(record):
    whole = Decision(
        "r1", "label", "ann", "spam", failure_mode="sarcasm", reason="Functions disagree.", model_label="ham",
        model_probability=0.1 + 0.2, seconds=1.25, note="first\r\nsecond, \"third\"\0", shown="abc",
        time="2026-11-22T17:39:38+00:00",
    )  # fmt: skip
    assert record.decide([whole]) == 1
    assert record.history("ann") == [whole]
    line = record.decisions().iloc[0]
    assert line["model_probability"] == 0.1 + 0.2 and line["note"] == whole.note and line["time"] == whole.time


def test_an_id_is_stored_once_however_often_it_is_sent(record):
    batch = [label("r1"), label("r2"), Decision("r3", "skip", "ann")]
    assert [record.decide(batch), record.decide(batch), record.decide([*batch, batch[0]])] == [3, 0, 0]
    assert len(record.decisions()) == 3


def test_a_batch_is_stored_whole_or_not_at_all(record):
    with pytest.raises(WorkbenchError, match="no audit plan 'p' that drew it"):
        record.decide([label("r1"), label("r2", purpose="measure", plan="p")])
    assert record.decisions().empty


def test_what_an_id_says_never_changes(record):
    first = label("r1")
    record.decide([first])
    with pytest.raises(WorkbenchError, match="is stored with label 'spam', and now has 'ham'; what is stored never changes"):
        record.decide([label("r1", "ham", id=first.id)])


def test_undo_takes_the_newest_back_again_and_again_and_over_a_restart(record):
    record.decide([label("r1", "ham"), label("r2"), label("r1", "spam"), label("r1", reviewer="bob")])
    assert [(one.row, one.label) for one in record.history("ann")] == [("r1", "spam"), ("r2", "spam"), ("r1", "ham")]
    assert record.undo("ann").label == "spam"
    again = Record(record._file)
    assert again.current().query("reviewer == 'ann' and row == 'r1'")["label"].tolist() == ["ham"]
    assert [again.undo("ann").row, again.undo("ann").row, again.undo("ann")] == ["r2", "r1", None]
    assert said(again) == [("r1", "bob", "label")]
    assert again.counts().loc["ann"].to_dict() == {"label": 0, "unsure": 0, "skip": 0, "undo": 3}
    assert len(again.decisions()) == 7


def test_an_undo_sent_twice_undoes_once(record):
    record.decide([label("r1"), label("r2")])
    assert [record.undo("ann", id="u").row, record.undo("ann", id="u").row] == ["r2", "r2"]
    assert said(record) == [("r1", "ann", "label")]
    first = record.history("ann")[0]
    assert [record.decide([first.undo()]), record.decide([first.undo()])] == [1, 0]  # as from two tabs


@pytest.mark.parametrize(
    ("undo", "message"),
    [
        (Decision("r1", "undo", "ann", undoes="nothing"), "'nothing' that 'ann' wants to undo is not stored"),
        (Decision("r1", "undo", "bob", undoes="one"), "is of 'ann' on row 'r1'; 'bob' cannot undo it"),
        (Decision("r2", "undo", "ann", undoes="one"), "cannot undo it as one on row 'r2'"),
        (Decision("r1", "undo", "ann", undoes="two"), "is an undo itself, which cannot be undone"),
    ],
    ids=["nothing there", "another reviewer's", "another row", "an undo"],
)
def test_an_undo_of_the_wrong_thing_is_refused(record, undo, message):
    record.decide([label("r1", id="one"), Decision("r1", "undo", "ann", undoes="one", id="two")])
    with pytest.raises(WorkbenchError, match=message):
        record.decide([undo])


def test_who_adjudicates_keeps_what_they_said_before(record):
    record.decide([label("r1", "ham"), label("r1", "spam", reason="adjudication"), label("r1", "ham", reason="adjudication")])
    assert record.current()[["label", "reason"]].to_numpy().tolist() == [["ham", ""], ["ham", "adjudication"]]


ROWS, REVIEWERS = ("r1", "r2", "r3"), ("ann", "bob")
DECIDE = st.tuples(st.sampled_from(ROWS), st.sampled_from(REVIEWERS), st.sampled_from(["ham", "spam", "unsure", "skip"]))
STEPS = st.lists(st.one_of(DECIDE, st.sampled_from(REVIEWERS)), max_size=14)


@settings(max_examples=15, deadline=None)
@given(steps=STEPS)
def test_any_order_of_decisions_and_undos_is_a_stack_a_reviewer(tmp_path_factory, steps):
    record = Record(tmp_path_factory.mktemp("any") / "decisions.sqlite")
    stacks = {name: [] for name in REVIEWERS}
    for step in steps:
        if step in REVIEWERS:
            undone = record.undo(step)
            wanted = stacks[step].pop() if stacks[step] else None
            assert (undone and (undone.row, undone.label or undone.kind)) == wanted
        else:
            row, reviewer, what = step
            kind = what if what in ("unsure", "skip") else "label"
            record.decide([Decision(row, kind, reviewer, what if kind == "label" else None)])
            stacks[reviewer].append((row, what))
    newest = {(row, reviewer): what for reviewer, stack in stacks.items() for row, what in stack}
    table = record.current()
    found = zip(table["row"], table["reviewer"], table["label"].where(table["kind"] == "label", table["kind"]), strict=True)
    assert {(row, reviewer): what for row, reviewer, what in found} == newest and len(table) == len(newest)
    assert [one.row for one in record.history("ann", 3)] == [row for row, _ in stacks["ann"][::-1][:3]]


def test_requests_wait_until_a_later_label(record):
    record.decide([label("r1")])
    assert record.request(["r1", "r2", "r2"], "they look alike", "ann") == 2
    assert record.request(["r2", "r3"], "again") == 1
    assert record.requests()[["row", "reason", "reviewer"]].to_numpy().tolist() == [
        ["r1", "they look alike", "ann"],
        ["r2", "they look alike", "ann"],
        ["r3", "again", ""],
    ]
    record.decide([label("r1"), Decision("r2", "skip", "ann"), label("r3")])
    assert record.requests()["row"].tolist() == ["r2"]
    record.undo("ann")
    assert record.requests()["row"].tolist() == ["r2", "r3"]


def test_withdrawn_requests_wait_no_more_until_somebody_asks_again(record):
    record.request(["r1", "r2", "r3"], "they look alike")
    assert record.withdraw(["r1", "r2", "r9"]) == 2 and record.withdraw(["r1"]) == 0
    assert record.requests()["row"].tolist() == ["r3"] == record.requested()
    assert record.request(["r1", "r3"], "again") == 1
    assert dict(record.requests()[["row", "reason"]].to_numpy()) == {"r3": "they look alike", "r1": "again"}
    assert record.withdraw(["r1"]) == 1 and record.requested() == ["r3"]


def test_the_version_is_another_after_every_write(record):
    seen = {record.version()}
    for write in (
        lambda: record.decide([label("r1")]),
        lambda: record.request(["r2"], "why"),
        lambda: record.add_plan("p", ["r3"]),
    ):
        write()
        assert record.version() not in seen
        seen.add(record.version())


def test_a_drawn_row_measures_and_no_other_does(record):
    plan = record.add_plan("first audit", ["r1", "r2", "r1"])
    assert record.plans()[["id", "name", "rows"]].to_numpy().tolist() == [[plan, "first audit", 2]]
    assert record.measure_rows().to_dict() == {"r1": plan, "r2": plan}
    assert record.decide([label("r1", purpose="measure", plan=plan)]) == 1
    with pytest.raises(WorkbenchError, match=r"row 'r2' cannot be an anchor: the audit plan .* what measures never trains"):
        record.decide([label("r2")])
    with pytest.raises(WorkbenchError, match="row 'r3' cannot measure: there is no audit plan"):
        record.decide([label("r3", purpose="measure", plan=plan)])
    assert record.undo("ann").plan == plan
    assert record.add_plan("first audit", ["r9"], id=plan) == plan and len(record.measure_rows()) == 2
    with pytest.raises(WorkbenchError, match="'empty' draws no row"):
        record.add_plan("empty", [])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "lable"}, "kind .* is 'lable'; it is label or unsure or skip or undo; did you mean 'label'"),
        ({"label": None}, "of kind 'label' needs label"),
        ({"kind": "skip"}, "of kind 'skip' has no label"),
        ({"kind": "undo", "label": None}, "of kind 'undo' needs undoes"),
        ({"undoes": "x"}, "of kind 'label' has no undoes"),
        ({"purpose": "measure"}, "of purpose 'measure' needs plan"),
        ({"plan": "p"}, "of purpose 'anchor' has no plan"),
        ({"purpose": "train"}, "purpose .* is 'train'; it is anchor or measure"),
        ({"reviewer": ""}, "reviewer .* is empty"),
        ({"failure_mode": ""}, "failure_mode .* is empty; leave it out"),
        ({"note": None}, "note .* is None; it is text"),
        ({"note": "\ud83d"}, "holds half a character"),
        ({"id": "x" * 65}, "has 65 characters; at most 64 are kept"),
        ({"model_probability": 1.5}, "model_probability .* is 1.5; it is between 0 and 1"),
        ({"seconds": float("nan")}, "seconds .* is nan; it is 0 or more"),
        ({"time": "2026-11-22T17:39:38"}, "it is UTC as in"),
        ({"time": "yesterday"}, "it is UTC as in"),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, dict) else "",
)
def test_a_decision_that_makes_no_sense_is_refused(fields, message):
    with pytest.raises(WorkbenchError, match=message):
        Decision(**{"row": "r1", "kind": "label", "reviewer": "ann", "label": "spam"} | fields)


def test_the_file_is_durable_sqlite(record):
    record.decide([label("r1")])
    with closing(sqlite3.connect(record._file)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("SELECT version FROM schema_version").fetchall() == [(2,)]
    with record._engine.connect() as db:
        assert db.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert db.exec_driver_sql("PRAGMA busy_timeout").scalar() == 60_000


def add_colour(db):
    db.execute(sa.text("ALTER TABLE decisions ADD COLUMN colour TEXT"))


def fail(db):
    add_colour(db)
    db.execute(sa.text("ALTER TABLE nowhere ADD COLUMN colour TEXT"))


def columns(record):
    with closing(sqlite3.connect(record._file)) as db:
        return [name for _, name, *_ in db.execute("PRAGMA table_info(decisions)")], db.execute(
            "SELECT * FROM schema_version"
        ).fetchall()


def test_an_older_record_is_migrated_with_all_it_holds(record, monkeypatch):
    record.decide([label("r1")])
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, add_colour))
    assert record.current()["row"].tolist() == ["r1"]  # reading migrates too
    assert columns(record)[0][-1] == "colour" and columns(record)[1] == [(3,)]
    assert record.decide([label("r2")]) == 1


def test_a_record_of_the_first_version_keeps_its_plans_and_takes_new_ones(record, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        record._file.parent.mkdir()
        with record._engine.begin() as db:
            schema.migrate(db, record.url)
            db.execute(schema.PLANS.insert(), {"id": "p", "name": "old", "time": "2026-11-22T17:39:38+00:00"})
            db.execute(schema.PLAN_ROWS.insert(), {"plan": "p", "row": "r1"})
    assert columns(record)[1] == [(1,)]
    assert record.measure_rows().to_dict() == {"r1": "p"} and columns(record)[1] == [(2,)]
    assert record.plans()[["id", "rows", "recurring"]].to_numpy().tolist() == [["p", 1, False]]
    with pytest.raises(WorkbenchError, match="holds no draws of the audit plan 'p'"):
        record.audit("p")


def test_a_migration_that_fails_leaves_the_record_as_it_was(record, monkeypatch):
    record.decide([label("r1")])
    before = columns(record)
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, add_colour, fail))
        with pytest.raises(WorkbenchError, match=r"cannot be used .*; nothing of this call was stored"):
            record.decide([label("r2")])
    assert columns(record) == before
    assert record.decide([label("r2")]) == 1


def test_a_record_of_a_newer_workbench_is_refused(record, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, add_colour))
        record.decide([label("r1")])
    with pytest.raises(WorkbenchError, match="has version 3, and this workbench knows 2; upgrade it"):
        record.decide([label("r2")])
    with pytest.raises(WorkbenchError, match="has version 3"):
        record.current()


def test_any_sqlalchemy_url_names_a_record(tmp_path):
    one, two = Record("sqlite:///shared.sqlite", tmp_path), Record(f"sqlite+pysqlite:///{tmp_path}/shared.sqlite")
    one.decide([label("r1")])
    assert two.current()["row"].tolist() == ["r1"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "would be forgotten with the process; name a file"),
        ("mysterydb://host/x", "cannot be opened .*give an SQLAlchemy URL"),
        ("not a url", "cannot be opened"),
    ],
    ids=["memory", "unknown database", "no URL"],
)
def test_a_url_that_cannot_be_a_record_is_refused(url, message):
    with pytest.raises(WorkbenchError, match=message):
        Record(url)


def test_a_file_that_is_no_record_is_named_and_left_alone(tmp_path):
    path = tmp_path / "decisions.sqlite"
    path.write_bytes(b"my holiday photos, not a database at all" * 10)
    with pytest.raises(WorkbenchError, match=r"decisions.sqlite cannot be used .*nothing of this call was stored"):
        Record(path).decide([label("r1")])
    assert path.read_bytes().startswith(b"my holiday photos")


def test_a_file_that_is_moved_takes_along_what_was_stored(record):
    record.decide([label("r1")])
    record._file.rename(record._file.with_name("old.sqlite"))
    assert record.current().empty
    record.decide([label("r2")])
    assert said(record) == [("r2", "ann", "label")]
    assert said(Record(record._file.with_name("old.sqlite"))) == [("r1", "ann", "label")]


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["label", "skip", "undo", "adjudicate"]), st.sampled_from("ab"), st.sampled_from("123"), st.booleans()
    ),
    max_size=14,
)


@settings(max_examples=15, deadline=None)
@given(actions=ACTIONS)
def test_read_bit_by_bit_what_stands_is_what_is_read_at_once(tmp_path_factory, actions):
    file = tmp_path_factory.mktemp("record") / "decisions.sqlite"
    patient, other = Record(file), Record(file)
    for kind, reviewer, row, look in actions:
        if kind == "undo":
            other.undo(reviewer)
        else:
            reason = ADJUDICATION if kind == "adjudicate" else ""
            said = "skip" if kind == "skip" else "label"
            other.decide([Decision(row, said, reviewer, "spam" if said == "label" else None, reason=reason)])
        if look:
            pd.testing.assert_frame_equal(patient.current(), Record(file).current())
        assert patient.saved(reviewer) == other.counts().drop(columns="undo").sum(axis=1).get(reviewer, 0)
    pd.testing.assert_frame_equal(patient.current(), Record(file).current())


def test_entries_of_another_record_are_not_taken_for_later_ones(record, tmp_path):
    record.decide([label("r1"), label("r2")])
    other = Record(tmp_path / "other.sqlite")
    other.decide([label("s1"), label("s2"), label("s3")])
    stood = Standing.of(record.version(), record.decisions())
    assert stood.and_then(other.version(), other.decisions()[1:]) is None
    assert stood.and_then(other.version(), other.decisions()[:0]) is None


def test_what_stands_takes_no_more_memory_for_having_been_read_often(record):
    for n in range(20):
        record.decide([label(f"r{n}")])
        grown = record.current()
    table = pa.Table.from_pandas(grown)
    assert {column.num_chunks for column in table.columns} == {1} and table.num_rows == 20
