"""No file is ever unpickled, nor run as code but the labeling functions of a task; the source itself is read."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: Libraries that read pickles or run what they read, and where they may be named: between our own processes, over pipes.
PICKLES = {
    "pickle": {
        "engines/worker.py",
        "engines/outcome.py",
        "engines/processes.py",
        "engines/kept.py",
        "lfs/ship.py",
        "end_model/checkpoint.py",  # an error's name alone
    },
    "cloudpickle": {"engines/outcome.py", "lfs/ship.py"},
    **{key: set() for key in ("joblib", "dill", "shelve", "marshal", "_pickle", "jsonpickle", "yaml", "code", "codeop")},
}
#: Calls, and a setting without which they are refused.
NEEDED = {"torch.load": ("weights_only", True), "skops.io.load": ("trusted", None)}
NEVER = ("read_pickle", "pickle.load", "pickle.Unpickler", "cloudpickle.load", "torch.jit.load", "torch.hub.load")
CODE = {"exec": {"lfs/load.py"}, "eval": set(), "compile": {"lfs/load.py"}, "__import__": set()}


def found_in(source):
    """Yield what a file does that may run what it reads: (what, name)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (("import", alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield "import", node.module.partition(".")[0]
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            given = {one.arg: getattr(one.value, "value", None) for one in node.keywords}
            if name in CODE:
                yield "code", name
            if (
                name.endswith(NEVER)
                or given.get("allow_pickle")
                or given.get("trust_remote_code")
                or given.get("persist") == "disk"
            ):
                yield "never", name
            setting, value = NEEDED.get(name, (None, None))
            if setting is not None and (setting not in given or given[setting] != value):
                yield "never", f"{name} without {setting}"


FILES = [*sorted((ROOT / "workbench").rglob("*.py")), ROOT / "app.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_unpickled_or_run(path):
    name = path.relative_to(ROOT).as_posix().removeprefix("workbench/")
    allowed = {("import", one) for one, files in PICKLES.items() if name in files}
    allowed |= {("code", one) for one, files in CODE.items() if name in files}
    odd = {one for one in found_in(path.read_text(encoding="utf-8")) if one[0] != "import" or one[1] in PICKLES}
    assert odd - allowed == set()


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.load(file)",
        "import pandas as pd\npd.read_pickle(path)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "skops.io.load(path)",
        "st.cache_data(persist='disk')",
    ],
)
def test_this_test_sees(source):
    assert any(what == "never" for what, _ in found_in(source))
