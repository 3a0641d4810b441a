"""What every test may ask for."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that drive a browser: they take longest, and files run side by side should end together."""
    items.sort(key=lambda item: not item.path.stem.endswith("_in_browser"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of public data sets that stands beside the project; skip where it is missing."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the public data sets in {folder}")
    return folder


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what tests compute out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


BILLING = ["refund for invoice", "charged twice on invoice", "cancel my subscription and refund", "wrong amount on invoice"]
BUG = ["export crashes with error", "page shows error 500", "app crashes on start", "button does nothing, error in log"]


@pytest.fixture
def tiny_task(tmp_path: Path) -> Path:
    """Return the folder of the tiny task."""
    return write_tiny_task(tmp_path)


@pytest.fixture(scope="session")
def write_tiny() -> Callable[..., Path]:
    """Return what writes the tiny task, of any size, for fixtures of a whole module."""
    return write_tiny_task


def write_tiny_task(root: Path, rows: int = 120, train: int = 80, valid: int = 15) -> Path:
    """Write rows in two classes, two Python functions, three rules and an agent's tag, and return the task's folder."""
    folder, functions = root / "data" / "tiny", root / "labeling_functions" / "tiny"
    folder.mkdir(parents=True)
    functions.mkdir(parents=True)
    lines = ["id,text,plan,tag,label,split"]
    for i in range(rows):
        label, texts = (("billing", BILLING), ("bug", BUG))[i % 2]
        tag = "bug" if i % 5 == 0 else label  # the agent tags every fifth ticket as a bug
        split = "train" if i < train else "valid" if i < train + valid else "test"
        lines.append(f'{i:03d},"{texts[i // 2 % 4]} number {i}",{("free", "pro")[i // 3 % 2]},{tag},{label},{split}')
    folder.joinpath("rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    folder.joinpath("task.toml").write_text(TASK, encoding="utf-8")
    folder.joinpath("rules.toml").write_text(RULES, encoding="utf-8")
    functions.joinpath("functions.py").write_text(FUNCTIONS, encoding="utf-8")
    return folder


TASK = """
format = 1
name = "tiny"
labels = ["billing", "bug"]
functions = "../../labeling_functions/tiny"
[data]
file = "rows.csv"
id = "id"
text = ["text"]
gold = "label"
split = "split"
[label_model]
model = "generative"
[end_model]
features = ["tfidf"]
[slices]
pro = {column = "plan", equals = "pro"}
"""
RULES = """
format = 1
[[rule]]
name = "says_invoice"
kind = "keyword"
words = ["invoice", "subscription"]
label = "billing"
fires = ["my invoice is wrong"]
[[rule]]
name = "error_code"
kind = "regex"
pattern = 'error( \\d+)?'
label = "bug"
[[rule]]
name = "agent_tag"
kind = "column"
column = "tag"
"""
FUNCTIONS = '''
from workbench import ABSTAIN, labeling_function

BILLING, BUG = 0, 1


@labeling_function(fires=["please refund me"], abstains=["hello"])
def asks_refund(row):
    """Only billing customers ask for refunds."""
    return BILLING if "refund" in row.text else ABSTAIN


@labeling_function()
def crashes(row):
    """What crashes is a bug."""
    return BUG if "crashes" in row.text else ABSTAIN
'''
