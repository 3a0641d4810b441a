"""How the app is started: reachable from this machine alone, and silent."""

import sys
import tomllib
from pathlib import Path

import pytest

from workbench.project.steps import app as launch
from workbench.tables import WorkbenchError

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_names_the_folder_of_tasks_and_the_task(tiny_task):
    command = launch.command(tiny_task, 8600)
    assert command[:4] == [sys.executable, "-m", "workbench.ui", "run"] and Path(command[4]).name == "app.py"
    assert command[command.index("--") + 1 :] == [str(tiny_task.parent), "tiny"]
    assert "--server.port=8600" in command
    assert launch.command()[-1] == "data" and not any("server.port" in flag for flag in launch.command())


def test_a_folder_without_a_task_is_refused(tmp_path):
    with pytest.raises(WorkbenchError, match=r"is no task: there is no .*task\.toml"):
        launch.command(tmp_path)


def test_the_app_listens_on_this_machine_and_tells_nobody():
    flags = launch.command()
    for flag in ("server.address=127.0.0.1", "browser.gatherUsageStats=false", "client.toolbarMode=minimal"):
        assert f"--{flag}" in flags
    assert [flag for flag in flags if "allowedHosts" in flag] == [
        "--server.allowedHosts=localhost",
        "--server.allowedHosts=127.0.0.1",
    ]


def test_a_checkout_run_by_streamlit_itself_has_the_same_settings():
    given = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    flat = {f"{section}.{key}": value for section, table in given.items() for key, value in table.items()}
    assert (ROOT / flat.pop("theme.base")).resolve() == Path(launch.OPTIONS["theme.base"])
    expected = {key: value for key, value in launch.OPTIONS.items() if key != "theme.base"}
    as_flags = {key: tuple(value) if isinstance(value, list) else str(value).lower() if isinstance(value, bool | int) else value
                for key, value in flat.items()}  # fmt: skip
    assert as_flags == expected


def test_settings_of_the_current_folder_are_named_where_they_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert launch.others_settings() == []
    (tmp_path / ".streamlit").mkdir()
    file = tmp_path / ".streamlit" / "config.toml"
    file.write_text('[server]\nenableCORS = false\nsslCertFile = "a"\n[theme]\nfont = "serif"\n')
    assert launch.others_settings() == ["server.sslCertFile", "theme.font"]


def test_the_files_the_app_is_made_of_are_there():
    for file in (launch.PAGES / name for name in ("icon.svg", "theme.toml", "style.css", "app.py")):
        assert file.is_file()


def test_an_install_of_minutes_says_what_it_does():
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    pips = [place for place, line in enumerate(lines) if "pip install --quiet" in line]
    assert len(pips) == 2 and all("echo $(INSTALLING)" in lines[place - 1] for place in pips)
