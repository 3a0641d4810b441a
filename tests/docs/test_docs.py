"""What is documented is executed: every fenced block of README.md and docs/, in order, in an empty folder.

A block with `title=PATH` is written to PATH (`append` adds to it). Other `bash` and `python` blocks run, each in a process of
its own, and must succeed; a `text` block right behind one is its output: words and whole numbers as they stand, fractions
within 2 %, on EXACT pages to the last digit, `...` for anything. A block of `make` commands must name targets of the Makefile.
A block under the comment `<!-- not run: why -->` is left alone, and stands in NOT_RUN.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from workbench.cli import COMMANDS

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [page for page in [README, *sorted((ROOT / "docs").rglob("*.md"))] if page.exists()]
CHECKOUT = ("README.md", "train-elsewhere.md", "writing-functions.md")  # pages whose blocks are typed in a checkout
EXACT = ("writing-functions.md",)  # pages that show counts of votes, the same on every machine
RUN = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
NOT_RUN = {
    "first-task.md": ["workbench app data/tenants\n"],
    "train-elsewhere.md": ["pip install transformers accelerate\npython train_transformers.py path/to/model\n"],
}
FENCE = re.compile(
    r"^(?:<!-- not run: (?P<why>[^\n]+) -->\n+)?```(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


class Block(NamedTuple):
    line: int
    kind: str
    title: str | None
    append: bool
    why_not: str | None
    body: str


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        kind, *words = found["info"].split() or [""]
        title = next((word.removeprefix("title=") for word in words if word.startswith("title=")), None)
        line = text.count("\n", 0, found.start()) + 1
        yield Block(line, kind, title, "append" in words, found["why"], found["body"])


def run(block: Block, folder: Path) -> str:
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "OMP_NUM_THREADS": "1",
        "NO_COLOR": "1",
        "WORKBENCH_CACHE": str(folder / ".cache"),
    }
    done = subprocess.run(
        [*RUN[block.kind], block.body],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if block.kind == "bash" else subprocess.PIPE,  # notes belong to what a command says
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"line {block.line} ended with {done.returncode}:\n{done.stdout}{done.stderr or ''}"
    return re.sub(r"(?m)^[.]{3} .*\n", "", done.stdout)  # how far a slow machine is


def made_targets(body: str) -> list[str]:
    """Return the targets of a block that holds `make` commands and nothing else."""
    lines = [line for line in body.splitlines() if line.strip()]
    return [line.split()[1] for line in lines] if all(line.startswith("make ") for line in lines) else []


def words_of(text: str) -> str:
    return " ".join(re.sub(r"[─\s]+", " ", text).split())


def differs(shown: str, output: str, slack: float = 0.02) -> str | None:
    """Say how the output differs from what a page shows, or None; fractions may differ by the slack, a share of the number."""
    pieces = [NUMBER.split(piece) for piece in words_of(shown).split("...")]
    pattern = ".*?".join("([0-9][0-9,]*(?:[.][0-9]+)?)".join(map(re.escape, words)) for words in pieces)
    found = re.fullmatch(pattern, words_of(output))
    if found is None:
        return f"the page shows\n{shown}\nthe output is\n{output}"
    for wanted, number in zip(NUMBER.findall(words_of(shown)), found.groups(), strict=True):
        a, b = (float(digits.replace(",", "")) for digits in (wanted, number))
        if abs(a - b) > (slack * max(1, a) if "." in wanted else 0):
            return f"the page shows {wanted} where the output has {number}:\n{output}"
    return None


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    if page.name in CHECKOUT:
        for folder in ("data/tickets", "labeling_functions/tickets"):
            shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("runs", "cache", "__pycache__"))
    slack = 0 if page.name in EXACT else 0.02
    output: str | None = None
    for block in blocks_of(page):
        if block.why_not:
            output = None
        elif block.title:
            target = tmp_path / block.title
            assert target.resolve().is_relative_to(tmp_path)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("a" if block.append else "w", encoding="utf-8") as file:
                file.write(block.body)
            output = None
        elif targets := made_targets(block.body):
            known = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
            assert [target for target in targets if target not in known] == []
        elif block.kind in RUN:
            output = run(block, tmp_path)
        elif block.kind == "text" and output is not None:
            assert (wrong := differs(block.body, output, slack)) is None, f"{page.name}, line {block.line}: {wrong}"
            output = None


def test_only_listed_blocks_are_not_run() -> None:
    spared = {page.name: [block.body for block in blocks_of(page) if block.why_not] for page in PAGES}
    assert {page: bodies for page, bodies in spared.items() if bodies} == NOT_RUN


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_a_page_exists(page: Path) -> None:
    named = set(re.findall(r"(?:^|`)workbench ([a-z]+)\b", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert sorted(named - set(COMMANDS)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_a_page_links_to_exists(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.skipif(not README.exists(), reason="there is no README.md yet")
@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_stands_in_the_readme(command: str) -> None:
    assert re.search(rf"(workbench |`){command}\b", README.read_text(encoding="utf-8"))


def test_the_comparison_sees_a_wrong_word_and_a_wrong_number() -> None:
    assert differs("n = 12, run ...: .814", "n = 12, run x7: .814") is None
    assert differs("n = 12", "m = 12") is not None
    assert differs("n = 100", "n = 101") is not None
    assert differs("ECE .075, 0.410", "ECE .075, 0.405") is None
    assert differs("0.41", "0.45") is not None
    assert differs("0.41", "0.42") is None and differs("0.41", "0.42", slack=0) is not None
    assert differs("only this", "only this and more") is not None
