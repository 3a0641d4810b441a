"""scikit-learn estimators as functions: fitted at load, or read from a file, never from a pickle."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from workbench import ABSTAIN, load_lfs
from workbench.lfs import classifier, classifier_file
from workbench.lfs.chunk import Chunk
from workbench.tables import WorkbenchError

TEXTS = ["win cash now", "cash prize win", "see you at lunch", "lunch tomorrow then"]
LABELS = ["spam", "spam", "ham", "ham"]
NEW = ["win a cash prize", "lunch?", "hello"]
NUMBERS = pd.DataFrame({"n": [0.0, 0.1, 0.9, 1.0], "m": [1, 2, 3, 4]})


def words(**options):
    return make_pipeline(CountVectorizer(), LogisticRegression(**options))


def test_a_pipeline_is_fitted_on_named_texts_and_abstains_when_unsure(votes_of):
    estimator = words()
    function = classifier(estimator, train=(TEXTS, LABELS), threshold=0.6)
    assert votes_of(function, NEW) == [1, 0, -1]
    assert set(function.labels) == {"spam", "ham"}
    assert not hasattr(estimator[-1], "classes_")  # what was given stays as it was


def test_the_threshold_decides_who_abstains(votes_of):
    probability = words().fit(TEXTS, LABELS).predict_proba([NEW[0]]).max()
    for threshold, vote in ((probability - 0.01, 1), (probability + 0.01, -1)):
        assert votes_of(classifier(words(), train=(TEXTS, LABELS), threshold=float(threshold)), NEW[:1]) == [vote]


def test_probabilities_are_asked_once_a_chunk_for_distinct_texts(votes_of, monkeypatch):
    model, asked = words().fit(TEXTS, LABELS), []
    original = model[-1].predict_proba
    monkeypatch.setattr(model[-1], "predict_proba", lambda rows: asked.append(rows.shape[0]) or original(rows))
    assert votes_of(classifier(model, threshold=0.6), [NEW[0], NEW[1], NEW[0]] * 10) == [1, 0, 1] * 10
    assert asked == [2]


def test_a_table_beside_the_functions_is_read_and_an_edit_of_it_is_seen(votes_of, write):
    folder = write(
        functions="from sklearn.naive_bayes import MultinomialNB\nfrom sklearn.feature_extraction.text import CountVectorizer\n"
        "from sklearn.pipeline import make_pipeline\nfrom workbench.lfs import classifier\n"
        "model = classifier(make_pipeline(CountVectorizer(), MultinomialNB()), train='train.csv', columns='body', target='y')\n"
    )
    table = folder / "train.csv"
    table.write_text("body,y\n" + "\n".join(f'"{text}",{label}' for text, label in zip(TEXTS, LABELS, strict=True)))
    [function] = load_lfs(folder)
    assert function.name == "model"
    assert votes_of(function, body=NEW) == [1, 0, -1]
    table.write_text(table.read_text().replace(",ham", ",spam2"))
    [edited] = load_lfs(folder)
    assert edited.fingerprint != function.fingerprint and set(edited.labels) == {"spam", "spam2"}
    table.write_text("text,y\na,b\n")
    with pytest.raises(WorkbenchError, match=r"functions.py:5: .*train.csv.* 'body'"):
        load_lfs(folder)


def test_columns_of_numbers_are_read_as_a_frame(votes_of):
    forest = RandomForestClassifier(n_estimators=5)
    function = classifier(forest, train=(NUMBERS, [0, 0, 1, 1]), columns=["n", "m"], threshold=0.6)
    assert votes_of(function, n=[0.05, 0.95], m=[1, 4]) == [0, 1]
    again = classifier(forest, train=(NUMBERS, [0, 0, 1, 1]), columns=["n", "m"], threshold=0.6)
    chunk = Chunk(NUMBERS.set_axis(list("abcd")), (), ("ham", "spam"))
    assert np.array_equal(function.score(chunk), again.score(chunk))  # the seed is fixed


def test_the_global_random_state_stays(votes_of):
    before = pickle.dumps(np.random.get_state())  # noqa: NPY002  # the state that is to stay
    classifier(RandomForestClassifier(n_estimators=3), train=(NUMBERS, [0, 0, 1, 1]), columns=["n", "m"])
    assert pickle.dumps(np.random.get_state()) == before  # noqa: NPY002


@pytest.mark.parametrize(
    "classes",
    [{"s": "spam", "h": "ham"}, {"s": 1, "h": 0}, ["ham", "spam"], {"s": "spam", "h": ABSTAIN}],
    ids=["names", "indexes", "in order", "abstain"],
)
def test_the_estimators_classes_are_mapped_to_the_tasks(votes_of, classes):
    short = [label[0] for label in LABELS]
    votes = votes_of(classifier(words(), train=(TEXTS, short), threshold=0.6, classes=classes), NEW)
    assert votes == [1, -1 if ABSTAIN in dict(enumerate(classes)).values() or classes == {"s": "spam", "h": -1} else 0, -1]


def test_classes_that_stand_for_one_label_are_added_up(votes_of):
    texts, labels = [*TEXTS, "cash win lottery"], ["prize", "prize", "ham", "ham", "lottery"]
    merged = {"prize": "spam", "lottery": "spam"}
    assert votes_of(classifier(words(), train=(texts, labels), threshold=0.8, classes=merged), ["win cash"]) == [1]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: classifier(LinearSVC(), train=(TEXTS, LABELS)), "LinearSVC gives no probabilities.*CalibratedClassifierCV"),
        (lambda: classifier(words()), r"Pipeline is not fitted; pass train=\(texts, labels\)"),
        (lambda: classifier(words(), train=(TEXTS, LABELS[:2])), "train has 4 rows and 2 labels"),
        (lambda: classifier(words(), train=([], [])), "0 rows and 0 labels"),
        (lambda: classifier(words(), train=(TEXTS, ["a", "b", None, "a"])), "train has no label on row 3"),
        (lambda: classifier(words(), train=(TEXTS, ["a"] * 4)), "Pipeline cannot be fitted on the 4 examples: .*2 classes"),
        (lambda: classifier(words(), train=(TEXTS, LABELS), threshold=70), "threshold is 70; give a number from 0 to 1"),
        (lambda: classifier(words(), train=(TEXTS, LABELS), classes={"spm": "spam"}), "classes names 'spm', which Pipeline"),
        (lambda: classifier(words(), train=(TEXTS, LABELS), classes=["spam"]), "classes has 1 entries, and Pipeline has 2"),
        (lambda: classifier(words(), train=(TEXTS, [True, True, False, False])), "Pipeline has the class False"),
        (lambda: classifier(words(), train="nowhere.csv"), "nowhere.csv"),
    ],
    ids=["no probabilities", "not fitted", "fewer labels", "empty", "missing label", "one class", "threshold", "unknown class",
         "too few classes", "booleans", "no file"],
)  # fmt: skip
def test_a_wrong_setting_is_refused_when_the_function_is_made(make, said):
    with pytest.raises(WorkbenchError, match=said):
        make()


def test_a_class_the_task_has_not_is_refused_when_bound():
    function = classifier(words(), train=(TEXTS, ["spam", "spam", "hamm", "hamm"]))
    with pytest.raises(WorkbenchError, match=r"label 'hamm' is not among the labels 'ham', 'spam'; did you mean 'ham'"):
        function.bound(["ham", "spam"], ["text"])


def test_the_fingerprint_follows_estimator_data_and_settings():
    def printed(estimator=None, texts=TEXTS, **options):
        return classifier(estimator or words(), train=(texts, LABELS), **options).fingerprint

    base = printed()
    assert printed() == base
    changed = [
        printed(words(C=2.0)),
        printed(texts=[*TEXTS[:3], "another"]),
        printed(threshold=0.71),
        printed(seed=1),
        printed(classes={"ham": ABSTAIN}),
        printed(columns="body"),
        classifier(words().fit(TEXTS, LABELS)).fingerprint,
        classifier(words().fit([*TEXTS[::-1], "more"], [*LABELS[::-1], "ham"])).fingerprint,
    ]
    assert len({base, *changed}) == 9


@pytest.fixture
def saved(tmp_path):
    skops = pytest.importorskip("skops.io")
    skops.dump(words().fit(TEXTS, LABELS), tmp_path / "model.skops")
    return tmp_path / "model.skops"


def test_a_saved_estimator_is_read(votes_of, saved):
    function = classifier_file(saved, threshold=0.6)
    assert votes_of(function, NEW) == [1, 0, -1]
    assert classifier_file(saved, threshold=0.7).fingerprint != function.fingerprint


def test_the_content_of_the_file_is_in_the_fingerprint(saved):
    import skops.io

    before = classifier_file(saved).fingerprint
    skops.io.dump(words(C=5.0).fit(TEXTS, LABELS), saved)
    assert classifier_file(saved).fingerprint != before


class Shouting(CountVectorizer):
    """A type that skops does not know."""


def test_types_that_are_not_trusted_are_named(votes_of, tmp_path):
    skops = pytest.importorskip("skops.io")
    skops.dump(make_pipeline(Shouting(), LogisticRegression()).fit(TEXTS, LABELS), tmp_path / "m.skops")
    name = f"{__name__}.Shouting"
    with pytest.raises(WorkbenchError, match=rf"types that are not trusted: '{re.escape(name)}'; .*pass trusted="):
        classifier_file(tmp_path / "m.skops")
    assert votes_of(classifier_file(tmp_path / "m.skops", trusted=[name], threshold=0.6), NEW) == [1, 0, -1]


class Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('a pickle was read')",)


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.PICKLE"], ids=str)
def test_a_pickle_is_refused_unread(tmp_path, name):
    (tmp_path / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(WorkbenchError, match=r"is a pickle, and reading one can run any code; save .*skops.io.dump"):
        classifier_file(tmp_path / name)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    pytest.importorskip("skops")
    (tmp_path / "m.skops").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(WorkbenchError, match=r"m\.skops is not a skops file"):
        classifier_file(tmp_path / "m.skops")
    with pytest.raises(WorkbenchError, match=r"there is no file .*gone\.skops"):
        classifier_file(tmp_path / "gone.skops")
