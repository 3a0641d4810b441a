"""Passwords and keys never reach a run, a log, a report or a message."""

import pytest

from workbench.io.partitions import partitions
from workbench.io.urls import hidden
from workbench.project.reviewing import open_record
from workbench.project.steps.apply import applying
from workbench.project.steps.report import report
from workbench.project.steps.run import run
from workbench.project.task import load_task
from workbench.tables import WorkbenchError

SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"s3://key:{SECRET}@bucket/rows", "s3://***@bucket/rows"),
        (f"sftp://ann:{SECRET}@host:22/a", "sftp://***@host:22/a"),
        (f"https://host/a.parquet?sig={SECRET}&part=1", "https://host/a.parquet?sig=***&part=1"),
        (f"https://host/a?X-Amz-Credential={SECRET}&X-Amz-Signature={SECRET}", None),
        ("abfs://container@account.dfs.core.windows.net/rows", "abfs://container@account.dfs.core.windows.net/rows"),
        ("sftp://ann@host/rows", "sftp://ann@host/rows"),
        ("tcp://10.0.0.1:8786", "tcp://10.0.0.1:8786"),
    ],
    ids=["key", "password", "signature", "signed", "container", "name", "port"],
)
def test_an_address_is_said_without_its_secret(address, said):
    assert SECRET not in hidden(address) and said in (None, hidden(address))


@pytest.mark.parametrize(
    "change",
    [
        ('file = "rows.csv"', f'file = "s3://key:{SECRET}@bucket/rows"'),
        ("[data]", f'[apply]\nstore = "s3://key:{SECRET}@bucket/votes"\n[data]'),
        ("[data]", f'[apply]\nengine = "dask"\nscheduler = "tls://ann:{SECRET}@host:8786"\n[data]'),
    ],
    ids=["rows", "store", "scheduler"],
)
def test_a_task_holds_no_secret_that_a_run_would_keep(tiny_task, change):
    file = tiny_task / "task.toml"
    file.write_text(file.read_text().replace(*change))
    with pytest.raises(WorkbenchError, match=r"\*\*\*@.* would be written into every run; .* in the environment") as refused:
        load_task(tiny_task)
    assert SECRET not in str(refused.value)


def test_what_a_command_names_is_refused_too(tiny_task):
    for act in (
        lambda: applying(load_task(tiny_task), scheduler=f"tcp://ann:{SECRET}@host:1"),
        lambda: partitions(f"s3://key:{SECRET}@bucket/rows"),
    ):
        with pytest.raises(WorkbenchError, match=r"\*\*\*@") as refused:
            act()
        assert SECRET not in str(refused.value)


@pytest.mark.parametrize("url", ["postgresql://ann:{}@host/db", "nosuch://ann:{}@host/db"], ids=["no driver", "no kind"])
def test_the_password_of_the_record_is_not_said(tiny_task, url):
    file = tiny_task / "task.toml"
    file.write_text(file.read_text() + f'\n[review]\nurl = "{url.format(SECRET)}"\n')
    with pytest.raises(WorkbenchError) as refused:
        open_record(load_task(tiny_task)).decisions()
    assert SECRET not in str(refused.value) and "***" in str(refused.value)


def test_nothing_of_the_environment_is_kept_in_a_run_or_its_report(tiny_task, tmp_path, monkeypatch):
    monkeypatch.setenv("SERVICE_PASSWORD", SECRET)
    done = run(load_task(tiny_task), until="export")
    report(load_task(tiny_task), to=tmp_path / "report.html")
    files = [path for path in (*done.folder.rglob("*"), tmp_path / "report.html") if path.is_file()]
    assert len(files) > 5 and not any(SECRET.encode() in path.read_bytes() for path in files)
