"""What a check tells beside problems: time to load, gold that is missing, and columns that functions do not see."""

import re

from workbench.project.steps import check as step
from workbench.project.task import load_task


def check_with(task, function=""):
    with (load_task(task).functions_folder / "functions.py").open("a", encoding="utf-8") as file:
        file.write(function)
    return step.check(load_task(task))


def test_functions_that_load_slowly_are_noted(tiny_task, monkeypatch):
    monkeypatch.setattr(step, "_SLOW", 0)
    wanted = re.compile(r"the functions took \d\.\d s to load, .* under `if __name__ == ")
    assert any(map(wanted.match, check_with(tiny_task).notes))


def test_rows_that_scores_leave_out_are_counted(tiny_task):
    file = tiny_task / "rows.csv"
    file.write_text(file.read_text("utf-8").replace(",bug,valid", ",,valid", 1), "utf-8")
    assert "14 of 15 valid rows have gold; scores on valid leave the others out" in check_with(tiny_task).notes


def test_a_function_that_asks_for_gold_is_told_that_it_is_hidden(tiny_task):
    found = check_with(tiny_task, "\n@labeling_function()\ndef peeks(row):\n    return row.label\n")
    assert found.problems[0].endswith("the file has 'label', which functions are not shown on purpose")
