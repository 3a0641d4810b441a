"""Switching functions off and on: task.toml says so, nothing is deleted, and what is off has no vote."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from workbench.cli import main
from workbench.project.runs import find_run
from workbench.project.steps.check import check
from workbench.project.steps.run import run
from workbench.project.switches import switch
from workbench.project.task import load_task
from workbench.tables import WorkbenchError


def toml(task):
    return (task / "task.toml").read_text("utf-8")


def names(task):
    return [function.name for function in load_task(task).functions()]


def test_a_function_that_is_off_has_no_vote_and_loses_nothing(tiny_task):
    before = run(load_task(tiny_task), until="diagnose")
    off = names(tiny_task)[0]
    task = switch(load_task(tiny_task), off=[off])
    assert task.disabled == (off,)
    done = run(task, until="diagnose")
    assert off in before.votes().lfs and off not in done.votes().lfs and off not in done.about["functions"]
    assert f"Switched off, so without a vote: '{off}'." in done.about["notes"]
    assert off not in check(task).functions.index and any("Switched off" in note for note in check(task).notes)
    again = run(switch(task, on=[off]), until="apply")
    assert off in again.votes().lfs and again.about["microseconds"] == {}, "its votes were kept"


def test_comments_and_order_of_the_file_stay(tiny_task):
    text = toml(tiny_task).replace("[data]", "# what they vote on\n[data]")
    (tiny_task / "task.toml").write_text(text, "utf-8")
    first, second = names(tiny_task)[:2]
    switch(load_task(tiny_task), off=[first])
    assert toml(tiny_task) == text.replace("# what they", f'disabled = ["{first}"]\n# what they')
    switch(load_task(tiny_task), off=[second], on=[first])
    assert f'disabled = ["{second}"]\n# what they' in toml(tiny_task)


def test_a_list_keeps_what_is_said_in_it_and_a_file_its_line_ends(tiny_task):
    first, second, third = names(tiny_task)[:3]
    said = f'disabled = [\n  "{first}",  # noisy\n  "{second}",\n]  # for now\n[data]'
    (tiny_task / "task.toml").write_text(toml(tiny_task).replace("[data]", said).replace("\n", "\r\n"), "utf-8", newline="")
    switch(load_task(tiny_task), off=[third], on=[second])
    expected = said.replace(second, third).replace("\n", "\r\n")
    assert expected in (tiny_task / "task.toml").read_bytes().decode()


def test_windows_line_ends_stay(tiny_task):
    (tiny_task / "task.toml").write_text(toml(tiny_task).replace("\n", "\r\n"), "utf-8", newline="")
    switch(load_task(tiny_task), off=names(tiny_task)[:1])
    written = (tiny_task / "task.toml").read_bytes().decode()
    assert "disabled" in written and "\n" not in written.replace("\r\n", "")


def test_switching_what_is_off_already_writes_nothing(tiny_task):
    name = names(tiny_task)[0]
    switch(load_task(tiny_task), off=[name])
    before = (tiny_task / "task.toml").stat().st_mtime_ns
    assert switch(load_task(tiny_task), off=[name, name]).disabled == (name,)
    assert (tiny_task / "task.toml").stat().st_mtime_ns == before


def test_an_unknown_name_lists_the_nearest(tiny_task):
    name, other = names(tiny_task)[:2]
    task = load_task(tiny_task)
    with pytest.raises(WorkbenchError, match=f"has no labeling function '{name}x'; did you mean '{name}'"):
        switch(task, off=[f"{name}x"])
    with pytest.raises(WorkbenchError, match="is to be off and on; give it once"):
        switch(task, off=[other], on=[other])
    text = toml(tiny_task).replace("[data]", f'disabled = ["{name}x"]\n[data]')
    (tiny_task / "task.toml").write_text(text, "utf-8")
    with pytest.raises(WorkbenchError, match=f"names '{name}x', which is no function of the task; did you mean '{name}'"):
        load_task(tiny_task).functions()
    assert switch(load_task(tiny_task), on=[f"{name}x"]).disabled == (), "a name that is gone can be taken off the list"


def test_not_all_functions_can_be_off_in_a_run(tiny_task):
    task = switch(load_task(tiny_task), off=names(tiny_task))
    with pytest.raises(WorkbenchError, match="switches every function off"):
        task.functions()


def test_two_who_switch_at_once_both_get_their_way(tiny_task):
    some = names(tiny_task)[:4]
    code = "import sys; from workbench.project.switches import switch; from workbench.project.task import load_task; "
    code += f"switch(load_task({str(tiny_task)!r}), off=[sys.argv[1]])"
    task = switch(load_task(tiny_task))  # the functions are described once, before all want to read that
    others = [subprocess.Popen([sys.executable, "-c", code, name]) for name in some[1:3]]
    switch(task, off=some[:1])
    assert [other.wait() for other in others] == [0, 0]
    assert sorted(load_task(tiny_task).disabled) == sorted(some[:3])


def test_the_command_lists_and_switches(tiny_task):
    name = names(tiny_task)[0]
    run(load_task(tiny_task), until="fit")
    said = CliRunner().invoke(main, ["functions", str(tiny_task), "--disable", name])
    assert said.exit_code == 0 and f"1 function switched off since run {find_run(load_task(tiny_task)).id}" in said.output
    assert any(name in line and "switched off" in line for line in said.output.splitlines())
    assert load_task(tiny_task).disabled == (name,)
    assert CliRunner().invoke(main, ["functions", str(tiny_task), "--enable", name]).exit_code == 0
    assert load_task(tiny_task).disabled == ()


def test_a_function_votes_anew_when_it_is_tried_again(tiny_task):
    name, other = names(tiny_task)[:2]
    assert set(run(load_task(tiny_task), until="apply").about["microseconds"]) == set(names(tiny_task))
    again = run(load_task(tiny_task), until="apply", again=[name])
    assert set(again.about["microseconds"]) == {name} and again.about["microseconds"][name] > 0
    said = CliRunner().invoke(main, ["apply", str(tiny_task), "--again", other])
    assert said.exit_code == 0
    assert set(find_run(load_task(tiny_task)).about["microseconds"]) == {other}
    with pytest.raises(WorkbenchError, match=f"no labeling function '{name}x' to try again; did you mean '{name}'"):
        run(load_task(tiny_task), until="apply", again=[f"{name}x"])


def test_a_task_that_was_copied_without_its_functions_names_the_setting(tiny_task):
    moved = tiny_task.rename(tiny_task.parent.parent.parent / "moved")
    with pytest.raises(WorkbenchError, match=r"no folder .*tiny, which `functions` in .*moved.task\.toml names; write where"):
        load_task(moved).functions()
