"""How the app is started: reachable from this machine alone, and silent."""

import sys
import tomllib
from pathlib import Path

import pytest

from workbench.tables import WorkbenchError
from workbench.ui import launch
from workbench.ui.wording import ago, interval, percent, plain

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_names_the_folder_of_tasks_and_the_task(toy):
    command = launch.command(toy, 8600)
    assert command[:4] == [sys.executable, "-m", "streamlit", "run"] and Path(command[4]).name == "app.py"
    assert command[command.index("--") + 1 :] == [str(toy.parent), "toy"]
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
    as_flags = {key: tuple(value) if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else value
                for key, value in flat.items()}  # fmt: skip
    assert as_flags == expected


def test_the_files_the_app_is_made_of_are_there():
    for file in (launch.ICON, launch.HERE / "theme.toml", launch.HERE / "style.css", launch.HERE / "app.py"):
        assert file.is_file()


@pytest.mark.parametrize(
    "text",
    [
        "![x](http://example.org/x.png)",
        "**bold** _it_ ` <b>",
        "$x^2$ :red[a] | ~~b~~",
        "1. a\\b # c",
        "``a`![x](u)`",
        "`![x]\n\n(u)`",
    ],
    ids=["image", "emphasis", "mathematics and colours", "list and heading", "two backticks", "a break inside backticks"],
)
def test_foreign_text_is_no_markup(text):
    escaped = plain(text)
    assert escaped.replace("\\", "") == text.replace("\\", "")
    assert all(escaped[place - 1] == "\\" for place, sign in enumerate(escaped) if sign in "![]()*_`<>$^:|~.#")


def test_a_command_in_a_message_stays_code():
    assert plain("run `workbench run a_b` *now*") == r"run `workbench run a_b` \*now\*"


def test_figures_are_written_one_way():
    assert (percent(0.7345), percent(None), interval(0.341, 1.0), interval(0.678, 0.8415, 1)) == (
        "73.5%",
        "",
        "34–100%",
        "67.8–84.2%",
    )
    assert ago("2020-01-01T00:00:00+00:00").endswith("days ago")
