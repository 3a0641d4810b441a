"""Plain Python functions under @labeling_function, and what the decorator takes."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workbench import ABSTAIN, labeling_function
from workbench.lfs.chunk import Chunk
from workbench.tables import WorkbenchError

FRAME = pd.DataFrame({"text": ["refund me", "hello", ""], "n": [3, 1, 2]}, index=["a", "b", "c"])


def run(function, frame=FRAME, text=("text",), labels=("ham", "spam")):
    votes, faults = function.votes(Chunk(frame, text, labels))
    return votes.tolist(), [(frame.index[fault.position], fault.error) for fault in faults]


def test_a_function_carries_what_it_says_of_itself():
    @labeling_function(tags="billing", labels="spam", fires="refund", abstains=["hello", {"text": "hi"}])
    def asks(row):
        """Only customers ask.

        More words.
        """
        return "spam"

    assert (asks.name, asks.reason, asks.tags, asks.labels) == ("asks", "Only customers ask.", ("billing",), ("spam",))
    assert (asks.fires, asks.abstains) == (("refund",), ("hello", {"text": "hi"}))
    assert asks.place.startswith("test_decorator:")
    assert repr(asks) == f"labeling function 'asks' ({asks.place})"


def test_the_decorator_works_bare_with_a_name_and_on_any_callable():
    @labeling_function
    def bare(row):
        return 0

    class Caller:
        def __call__(self, row):
            return 1

    assert (bare.name, bare({"text": ""})) == ("bare", 0)
    assert labeling_function(name="other", reason="why")(lambda row: 1).name == "other"
    assert labeling_function()(Caller()).name == "Caller"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: labeling_function("my_name"), "stands on 'my_name', which is not callable; a name is written name='my_name'"),
        (lambda: labeling_function(pre=["x"]), "pre holds 'x', which is not callable"),
        (lambda: labeling_function(needs="docs")(len), "needs 'docs'; known are doc, embedding; did you mean 'doc'"),
        (lambda: labeling_function(needs=["doc", "doc:blank:de"])(len), "needs two of 'doc'"),
        (lambda: labeling_function(needs="doc:blank:en[ner]")(len), "names the component 'ner'; its components are: none"),
        (lambda: labeling_function(batch=True, needs="doc")(len), "takes no pre and no needs"),
        (lambda: labeling_function(reson="x")(len), "unknown setting 'reson'.*did you mean 'reason'"),
        (lambda: labeling_function(name=3)(len), "name is 3"),
    ],
    ids=["positional name", "pre", "needs", "two docs", "component", "batch", "unknown", "name"],
)
def test_a_wrong_option_is_refused(make, said):
    with pytest.raises(WorkbenchError, match=said):
        make()


def test_rows_read_by_attribute_key_and_id():
    seen = []

    @labeling_function()
    def look(row):
        seen.append((row.name, row.text, row["n"], "plan" in row, row.get("plan", "none")))
        return ABSTAIN

    assert run(look) == ([-1, -1, -1], [])
    assert seen[0] == ("a", "refund me", 3, False, "none")


def test_resources_are_handed_to_every_call():
    @labeling_function(resources={"words": {"refund"}, "vote": 1})
    def known(row, words, vote):
        return vote if words & set(row.text.split()) else -1

    assert run(known) == ([1, -1, -1], [])
    assert known({"text": "a refund"}) == 1


def test_preprocessing_steps_change_a_row_of_their_own():
    def lower(row):
        row["text"] = row.text.upper()
        return row

    def count(row):
        return SimpleNamespace(text=row.text, letters=len(row.text))

    @labeling_function(pre=[lower, count])
    def long_text(row):
        return 1 if row.letters > 5 and row.text.isupper() else -1

    @labeling_function()
    def unchanged(row):
        return 0 if row.text.islower() else -1

    assert run(long_text) == ([1, -1, -1], [])
    assert run(unchanged) == ([0, 0, -1], [])
    assert long_text({"text": "refund"}) == 1


def test_a_step_that_returns_nothing_is_a_fault_that_says_so():
    def forgets(row):
        row.x = 1

    function = labeling_function(pre=[forgets])(lambda row: 1)
    assert run(function)[1][0] == ("a", "the preprocessing step 'forgets' returned None; return the row")


def test_a_doc_is_made_once_for_all_functions_and_found_on_the_row(monkeypatch):
    from workbench.text import docs

    parsed = []

    def count(texts, *how):
        parsed.append(texts)
        return make(texts, *how)

    make = docs.make_docs
    monkeypatch.setattr(docs, "make_docs", count)

    @labeling_function(needs="doc:blank:en", name="one")
    def one(row):
        return 0 if len(row.doc) > 1 else -1

    @labeling_function(needs="doc:blank:en", name="two")
    def two(row):
        return 1 if any(token.lower_ == "refund" for token in row.doc) else -1

    chunk = Chunk(FRAME, ("text",), ("ham", "spam"))
    assert one.votes(chunk)[0].tolist() == [0, -1, -1] and two.votes(chunk)[0].tolist() == [1, -1, -1]
    assert parsed == [FRAME["text"].tolist()]
    assert two({"text": "a Refund"}) == 1


def test_what_one_function_does_to_a_doc_no_other_sees():
    from spacy.tokens import Span

    def spoil(row):
        row.doc.user_data["mine"] = True
        row.doc.ents = [Span(row.doc, 0, 1, label="MINE")]
        row.doc.cats["mine"] = 1.0
        row.doc[0].lemma_ = "mine"
        with row.doc.retokenize() as retokenizer:
            retokenizer.merge(row.doc[0:2])
        return 1

    def untouched(row):
        words = [token.text for token in row.doc]
        clean = not (row.doc.user_data or row.doc.ents or row.doc.cats or row.doc[0].lemma_)
        return 0 if clean and words == ["same", "old", "text"] else 1

    frame = pd.DataFrame({"text": ["same old text", "same old text"]}, index=["a", "b"])
    chunk = Chunk(frame, ("text",), ("ham", "spam"))
    for function, expected in ((untouched, [0, 0]), (spoil, [1, 1]), (untouched, [0, 0])):
        for steps in ([], [lambda row: row]):
            votes, faults = labeling_function(needs="doc:blank:en", pre=steps)(function).votes(chunk)
            assert votes.tolist() == expected and faults == []


def test_an_embedding_is_a_unit_vector_on_the_row():
    @labeling_function(needs="embedding")
    def near(row):
        return 1 if np.isclose(np.linalg.norm(row.embedding), 1) else -1

    assert run(near) == ([1, 1, -1], [])


def test_a_column_with_the_name_of_a_need_is_not_overwritten():
    frame = FRAME.assign(doc="x")
    faults = run(labeling_function(needs="doc:blank:en")(lambda row: 1), frame)[1]
    assert faults[0] == ("a", "the rows have a column 'doc', the name of what the function needs; rename the column")


def test_a_batch_function_votes_on_a_frame_or_a_column():
    @labeling_function(batch=True)
    def frame_wise(frame):
        return np.where(frame.text.str.contains("refund") & (frame["n"] > 2), 1, ABSTAIN)

    @labeling_function(batch="n", resources={"above": 1})
    def column_wise(n, above):
        return ["spam" if value > above else -1 for value in n]

    assert run(frame_wise) == ([1, -1, -1], [])
    assert run(column_wise) == ([1, -1, 1], [])
    assert frame_wise({"text": "refund", "n": 3}) == 1


def test_an_answer_with_row_ids_is_put_into_the_order_of_the_rows():
    by_n = labeling_function(batch=True)(lambda frame: frame.sort_values("n")["n"] - 2)
    plain = labeling_function(batch=True)(lambda frame: pd.Series([0, 1, -1]))
    foreign = labeling_function(batch=True)(lambda frame: pd.Series([0, 1, -1], index=["x", "y", "z"]))
    assert run(by_n) == ([1, -1, 0], [])
    assert run(plain) == ([0, 1, -1], [])
    assert "with another index" in run(foreign)[1][0][1]


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ([1], "returned 1 votes for 3 rows"),
        (1, "returned a int for 3 rows"),
        (pd.Series([0.5, 1, 0], index=["a", "b", "c"]), r"returned 0.5 \(float64\)"),
        (pd.DataFrame({"a": [1, 1, 1]}), r"returned a DataFrame of shape \(3, 1\)"),
    ],
    ids=["short", "one number", "fractions", "frame"],
)
def test_a_batch_that_returns_no_votes_is_a_fault(returned, said):
    votes, faults = run(labeling_function(batch=True)(lambda frame: returned))
    assert votes == [-1, -1, -1] and len(faults) == 3
    with pytest.raises(ValueError, match=said):
        raise ValueError(faults[0][1])


def test_what_a_batch_function_changes_stays_with_it():
    @labeling_function(batch=True)
    def greedy(frame):
        frame["text"] = "gone"
        frame.loc["a", "n"] = 99
        return [-1] * len(frame)

    before = FRAME.copy()
    assert run(greedy) == ([-1, -1, -1], [])
    pd.testing.assert_frame_equal(FRAME, before)


def test_one_row_is_checked_as_many_are():
    strict = labeling_function(labels=[1])(lambda row: 0)
    wild = labeling_function(name="wild")(lambda row: None)
    broken = labeling_function(name="broken")(lambda row: row.missing)
    with pytest.raises(WorkbenchError, match="not among the labels it declares"):
        strict({"text": ""})
    with pytest.raises(WorkbenchError, match="labeling function 'wild': returned None"):
        wild({"text": ""})
    with pytest.raises(AttributeError, match="the row has no column 'missing'; it has text"):
        broken({"text": ""})


def test_a_declared_class_the_task_has_not_is_refused_when_bound():
    function = labeling_function(name="f", labels=["spamm"])(lambda row: -1)
    with pytest.raises(WorkbenchError, match=r"labeling function 'f' \(test_decorator:\d+\): label 'spamm' is not among"):
        function.bound(["ham", "spam"], ["text"])
