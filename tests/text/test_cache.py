"""The store of costly results: what a second process, a crash and a bad disk do to it."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from workbench.tables import WorkbenchError
from workbench.text.cache import Store, cache_folder, text_key


def test_values_are_found_again_by_a_new_store_on_the_same_file(tmp_path: Path) -> None:
    Store(tmp_path / "s.sqlite", "a").put_many({"x": b"1", "y": b"\x00\xff", "z": b""})
    assert Store(tmp_path / "s.sqlite", "a").get_many(["x", "y", "z", "absent"]) == {"x": b"1", "y": b"\x00\xff", "z": b""}


def test_namespaces_do_not_see_each_other(tmp_path: Path) -> None:
    first, second = Store(tmp_path / "s.sqlite", "first"), Store(tmp_path / "s.sqlite", "second")
    first.put_many({"x": b"1"})
    second.put_many({"x": b"2"})
    assert (first.get_many(["x"]), second.get_many(["x"])) == ({"x": b"1"}, {"x": b"2"})


def test_a_second_put_replaces_the_value(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite")
    store.put_many({"x": b"old"})
    store.put_many({"x": b"new"})
    assert store.get_many(["x"]) == {"x": b"new"}


def test_more_keys_than_sqlite_takes_parameters(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite")
    items = {text_key(str(i)): str(i).encode() for i in range(40_000)}
    store.put_many(items)
    assert store.get_many(items) == items


@pytest.mark.parametrize(
    "damage",
    [b"this is no database" * 100, b"SQLite format 3\x00" + b"\xff" * 5000, b""],
    ids=["text", "header only", "nothing"],
)
def test_a_damaged_file_is_moved_aside_with_a_warning(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "s.sqlite"
    path.write_bytes(damage)
    store = Store(path)
    with pytest.warns(UserWarning, match="was damaged; it was moved to .*s.sqlite.corrupt"):
        assert store.get_many(["x"]) == {}
    assert (tmp_path / "s.sqlite.corrupt").read_bytes() == damage
    store.put_many({"x": b"1"})
    assert store.get_many(["x"]) == {"x": b"1"}


def test_a_page_damaged_in_the_middle_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    items = {text_key(str(i)): bytes(100) for i in range(500)}
    Store(path).put_many(items)
    content = bytearray(path.read_bytes())
    content[4096:-4096] = b"\xaa" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="was damaged"):
        Store(path).put_many(items)
    assert Store(path).get_many(items) == items


def test_a_value_with_a_flipped_bit_counts_as_absent(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    Store(path).put_many({"x": b"precious-value", "y": b"another-value"})
    path.write_bytes(path.read_bytes().replace(b"precious-value", b"precious-valuf"))
    assert Store(path).get_many(["x", "y"]) == {"y": b"another-value"}


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE entries SET value = CAST(value AS TEXT) WHERE key = 'x'",
        "UPDATE entries SET value = (SELECT value FROM entries WHERE key = 'y') WHERE key = 'x'",
        "UPDATE entries SET key = CAST(x'FF' AS TEXT) WHERE key = 'x'",
    ],
    ids=["of another kind", "of another key", "key that is no text"],
)
def test_a_value_damaged_beyond_its_bytes_counts_as_absent(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path / "s.sqlite")
    store.put_many({"x": b"precious-value", "y": b"another-value"})
    with closing(sqlite3.connect(store.path)) as db, db:
        db.execute(damage)
    if "value =" in damage:  # a checksum that fits the bytes, as where an index points to another's entry
        with closing(sqlite3.connect(store.path)) as db, db:
            db.execute("UPDATE entries SET crc = (SELECT crc FROM entries WHERE key = 'y') WHERE key = 'x'")
    assert store.get_many(["x", "y"]) == {"y": b"another-value"}
    assert store.get_all().get("y") == b"another-value"


def test_processes_writing_at_once_lose_nothing(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from workbench.text.cache import Store
for start in range(0, 100, 10):
    Store(Path("s.sqlite")).put_many({f"{sys.argv[1]}-{i}": b"v" for i in range(start, start + 10)})
"""
    workers = [subprocess.Popen([sys.executable, "-c", code, str(worker)], cwd=tmp_path) for worker in range(3)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert len(Store(tmp_path / "s.sqlite").get_many([f"{w}-{i}" for w in range(3) for i in range(100)])) == 300


@pytest.mark.filterwarnings("ignore:the cache")
def test_threads_that_notice_the_damage_at_once_lose_nothing_written_after_it(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    path.write_bytes(b"no database at all" * 500)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: Store(path).put_many({str(i): b"v"}), range(40)))
    assert len(Store(path).get_many(map(str, range(40)))) == 40


def test_a_folder_that_cannot_be_written_names_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WorkbenchError, match=r"see that there is room and that it can be written$"):
        Store(tmp_path / "file" / "s.sqlite").get_many(["x"])
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(WorkbenchError, match=r"or set WORKBENCH_CACHE to another folder$"):
        Store().get_many(["x"])


def test_the_default_place_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path and Store().path == tmp_path / "store.sqlite"
    monkeypatch.delenv("WORKBENCH_CACHE")
    assert cache_folder() == Path.home() / ".cache" / "workbench"


def test_what_is_dropped_by_the_beginning_of_its_key_is_gone_in_its_namespace_alone(tmp_path: Path) -> None:
    here, there = Store(tmp_path / "s.sqlite", "here"), Store(tmp_path / "s.sqlite", "there")
    for store in (here, there):
        store.put_many({"ab 1": b"1", "ab 2": b"2", "abc 1": b"3", "%b 1": b"4"})
    here.drop("ab ")
    here.drop("%")
    assert here.get_all() == {"abc 1": b"3"} and len(there.get_all()) == 4
