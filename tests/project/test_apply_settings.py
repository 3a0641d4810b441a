"""Settings of `[apply]`: what is out of range is one sentence that names file and key, before anything runs."""

import pytest

from workbench.project.steps.apply import apply
from workbench.project.steps.check import check
from workbench.project.task import load_task
from workbench.tables import WorkbenchError


def write(task_folder, lines):
    file = task_folder / "task.toml"
    file.write_text(file.read_text("utf-8").replace("[slices]", f"[apply]\n{lines}\n[slices]"), "utf-8")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("workers = 0", r"\[apply\]: workers is 0; give a whole number from 1 on"),
        ('workers = "two"', r"\[apply\]: workers is 'two'; give a whole number from 1 on"),
        ("workers = 2.5", r"\[apply\]: workers is 2.5; give a whole number from 1 on"),
        ("workers = true", r"\[apply\]: workers is True; give a whole number from 1 on"),
        ("seconds = 0", r"\[apply\]: seconds is 0; give a number above 0"),
        ("memory_mb = 1.5", r"memory_mb in .*task\.toml \[apply\] is 1.5; it must be a whole number"),
        ("chunk_rows = 0", r"\[apply\]: chunk_rows is 0; give a whole number from 1 on"),
        ("max_faults = 50", r"\[apply\]: max_faults is 50; give a share of the rows, from 0 to 1"),
        ('cache = "yes"', r"cache in .*task\.toml \[apply\] is 'yes'; it must be true or false"),
    ],
    ids=lambda text: text if "=" in text else "",
)
def test_a_check_refuses_a_setting_out_of_range(tiny_task, line, said):
    write(tiny_task, line)
    with pytest.raises(WorkbenchError, match=said) as caught:
        check(load_task(tiny_task))
    assert str(caught.value).count("task.toml") == 1 and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("risk = 5.0", r"task\.toml \[end_model\]: risk is 5.0; it is a share above 0 and below 1, such as 0.05"),
        ("second_look = 2.0", "second_look is 2.0; it is a share, 0 to 1"),
        ('features = ["tfdif"]', "feature 'tfdif' is unknown; did you mean 'tfidf'"),
        ('features = ["transformer:/nope"]', "/nope"),
    ],
    ids=["risk", "second look", "feature", "transformer"],
)
def test_a_check_refuses_a_setting_of_the_end_model_before_any_work(tiny_task, line, said):
    toml = tiny_task / "task.toml"
    kept = [other for other in toml.read_text().splitlines() if not other.startswith("features")]
    toml.write_text("\n".join(kept).replace("[end_model]", f"[end_model]\n{line}"))
    with pytest.raises(WorkbenchError, match=said):
        check(load_task(tiny_task))


def test_progress_names_the_function_at_work_and_its_speed(tiny_task):
    write(tiny_task, "cache = false\nchunk_rows = 100")
    task, told = load_task(tiny_task), []
    functions = task.functions()[:1]
    apply(task, functions, task.dataset()[0], lambda *place: told.append(place))
    assert [place[:3] for place in told] == [("apply", done, 120) for done in (0, 100, 100, 120)]
    name = functions[0].name
    assert told[0][3] == f"at work: {name}"
    assert told[1][3].startswith(f"{name}: ") and told[1][3].endswith(" s left")
    assert told[2][3].startswith(f"at work: {name}; {name}: ") and told[3][3].endswith(" rows/s, 0 s left")
