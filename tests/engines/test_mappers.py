"""Mappers: one function over many items in other processes, with the same promises whoever runs them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Lock

import pytest

from workbench.engines import Dask, Pool, Spark
from workbench.tables import WorkbenchError

SLOW = pytest.mark.slow


def dask_cluster(folder: Path, path: Path, wait_for):
    """Start a scheduler and two workers, as a user does; return both processes and the address."""
    python = [sys.executable, "-m"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*sys.path, str(path)]),
        "DASK_DISTRIBUTED__WORKER__DAEMON": "False",
    }
    start = partial(subprocess.Popen, env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    options = ["--host=127.0.0.1", "--port=0", "--no-dashboard", "--dashboard-address=:0"]
    file = folder / "scheduler.json"
    scheduler = start([*python, "distributed.cli.dask_scheduler", *options, f"--scheduler-file={file}"])
    wait_for(file.exists)
    address = json.loads(file.read_text("utf-8"))["address"]
    options = ["--nworkers=2", "--nthreads=1", "--no-dashboard", f"--local-directory={folder}"]
    return [scheduler, start([*python, "distributed.cli.dask_worker", address, *options])], address


def end(processes) -> None:
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def cluster(modules, wait_for, tmp_path_factory):
    pytest.importorskip("distributed")
    processes, address = dask_cluster(tmp_path_factory.mktemp("dask"), modules, wait_for)
    yield address
    end(processes)


@pytest.fixture(scope="module")
def session(modules, spark_is_there):
    """Return a Spark session of the user's, and end it with its Java process."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        builder = SparkSession.builder.master("local[2]")
        for name, value in {"ui.enabled": "false", "log.level": "OFF", "executorEnv.PYTHONPATH": str(modules)}.items():
            builder = builder.config(f"spark.{name}", value)
        session = builder.getOrCreate()
    yield session
    session.stop()
    gateway = SparkContext._gateway
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()
    SparkContext._gateway = SparkContext._jvm = None


@pytest.fixture(
    params=[
        "pool",
        pytest.param("dask", marks=SLOW),
        pytest.param("dask by address", marks=SLOW),
        pytest.param("spark", marks=SLOW),
    ]
)
def mapper(request, modules):
    if request.param == "dask":
        pytest.importorskip("distributed")
        return Dask(workers=2)
    if request.param == "dask by address":
        return Dask(request.getfixturevalue("cluster"))
    if request.param == "spark":
        request.getfixturevalue("session")
        return Spark()
    return Pool(workers=2)


def test_every_item_comes_back_with_its_place(mapper, work):
    assert sorted(mapper(work.square, [3, 1, 4, 1, 5])) == [(0, 9), (1, 1), (2, 16), (3, 1), (4, 25)]
    assert list(mapper(work.square, [])) == []


def test_processes_are_kept_from_one_call_to_the_next(mapper, work):
    with mapper.kept() as kept:
        first = set(dict(kept(work.process, range(8))).values())
        assert dict(kept(work.square, [3])) == {0: 9}
        assert first & set(dict(kept(work.process, range(8))).values())
        found = kept(work.square, range(8))
        next(found)
        found.close()
        assert dict(kept(work.square, [3])) == {0: 9}


def test_functions_of_a_notebook_are_sent_by_value(mapper):
    base = 10
    assert dict(mapper(lambda item: base + item, range(3))) == {0: 10, 1: 11, 2: 12}


def test_an_item_whose_process_dies_is_run_again(mapper, work, runs, tmp_path):
    found = dict(mapper(partial(work.ends_its_process, tmp_path, 2), range(6)))
    assert found == {place: place for place in range(6)}
    assert runs()[2] == 3


def test_an_item_that_ends_its_process_every_time_is_named(mapper, work, runs, tmp_path):
    error = r"^item 3 \(2\) ended its worker process (\d) times, .* fewer workers, or raise `retries`$"
    with pytest.raises(WorkbenchError, match=error) as caught:
        list(mapper(partial(work.ends_its_process, tmp_path, 1_000), range(6)))
    assert f" {runs()[2]} times" in str(caught.value)
    others_cluster = isinstance(mapper, Dask) and mapper.scheduler is not None
    assert runs()[2] == (8 if others_cluster else 3)  # where allowed-failures is 3, twice


def test_what_the_work_refuses_is_raised_as_it_is(mapper, work):
    error = WorkbenchError("part 'a' has no column 'text'; known are 'id'")
    with pytest.raises(WorkbenchError, match=r"^part 'a' has no column 'text'; known are 'id'$"):
        list(mapper(partial(work.raises, error), range(4)))
    with pytest.raises(WorkbenchError, match=r"^this item is refused: it is odd$"):  # it cannot be pickled
        list(mapper(work.refuses, [1]))


@pytest.mark.parametrize("error", [KeyError("text"), SystemExit("text")], ids=["KeyError", "SystemExit"])
def test_any_other_error_names_item_type_and_message(mapper, work, error):
    with pytest.raises(WorkbenchError, match=rf"(?m)^item 3 \(2\) raised {type(error).__name__}: '?text'?$") as caught:
        list(mapper(partial(work.raises, error), range(4)))
    assert "items_work.py" in caught.value.__notes__[0]


def test_what_cannot_be_sent_either_way_is_named(mapper, work):
    with pytest.raises(WorkbenchError, match=r"lock.* cannot be sent to another process \(TypeError: .*\); use functions"):
        list(mapper(work.square, [Lock()]))
    with pytest.raises(WorkbenchError, match=r"^item 1 \(7\) raised TypeError: cannot pickle"):
        list(mapper(lambda _: Lock(), [7]))


def test_a_slow_item_holds_up_no_other(mapper, work, tmp_path):
    found = mapper(partial(work.waits_for_others, tmp_path), range(8))
    others = sorted(next(found)[0] for _ in range(7))
    (tmp_path / "go").touch()
    assert others == list(range(1, 8)) and list(found) == [(0, 0)]


class Asked(Sequence):
    """Items that know how far they were asked for."""

    most = -1

    def __len__(self):
        return 40

    def __getitem__(self, place):
        self.most = max(self.most, place)
        return place


def test_few_items_are_on_their_way_at_a_time(mapper, work):
    items = Asked()
    found = mapper(work.square, items)
    next(found)
    assert 2 <= items.most + 1 <= 8
    found.close()


def test_what_is_closed_early_leaves_the_rest_undone(mapper, work, runs, tmp_path):
    found = mapper(partial(work.waits, tmp_path, 1), range(20))
    assert next(found) == (0, 0)
    found.close()
    (tmp_path / "go").touch()
    assert len(list(mapper(work.square, range(4)))) == 4  # nothing of the first is before it
    assert len(runs()) <= 5


def test_the_work_may_start_processes(mapper, work):
    assert dict(mapper(work.starts_a_child, [3, 4])) == {0: 3, 1: 4}


@SLOW
def test_a_scheduler_that_goes_away_is_told(work, modules, wait_for, tmp_path):
    pytest.importorskip("distributed")
    processes, address = dask_cluster(tmp_path, modules, wait_for)
    try:
        found = Dask(address)(partial(work.waits, tmp_path, 1), range(4))
        assert next(found) == (0, 0)
        end(processes[:1])
        with pytest.raises(WorkbenchError, match=rf"{address} was lost, .* run again .* only what is missing is done"):
            next(found)
    finally:
        end(processes)


@SLOW
def test_a_session_that_is_there_stays(session, work):
    assert dict(Spark()(work.square, [2])) == {0: 4}
    assert session.range(3).count() == 3
