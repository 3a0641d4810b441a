"""The scripts of docs/train-elsewhere.md: they compile, import nothing of ours, and have the workbench's loss."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "train-elsewhere.md"
SCRIPTS = dict(re.findall(r"^```python title=(\S+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
PROBS = [[0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [1 / 3, 1 / 3, 1 / 3], [0.0, 1.0, 0.0]]


@pytest.mark.parametrize("name", ["train_sklearn.py", "train_transformers.py"], ids=str)
def test_a_script_compiles_without_the_workbench(name: str) -> None:
    code = compile(SCRIPTS[name], name, "exec")
    assert code is not None and not re.search(r"^(from|import) workbench", SCRIPTS[name], re.MULTILINE)


def test_a_trainer_of_soft_labels_has_our_loss(tmp_path: Path) -> None:
    """In a process of its own, as transformers leaves settings behind."""
    pytest.importorskip("transformers")
    (tmp_path / "train_transformers.py").write_text(SCRIPTS["train_transformers.py"], encoding="utf-8")
    code = f"""
from types import SimpleNamespace
import torch
from train_transformers import SoftTrainer
from workbench.end_model.loss import soft_cross_entropy
target = torch.tensor({PROBS}, dtype=torch.float32)
logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.0, 3.0], [1.0, 2.0, 3.0], [-2.0, 4.0, 0.0]])
inputs = {{"input_ids": logits, "labels": target}}
answer = SoftTrainer.compute_loss(None, lambda input_ids: SimpleNamespace(logits=input_ids), inputs, return_outputs=True)
print(abs(answer[0] - soft_cross_entropy(logits, target, torch.ones(4))).item() < 1e-6, sorted(inputs))
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "True ['input_ids', 'labels']", done.stderr


def test_rows_repeated_for_every_class_are_the_soft_loss() -> None:
    """What the page says of sample weights, on numbers: sum over rows and classes of -p log q."""
    probs, scores = np.array(PROBS), np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.2, 0.3, 0.5], [0.3, 0.6, 0.1]])
    row, label = np.nonzero(probs)
    repeated = -(probs[row, label] * np.log(scores[row, label])).sum()
    assert len(row) == 9 and repeated == pytest.approx(-(probs * np.log(scores)).sum())
