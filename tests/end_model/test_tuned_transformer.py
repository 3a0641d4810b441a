"""Features `transformer:FOLDER`: a pretrained encoder that the soft labels tune."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from workbench.end_model import EndModel, checkpoint
from workbench.tables import Dataset, SoftLabels, WorkbenchError
from workbench.text.encoders import encode
from workbench.text.pretrained import Pretrained

WORDS = "win a free prize money now claim your cheap pills see you at lunch are home yet the meeting is noon call me when can"

pytest.importorskip("transformers")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Hugging Face folder: two layers of 16 numbers, drawn by chance, for the words above."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    known = {word: place for place, word in enumerate(["[PAD]", "[UNK]", *WORDS.split()])}
    words = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    config = BertConfig(
        vocab_size=len(known),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=12,
        pad_token_id=0,
    )
    place = tmp_path_factory.mktemp("encoder") / "tiny"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        BertModel(config).save_pretrained(place)
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(place)
    return place


@pytest.fixture(scope="session")
def feature(folder: Path) -> str:
    return f"transformer:{folder}"


@pytest.fixture(scope="session")
def fitted(dataset: Dataset, soft: SoftLabels, feature: str) -> EndModel:
    return EndModel(features=(feature,)).fit(dataset, soft)


def weights(model: EndModel) -> dict[str, np.ndarray]:
    return {name: array for name, array in model.features_.state()[1].items() if "encoder.layer" in name}


def test_a_tuned_encoder_learns_the_messages(fitted: EndModel, dataset: Dataset) -> None:
    assert fitted.predict_proba(dataset).hard().tolist() == dataset.gold.tolist()


def test_it_is_a_view_beside_others(dataset: Dataset, soft: SoftLabels, feature: str) -> None:
    model = EndModel(features=("tfidf", feature, "static")).fit(dataset, soft, anchors=dataset.gold[:30])
    assert model.predict_proba(dataset).hard().tolist() == dataset.gold.tolist()
    assert model.adjustment_.slopes.shape == (3,) and model.adjustment_.weights.shape == (16 + 256, 2)
    assert model.novelty_ is not None and model.novelty_.reference.shape[1] == 256  # of the encoder that was not tuned


def test_tuning_changes_the_encoder_and_not_its_folder(fitted: EndModel, folder: Path) -> None:
    before = Pretrained.load(str(folder)).state()[1]
    changed = [not np.array_equal(array, before[name.split(".", 1)[1]]) for name, array in weights(fitted).items()]
    assert len(changed) == 32 and all(changed)


def test_the_history_of_tuning_is_kept_and_its_progress_told(
    dataset: Dataset, soft: SoftLabels, feature: str, fitted: EndModel, folder: Path
) -> None:
    calls: list[tuple[int, int, str]] = []
    EndModel(features=(feature,)).fit(dataset, soft, progress=lambda *call: calls.append(call))
    tuned = [call for call in calls if call[2].startswith("tuning tiny, epoch")]
    losses = fitted.tuning_[str(folder)]
    assert [done / total * 3 for done, total, _ in tuned] == list(range(1, len(losses) + 1))
    line = losses[0]
    assert tuned[0][2] == f"tuning tiny, epoch 1: loss {line['loss']:.4f}, on the hold-out {line['holdout_loss']:.4f}"


def test_the_same_seed_gives_the_same_numbers_and_leaves_chance_alone(
    dataset: Dataset, soft: SoftLabels, feature: str, fitted: EndModel
) -> None:
    before = (random.getstate(), torch.get_rng_state().tolist(), torch.get_num_threads())
    again = EndModel(features=(feature,)).fit(dataset, soft)
    assert (random.getstate(), torch.get_rng_state().tolist(), torch.get_num_threads()) == before
    assert np.array_equal(again.predict_proba(dataset).probs, fitted.predict_proba(dataset).probs)
    other = EndModel(features=(feature,), seed=1).fit(dataset, soft)
    assert not np.array_equal(other.predict_proba(dataset).probs, fitted.predict_proba(dataset).probs)


def test_rows_held_out_and_anchors_do_not_tune(
    dataset: Dataset, soft: SoftLabels, feature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.end_model.tuning._EPOCHS", 1)  # or the hold-out chooses among epochs
    anchors = dataset.gold[soft.covered][:6]
    taught = np.flatnonzero(soft.covered)[6:]
    held = taught[np.random.default_rng(0).permutation(len(taught))[: len(taught) // 10]]
    lies = soft.probs.copy()
    lies[[*held, *np.flatnonzero(soft.covered)[:6]]] = [0.5, 0.5]
    one, two = (
        weights(
            EndModel(features=(feature,)).fit(dataset, SoftLabels(soft.ids, soft.labels, probs, soft.covered), anchors=anchors)
        )
        for probs in (soft.probs, lies)
    )
    assert len(held) >= 20 and all(np.array_equal(one[name], two[name]) for name in one)


def test_a_heavier_row_pulls_harder_and_the_confidence_loss_counts(make_dataset: Callable[..., Dataset], feature: str) -> None:
    torn = make_dataset(["free prize", "free prize"])
    labels = SoftLabels.from_hard(torn.ids, torn.labels, [0, 1])
    plain, heavy = (
        EndModel(features=(feature,)).fit(torn, labels, weights=[1, pull]).predict_proba(torn).probs[0, 1] for pull in (1, 3)
    )
    assert plain == pytest.approx(0.5, abs=0.03) and heavy > 0.65
    sure = EndModel(features=(feature,), confidence_loss=0.9).fit(torn, labels, weights=[1, 3]).predict_proba(torn)
    assert sure.probs[0, 1] > heavy + 0.1


def test_blank_long_and_odd_texts_get_an_answer(fitted: EndModel, make_dataset: Callable[..., Dataset]) -> None:
    odd = make_dataset(pd.Series(["", "  ", "free " * 500, "odd \ud83d text"], dtype="object"))
    probs = fitted.predict_proba(odd).probs
    assert np.isfinite(probs).all() and probs[0] == pytest.approx(probs[1], abs=1e-6)


def test_an_answer_does_not_depend_on_the_rows_beside_it(fitted: EndModel, dataset: Dataset) -> None:
    answer = fitted.predict_proba(dataset).probs
    some = np.random.default_rng(0).permutation(len(dataset))[:17]
    assert fitted.predict_proba(dataset.take(some)).probs == pytest.approx(answer[some], abs=1e-5)


def test_a_saved_model_needs_no_other_folder(
    fitted: EndModel, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted.save(tmp_path / "model")
    monkeypatch.setattr(Pretrained, "load", None)
    loaded = EndModel.load(tmp_path / "model")
    assert np.array_equal(loaded.predict_proba(dataset).probs, fitted.predict_proba(dataset).probs)
    assert loaded.tuning_ == fitted.tuning_
    assert not [path for path in (tmp_path / "model").iterdir() if path.suffix not in (".json", ".safetensors")]


def test_a_tuning_that_was_ended_goes_on_with_the_same_bits(
    fitted: EndModel, dataset: Dataset, soft: SoftLabels, feature: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "_LEAST", -1.0)
    monkeypatch.setattr(checkpoint, "_SHARE", float("inf"))

    class Ended(Exception):
        pass

    def end(done: int, total: int, text: str) -> None:
        if "epoch 3" in text:
            raise Ended

    with pytest.raises(Ended):
        EndModel(features=(feature,)).fit(dataset, soft, progress=end, checkpoint=tmp_path)
    said: list[str] = []
    again = EndModel(features=(feature,)).fit(dataset, soft, progress=lambda *call: said.append(call[2]), checkpoint=tmp_path)
    assert [text[:20] for text in said if text.startswith("tuning")] == ["tuning tiny, epoch 3"]
    assert np.array_equal(again.predict_proba(dataset).probs, fitted.predict_proba(dataset).probs)
    assert again.tuning_ == fitted.tuning_


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("transformer", "feature 'transformer' names no model to tune; write 'transformer:minilm'"),
        ("transformer:", "feature 'transformer:' names no model to tune"),
        ("transformer:minilmm", "encoder 'minilmm' is not on this machine and nothing is downloaded.*mean 'minilm'"),
        ("transformer:{empty}", "holds no tokenizer_config.json; give the folder of a Hugging Face model"),
        ("transformer:{broken}", "does not load as a Hugging Face model with its tokenizer"),
    ],
    ids=["bare", "no folder", "typo", "empty folder", "broken folder"],
)
def test_a_model_that_is_not_there_is_said_in_one_sentence(
    dataset: Dataset, soft: SoftLabels, tmp_path: Path, name: str, message: str
) -> None:
    places = {each: tmp_path / each for each in ("empty", "broken")}
    for place in places.values():
        place.mkdir()
    (places["broken"] / "tokenizer_config.json").write_text("{}")
    with pytest.raises(WorkbenchError, match=message):
        EndModel(features=(name.format(**places),)).fit(dataset, soft)


def test_without_transformers_the_extra_is_named(
    dataset: Dataset, soft: SoftLabels, feature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers.utils", None)
    with pytest.raises(WorkbenchError, match=r"which is not installed; pip install 'weak-supervision-workbench\[sentence\]'"):
        EndModel(features=(feature,)).fit(dataset, soft)


@pytest.mark.slow
def test_a_fresh_process_answers_with_identical_numbers(fitted: EndModel, dataset: Dataset, tmp_path: Path) -> None:
    fitted.save(tmp_path / "model")
    dataset.frame.to_json(tmp_path / "rows.json")
    code = """
import sys, pandas as pd
from workbench.end_model import EndModel
from workbench.tables import Dataset
soft = EndModel.load("model").predict_proba(Dataset(pd.read_json("rows.json", dtype=False), ("ham", "spam")))
sys.stdout.buffer.write(soft.probs.tobytes())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=tmp_path)
    assert run.stdout == fitted.predict_proba(dataset).probs.tobytes()


@pytest.mark.slow
def test_minilm_is_such_a_folder() -> None:
    texts = ["How far is it?", "", "a much longer text, of which the other one knows nothing " * 20]
    vectors = Pretrained.load("minilm").encode(texts)
    assert vectors[[0, 2]] == pytest.approx(encode(texts, "minilm")[[0, 2]], abs=1e-3)
