"""The loop of production as typed in a terminal: review --from, outcomes."""

import json

import pytest
from click.testing import CliRunner

from workbench.cli import main


@pytest.fixture
def files(tiny_task, tmp_path):
    """Return the task, a log of three rows, the file they came from and their outcomes."""
    log, new, known = tmp_path / "log.jsonl", tmp_path / "new.csv", tmp_path / "known.csv"
    about = {"time": "2026-03-02T09:00:00+00:00", "model": "m1", "label": "bug"}
    rows = {"n1": ("needs review", 0.4), "n2": ("answer", 0.9), "n3": ("answer", 0.8)}
    lines = [{**about, "id": row, "decision": decision, "confidence": sure} for row, (decision, sure) in rows.items()]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    new.write_text("id,text,plan,tag\nn1,hello,free,\nn2,it crashes,pro,bug\nn3,bye,pro,\n")
    known.write_text("id,reopened,csat\nn1,true,2\nn2,false,5\nn3,false,4\n")
    return tiny_task, log, new, known


def typed(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_a_log_becomes_review_work(files):
    task, log, new, _ = files
    done = typed("review", task, "--from", log, "--rows", new, "--audit-answered", 1)
    assert done.exit_code == 0, done.output
    assert f"rows of {log}: 1 need review, 1 sent to people now, and 1 answered, drawn by chance" in done.stdout
    assert "taken into the task: 2; all that wait: workbench review" in done.stdout
    again = json.loads(typed("review", task, "--from", log, "--rows", new, "--json").stdout)
    assert again == {
        "deferred": 1, "asked": 0, "drawn": 0, "taken": 0, "left_out": {"waiting for review already": 1}, "notes": []
    }  # fmt: skip
    assert typed("review", task, "--decide", "n1=bug", "--reviewer", "ann").exit_code == 0
    assert "1 labelled by people already" in typed("review", task, "--from", log).stdout
    typed("apply", task)
    assert "taken in from production for people to label: 2" in typed("check", task).stderr
    released = typed("review", task, "--release").stdout
    assert released == "taken out of the task: 1 rows that a log brought and nobody decided on\n"


@pytest.mark.parametrize(
    "option", [("--rows", "x"), ("--limit", 3), ("--audit-answered", 3), ("--seed", 0)], ids=lambda pair: pair[0]
)
def test_options_of_a_log_need_one(files, option):
    done = typed("review", files[0], *option)
    assert (
        done.exit_code == 2
        and done.stderr == f"error: {option[0]} is about a log of `workbench predict`; name it with --from LOG\n"
    )


def test_outcomes_are_shown_with_intervals_and_said(files):
    task, log, _, known = files
    done = typed("outcomes", task, log, known)
    assert done.exit_code == 0, done.output
    assert "0.0% [0.0%, 65.8%]" in done.stdout and "4.50 [-1.85, 10.85]" in done.stdout
    assert "The end model answered 2 of 3 logged rows by itself (deflection 66.7%)." in done.stdout
    assert "reopened: 0.0% of 2 answered rows (95 %: 0.0% to 65.8%), 100.0% of 1 rows that needed review" in done.stdout
    assert "2026-W10" in typed("outcomes", task, log, known, "--by", "week").stdout
    document = json.loads(typed("outcomes", task, log, known, "--json").stdout)
    assert document["format"] == 1 and document["deflection"] == pytest.approx(2 / 3)


def test_a_mistake_is_one_line(files):
    task, _, new, known = files
    done = typed("outcomes", task, new, known)
    assert (
        done.exit_code == 2
        and done.stderr.startswith(f"error: {new}, line 1 is not valid JSON")
        and done.stderr.count("\n") == 1
    )
