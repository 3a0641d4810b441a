"""Mappers: the processes they start themselves, and what is said where a cluster, a package or a setting is missing."""

import os
import shutil
import subprocess
import sys
from functools import partial

import pytest

from workbench.engines import Dask, Pool, Spark
from workbench.tables import WorkbenchError

ONE_THREAD = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1")
SLOW = pytest.mark.slow


@pytest.fixture(params=["pool", pytest.param("dask", marks=SLOW), pytest.param("spark", marks=SLOW)])
def own(request):
    """Return a mapper that starts its own processes."""
    if request.param == "dask":
        pytest.importorskip("distributed")
        return Dask(workers=2)
    if request.param == "spark":
        request.getfixturevalue("spark_is_there")
        return Spark(workers=2)
    return Pool(workers=2)


def test_own_processes_have_one_thread_one_order_of_sets_and_an_end(own, work, started, wait_for, tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    seed = {**os.environ, "PYTHONHASHSEED": "0"}
    same = subprocess.check_output([sys.executable, "-c", "print(hash('refund'))"], env=seed, text=True)
    assert dict(own(work.environment, [0])) == {0: (ONE_THREAD, int(same))}
    wait_for(lambda: not started())
    found = own(partial(work.waits, tmp_path, 1), range(4))
    assert next(found) == (0, 0) and started()
    found.close()
    wait_for(lambda: not started())


@pytest.mark.parametrize("name", ["Pool", pytest.param("Dask", marks=SLOW)])
def test_a_script_without_a_guard_may_map_and_its_output_is_its_own(name, modules, tmp_path):
    script = f"""
import sys
from workbench.engines import {name}
sys.path.insert(0, {str(modules)!r})
from items_work import speaks
print(sorted({name}(workers=2)(speaks, [5, 6])))
"""
    (tmp_path / "script.py").write_text(script, "utf-8")
    done = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, check=True)
    assert done.stdout == "[(0, 5), (1, 6)]\n" and sorted(done.stderr.splitlines()) == ["item 5", "item 6"]


def test_a_process_that_died_is_noticed_while_its_child_lives(work, runs, started, wait_for, tmp_path):
    assert len(list(Pool(workers=1)(partial(work.leaves_a_child_and_dies, tmp_path), range(3)))) == 3
    assert runs() == {0: 1, 1: 2, 2: 1}
    wait_for(lambda: not started())


def test_no_process_outlives_a_killed_driver(started, wait_for):
    script = """
import time
from workbench.engines import Pool
found = Pool(workers=2)(time.sleep, [0, 600, 600])
print(next(found), flush=True)
next(found)
"""
    run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    run.stdout.readline()
    run.kill()
    run.communicate()
    wait_for(lambda: not started())


def test_no_retries_means_one_death(work, runs, tmp_path):
    with pytest.raises(WorkbenchError, match=r"^item 3 \(2\) ended its worker process once"):
        list(Pool(workers=2, retries=0)(partial(work.ends_its_process, tmp_path, 1_000), range(6)))
    assert runs()[2] == 1


@pytest.mark.parametrize("kind", [Pool, Dask, Spark], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"workers": 0}, "workers is 0; give a whole number from 1 on, or None for one a core"),
        ({"workers": "2"}, "workers is '2'; give a whole number"),
        ({"workers": True}, "workers is True; give a whole number"),
        ({"retries": -1}, "retries is -1; give a whole number from 0 on"),
        ({"retries": 1.5}, "retries is 1.5; give a whole number"),
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(kind, settings, error):
    with pytest.raises(WorkbenchError, match=error):
        kind(**settings)


@pytest.mark.parametrize("kind", [Dask, Spark], ids=lambda kind: kind.__name__)
def test_workers_of_a_cluster_that_has_its_own_are_refused(kind):
    with pytest.raises(WorkbenchError, match=r"^workers is 4, but .*there:1 has its own; leave one out$"):
        kind("there:1", workers=4)


@pytest.mark.parametrize(
    ("kind", "package", "error"),
    [
        (Dask, "distributed", r"^Dask is not installed; run pip install 'weak-supervision-workbench\[dask\]'"),
        (Spark, "pyspark", r"^Spark is not installed; run pip install 'weak-supervision-workbench\[spark\]', and have Java 17"),
    ],
    ids=["dask", "spark"],
)
def test_a_missing_package_names_its_extra(kind, package, error, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(WorkbenchError, match=error):
        list(kind()(str, [1]))


def test_names_of_mappers_are_light():
    code = "import sys, workbench.engines; print({'dask', 'distributed', 'pyspark'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@SLOW
@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:9", "no-such-host.invalid:8786", "spark://localhost:7077", "localhost"], ids=str
)
def test_an_address_where_no_scheduler_is_is_named(address):
    pytest.importorskip("distributed")
    with pytest.raises(
        WorkbenchError, match=rf"^no Dask scheduler answers at '{address}' \(.*\); start one with `dask scheduler`"
    ):
        list(Dask(address)(str, [1]))


@SLOW
def test_spark_without_java_says_what_it_needs(tmp_path):
    pytest.importorskip("pyspark")
    script = "from workbench.engines import Spark; list(Spark(workers=1)(str, [1]))"
    for name in ("bash", "dirname", "ps", "env"):
        (tmp_path / name).symlink_to(shutil.which(name))
    environment = {**os.environ, "PATH": str(tmp_path)}
    environment.pop("JAVA_HOME", None)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    last = done.stderr.splitlines()[-1]
    assert "Spark did not start" in last and "[spark]'" in last and "Java 17" in last
