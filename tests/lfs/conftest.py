"""What tests of functions share."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from workbench.lfs.chunk import Chunk
from workbench.lfs.function import LabelingFunction


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what functions keep on disk in a folder of the test."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def votes_of() -> Callable[..., list[int]]:
    """Return a function that lets one labeling function vote on texts or columns, in a task of ham (0) and spam (1)."""

    def vote(function: LabelingFunction, texts: list[str] | None = None, **columns: list) -> list[int]:
        frame = pd.DataFrame({"text": texts, **columns} if texts is not None else columns)
        frame.index = pd.Index([f"r{i}" for i in range(len(frame))], dtype="str")
        text = ("text",) if texts is not None else ()
        votes, faults = function.bound(("ham", "spam"), text).votes(Chunk(frame, text, ("ham", "spam")))
        assert faults == []
        return votes.tolist()

    return vote


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes files into a folder and returns the folder: `write(functions="...", words="...")`."""

    def write_files(folder: str = "lfs", **files: str) -> Path:
        (tmp_path / folder).mkdir(exist_ok=True)
        for name, content in files.items():
            (tmp_path / folder / f"{name}.py").write_text(content, encoding="utf-8")
        return tmp_path / folder

    return write_files
