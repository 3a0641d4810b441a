"""What tests of mappers share: work that their workers can import, and what is left of processes and runs."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

WORK = '''
"""What workers run."""
import os, signal, time
from multiprocessing import get_context
from pathlib import Path

from workbench.tables import WorkbenchError


class Refused(WorkbenchError):
    def __init__(self, what, why):
        super().__init__(f"{what} is refused: {why}")


def square(item):
    return item * item


def process(item):
    return os.getpid()


def note(folder, item):
    """Note that an item is run; return how often it was."""
    with Path(folder, str(item)).open("a") as file:
        file.write(".")
    return Path(folder, str(item)).stat().st_size


def ends_its_process(folder, times, item):
    if note(folder, item) <= times and item == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def waits(folder, first, item):
    """All items from this one on wait until a file is there."""
    note(folder, item)
    while item >= first and not Path(folder, "go").exists():
        time.sleep(0.02)
    return item


def waits_for_others(folder, item):
    waits(folder, 0 if item == 0 else 1_000, item)
    return item


def raises(error, item):
    if item == 2:
        raise error
    return item


def refuses(item):
    raise Refused("this item", "it is odd")


def starts_a_child(item):
    child = get_context("fork").Process(target=os._exit, args=(item,))
    child.start()
    child.join()
    return child.exitcode


def leaves_a_child_and_dies(folder, item):
    if note(folder, item) == 1 and item == 1:
        if os.fork() == 0:
            time.sleep(600)
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def environment(item):
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
    return {name: os.environ.get(name) for name in names}, hash("refund")


def speaks(item):
    print(f"item {item}\\n", end="", flush=True)  # one write, for two processes may speak at once
    return item
'''


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """Return a folder of modules that this process and its workers find."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "items_work.py").write_text(WORK, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder
        sys.modules.pop("items_work", None)


@pytest.fixture
def work(modules):
    """Return the module of what workers run."""
    import items_work

    return items_work


@pytest.fixture(scope="session")
def wait_for() -> Callable[..., None]:
    """Return what waits for a condition, for a minute."""

    def wait(condition: Callable[[], object]) -> None:
        until = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < until, "waited in vain"
            time.sleep(0.05)

    return wait


@pytest.fixture
def started(tmp_path, monkeypatch) -> Callable[[], list[str]]:
    """Return what lists the processes that this test has started and that live."""
    monkeypatch.setenv("MARK", str(tmp_path))

    def living() -> list[str]:
        found = subprocess.run(["ps", "axeww", "-o", "args="], capture_output=True, text=True, check=True, env={}).stdout
        return [line for line in found.splitlines() if f"MARK={tmp_path} " in f"{line} "]

    return living


@pytest.fixture
def runs(tmp_path) -> Callable[[], dict[int, int]]:
    """Return what counts how often each item was run that noted it in this test's folder."""
    return lambda: {int(path.name): path.stat().st_size for path in tmp_path.iterdir() if path.name.isdecimal()}


@pytest.fixture(scope="session")
def spark_is_there() -> None:
    """Skip without Spark or Java."""
    pytest.importorskip("pyspark.sql")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17")
