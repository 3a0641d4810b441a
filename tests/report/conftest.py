"""A report that a person can check by eye, and one in which nothing is known."""

from dataclasses import replace

import pytest

from workbench.report.facts import (
    Answering,
    Appendix,
    Audits,
    Change,
    Changes,
    Coverage,
    Drift,
    Example,
    FailureLine,
    Failures,
    FunctionLine,
    Gate,
    GateLine,
    Missing,
    OutcomeLine,
    Outcomes,
    Promise,
    Report,
    Share,
    Step,
    SuiteLine,
    Suites,
    Voted,
)


@pytest.fixture
def full():
    """Return a report with every part."""
    return Report(
        task="mail",
        label="20260309-100000-000",
        weekly=False,
        answering=Answering(
            "20260309-100000-000", "2026-03-09T10:00:00+00:00", True, ("ham", "spam"), "end model", "test", 1000,
            Share(0.04, 0.02, 0.08, 200), Promise(0.05, 0.95, 0.9, 0, "100 valid rows with gold", Share(0.01, 0.0, 0.03, 180)),
        ),
        now=None,
        changes=Changes(
            "20260302-100000-000", "2026-03-02T10:00:00+00:00", "the run before",
            (Change("end model", "test", 200, 0.9, 0.96, 0.02, 0.1),), {"added": 40}, {"new": ("says_free",)},
            (("end_model.risk", "0.1", "0.05"),), 12, 960, {"functions vote otherwise": 10}, (("ham", "spam", 12),),
            (Example("t-7", "win a free car", "was ham, now spam"),), ("End model on test: better.",),
        ),
        failures=Failures(
            960, "audit-1",
            (FailureLine("mail lost", "high", "desk", 0.01, 30, 0.02, 50, 0.04, 0.02, 0.09, "over"),
             FailureLine("late", "low", "desk", 0.1, 9, 0.001, 50, 0.0, 0.0, 0.05, "within")),
        ),
        coverage=Coverage(
            Voted("all rows", 0.8, 0.2, 1000), "of the valid rows with gold",
            (Voted("ham", 0.7, 0.1, 60), Voted("spam", 0.9, 0.3, 40)), (Voted("says_free", 0.25, 0.05, 1000),),
        ),
        suites=Suites(
            "test", "",
            (SuiteLine("typos", 200, Share(0.8, 0.74, 0.85, 200), 0.96, 0.03, 0.01, "Right on 80 %."),),
            (("names", "no name"),), (),
        ),
        gate=Gate(False, "20260302-100000-000", "2026-03-09T11:00:00+00:00",
                  (GateLine("accuracy", "passed", False, True, "fine"),
                   GateLine("coverage", "failed", True, True, "coverage fell to 0.8"),
                   GateLine("latency_ms", "not checked", False, False, "not measured"))),
        drift=Drift("2026-03-09T12:00:00+00:00", "20260309-100000-000", 300, 40, ("Conflict rose.",), (("wren", 9),),
                    (("2026-03-02", 0), ("2026-03-09", 1))),
        audits=Audits("audit-1", "20260309-100000-000", 60, 50, ("At most 6 % are wrong.",), ()),
        outcomes=Outcomes("2026-03-02T00:00:00+00:00", "2026-03-08T00:00:00+00:00", 500, 0.9,
                          "Logged rows were decided by run r1, answered above 0.600, a threshold given by hand (500 rows).",
                          Share(0.05, 0.01, 0.12, 60),
                          (OutcomeLine("reopened", True, (0.1, 0.08, 0.12, 450), (0.2, 0.1, 0.3, 50), True),
                           OutcomeLine("csat", False, (4.0, 3.9, 4.1, 200), None, False)), ("reopened: less.",)),
        steps=(Step("Write a rule", 21.4, "would be answered right", "It covers a gap.", "workbench gaps data/mail"),
               Step("Look into drift", None, "nobody knows", "Conflict rose.", "workbench monitor data/mail --history")),
        appendix=Appendix((("data fingerprint", "f" * 64),), (("end_model.risk", "0.05"),),
                          (FunctionLine("says_free", 250, 0.25, 0.05, 0.9, Share(0.9, 0.8, 0.95, 30), None),),
                          (("votes.parquet", "a" * 64),), ("one note",)),
        masked={"e-mail": 2},
        version="0.1.0",
    )  # fmt: skip


@pytest.fixture
def empty(full):
    """Return a report in which no part but the answers is filled."""
    parts = ("changes", "failures", "coverage", "suites", "gate", "drift", "audits", "outcomes")
    missing = {name: Missing(f"Nothing is known of {name}:", f"workbench {name} data/mail") for name in parts}
    unknown = replace(
        full.answering, wrong=Missing("No gold:", "workbench check"), promise=Missing("No promise:", "workbench train")
    )
    return replace(full, answering=unknown, steps=(), appendix=Appendix((), (), (), (), ()), masked=None, **missing)
