"""A long command whose output goes to a file says now and then how far it is."""

import pytest

from workbench.cli import show


def test_a_log_hears_of_what_takes_long(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    monkeypatch.setattr(show, "monotonic", lambda: now)
    with show.report_progress() as report:
        for done in range(5):
            report("apply", done, 5, f"{done} of 5 partitions")
            now += 20
        report("fit", 0, 0, "")
    assert capsys.readouterr().err == "... apply 2 of 5: 2 of 5 partitions\n... apply 4 of 5: 4 of 5 partitions\n"
