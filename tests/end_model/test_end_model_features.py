"""Features by choice: texts, numbers, categories, and the cells that are missing or new."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from workbench.end_model import EndModel, words
from workbench.end_model.features import Features
from workbench.end_model.words import Terms
from workbench.tables import Dataset, SoftLabels, WorkbenchError

MakeDataset = Callable[..., Dataset]
TABLE = {"features": (), "columns": ("age", "job")}


def fit(dataset: Dataset, **settings: object) -> EndModel:
    return EndModel(**settings).fit(dataset, SoftLabels.from_hard(dataset.ids, dataset.labels, dataset.gold))


@pytest.fixture(scope="module")
def people(make_dataset: MakeDataset) -> Dataset:
    return make_dataset(age=[20, 30, 40, 50] * 5, job=["cook", None, "nurse", "nurse"] * 5, gold=[0, 0, 1, 1] * 5)


@pytest.mark.parametrize("features", [("tfidf",), ("static",), ("tfidf", "static")], ids=["tfidf", "static", "both"])
def test_each_choice_of_text_features_learns_the_messages(dataset: Dataset, features: tuple[str, ...]) -> None:
    probs = fit(dataset, features=features).predict_proba(dataset).probs
    assert probs.argmax(axis=1).tolist() == dataset.gold.tolist()


def test_blank_texts_get_an_answer(dataset: Dataset, make_dataset: MakeDataset) -> None:
    blank = make_dataset(["", "   ", "\n"])
    probs = fit(dataset).predict_proba(blank).probs
    assert np.isfinite(probs).all() and probs[0] == pytest.approx(probs[1], abs=1e-6)


def test_texts_that_are_all_blank_teach_the_class_balance(make_dataset: MakeDataset) -> None:
    blank = make_dataset([""] * 4, [1, 1, 1, 0])
    assert fit(blank).predict_proba(blank).probs[:, 1] == pytest.approx(0.75, abs=0.01)


def test_a_text_with_half_a_surrogate_pair_is_learned(make_dataset: MakeDataset) -> None:
    odd = make_dataset(pd.Series(["odd \ud83d text", "another one"], dtype="object"), [1, 0])
    assert fit(odd).predict_proba(odd).hard().tolist() == [1, 0]


#: the same terms in the words of scikit-learn
THEIRS = {
    "word": {"ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b|[^\w\s]"},
    "character": {"analyzer": "char_wb", "ngram_range": (3, 5), "min_df": 2},
}
#: few letters, so that texts share terms: odd casings, half of a surrogate pair, joiners, and white space of many kinds
ODD = st.text("aAb1_?éÉßẞİıΣσςǅﬃ\u0130\u0301\u200d\ud83d \t\n\r\x0b\x1c\x85\xa0\u2028\u3000", max_size=20)
TEXTS = st.lists(ODD | st.text(st.characters()), min_size=1, max_size=12)


@pytest.mark.parametrize("kind", THEIRS)
@given(TEXTS, TEXTS)
@settings(deadline=None)
@example(["İstanbul ISTANBUL", "ΟΔΟΣ ΟΔΟΣ. istanbul"], ["", " \t", "İSTANBUL\x1cΟΔΟΣ", "İ a Σ"])
def test_terms_are_those_of_scikit_learn_bit_for_bit(
    make_dataset: MakeDataset, kind: str, texts: list[str], more: list[str]
) -> None:
    # twice, for a term of characters is one that two rows share
    known, new = (make_dataset(pd.Series(some, dtype="object")) for some in (texts * 2, more))
    terms = Terms.fit(kind, known, 200)
    assume(terms.terms)
    theirs = TfidfVectorizer(**THEIRS[kind], max_features=200, sublinear_tf=True, dtype=np.float32).fit(known.texts())
    assert theirs.get_feature_names_out().tolist() == terms.terms and np.array_equal(theirs.idf_, terms.idf)
    for rows in (known, new, known):  # at last with words that are kept
        ours, expected = terms.transform(rows).sparse, theirs.transform(rows.texts())
        for part in ("indptr", "indices", "data"):
            mine, other = getattr(ours, part), getattr(expected, part)
            assert mine.dtype == other.dtype and np.array_equal(mine, other)


def test_words_that_are_not_kept_are_counted_all_the_same(make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = make_dataset([f"word{i % 5} word{i % 3} {'long' * (i % 11)}" for i in range(40)])
    kept = Terms.fit("character", rows, 100)
    monkeypatch.setattr(words, "_WORDS", 2)
    monkeypatch.setattr(words, "_LONG", 12)
    few = Terms(kept.kind, kept.terms, kept.idf)
    assert (kept.transform(rows).sparse != few.transform(rows).sparse).nnz == 0


def test_terms_are_no_more_than_allowed(dataset: Dataset) -> None:
    features = Features.fit(dataset, ["tfidf"], [], 20)
    assert features.transform(dataset)[0].sparse.shape == (240, 40)


def test_numbers_are_scaled_and_categories_one_hot(people: Dataset) -> None:
    (inputs,) = Features.fit(people, [], ["age", "job"], 10).transform(people)
    assert inputs.dense[:4] == pytest.approx(np.array([[-15], [-5], [5], [15]]) / np.sqrt(125), abs=1e-6)
    assert inputs.sparse[:4].toarray().tolist() == [[1, 0], [0, 0], [0, 1], [0, 1]]


def test_a_table_alone_is_learned(people: Dataset) -> None:
    assert fit(people, **TABLE).predict_proba(people).hard().tolist() == people.gold.tolist()


def test_text_and_table_are_learned_together(make_dataset: MakeDataset) -> None:
    both = make_dataset(["good", "bad"] * 10, [1, 0] * 10, size=list(range(20)))
    model = fit(both, columns=("size",))
    assert model.predict_proba(both).hard().tolist() == [1, 0] * 10


def test_unseen_categories_missing_and_infinite_cells_get_an_answer(people: Dataset, make_dataset: MakeDataset) -> None:
    odd = make_dataset(age=[None, float("inf"), 45.0, float("nan")], job=["astronaut", "nurse", None, pd.NA])
    probs = fit(people, **TABLE).predict_proba(odd).probs
    assert np.isfinite(probs).all() and probs[1, 1] > 0.5 and probs[2, 1] > 0.5


def test_a_missing_number_is_told_from_the_mean_where_training_knew_of_it(make_dataset: MakeDataset) -> None:
    gaps = make_dataset(age=[None, 30.0, None, 40.0] * 5, gold=[1, 0, 1, 0] * 5)
    assert fit(gaps, features=(), columns=("age",)).predict_proba(gaps).hard().tolist() == [1, 0, 1, 0] * 5


@pytest.mark.parametrize(
    ("cells", "width"),
    [
        ([True, False, None, True], (0, 2)),
        ([1, 2.5, None, 3], (0, 2)),
        (["1", "2", "2", "3"], (3, 0)),
        ([None, None, None, None], (0, 0)),
        ([7, 7, 7, 7], (0, 1)),
        (pd.Series([1, None, 2, 3], dtype="Int64").tolist(), (0, 2)),
    ],
    ids=["true and false", "numbers and a gap", "digits as text", "nothing", "one value", "nullable integers"],
)
def test_the_cells_of_a_column_decide_what_it_is(
    make_dataset: MakeDataset, cells: list[object], width: tuple[int, int]
) -> None:
    table = make_dataset(x=cells)
    (inputs,) = Features.fit(table, [], ["x"], 10).transform(table)
    assert (inputs.sparse.shape[1], inputs.dense.shape[1]) == width
    assert np.isfinite(inputs.dense).all()


def test_text_in_a_column_of_numbers_is_refused_by_row(people: Dataset, make_dataset: MakeDataset) -> None:
    model = fit(people, **TABLE)
    with pytest.raises(WorkbenchError, match="column 'age' holds 'old' on row 'r1', where the end model learned from numbers"):
        model.predict_proba(make_dataset(age=["33", "old"], job=["cook", "cook"]))


def test_a_dataset_without_the_column_is_refused_by_name(people: Dataset, make_dataset: MakeDataset) -> None:
    with pytest.raises(WorkbenchError, match="has no column 'job'; it has 'age', 'jobs'; did you mean 'jobs'"):
        fit(people, **TABLE).predict_proba(make_dataset(age=[1], jobs=["cook"]))


def test_a_dataset_without_the_text_column_is_refused_by_name(dataset: Dataset) -> None:
    renamed = Dataset(dataset.frame.rename(columns={"text": "texts"}), dataset.labels, ("texts",))
    with pytest.raises(WorkbenchError, match=r"learned from the text column 'text', .* are 'texts'; did you mean 'texts'"):
        fit(dataset).predict_proba(renamed)


def test_text_features_without_text_say_what_to_choose(people: Dataset) -> None:
    with pytest.raises(WorkbenchError, match=r"set features to \[\] and choose among the columns 'age', 'job'"):
        fit(people)


def test_columns_that_were_not_chosen_play_no_part(dataset: Dataset) -> None:
    wider = Dataset(dataset.frame.assign(other=1), dataset.labels, dataset.text)
    model = fit(dataset)
    assert np.array_equal(model.predict_proba(wider).probs, model.predict_proba(dataset).probs)
