"""The appendix of a report: what was run, with which settings and functions, and the checksums of what it left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any, Final

import pandas as pd

from workbench.export import FORMATS, Filters
from workbench.io.files import sha256
from workbench.label_models import LABEL_MODELS
from workbench.project.label_model import chosen_in
from workbench.project.reference import promoted
from workbench.project.runs import Run
from workbench.project.task import Task
from workbench.report.facts import Appendix, FunctionLine, Share
from workbench.tables import Dataset

_FILES: Final = ("*.json", "*.parquet", "*.safetensors", "answers/*.parquet", "end_model/*", "export/*")


def appendix(task: Task, run: Run, dataset: Dataset, audited: Sequence[Mapping[str, Any]]) -> Appendix:
    """Return what an engineer audits; audited: functions on rows that people judged, as `audit_report` describes them."""
    about = run.about
    was = [line for line in promoted(task) if line["run"] == run.id]
    facts = {
        "run": run.id,
        "finished": about["finished"],
        "ended at": about["until"],
        "reference since": was[-1]["since"] if was else "never",
        "rows": f"{about['rows']:,}",
        "data fingerprint": about["data"],
        "the rows now": "the same" if dataset.fingerprint == about["data"] else f"others: {dataset.fingerprint}",
        "votes fingerprint": about.get("votes", "not kept"),
        "label model": chosen_in(run),
        **{f"version of {name}": version for name, version in about.get("versions", {}).items()},
    }
    files = sorted({path for pattern in _FILES for path in run.folder.glob(pattern) if path.is_file()})
    return Appendix(
        facts=tuple((name, str(value)) for name, value in facts.items()),
        settings=tuple(not_default(about["settings"], chosen_in(run))),
        functions=tuple(_functions(run, audited)),
        checksums=tuple((path.relative_to(run.folder).as_posix(), sha256(path)) for path in files),
        notes=tuple(about.get("notes", ())),
    )


def not_default(settings: Mapping[str, Mapping[str, Any]], label_model: str) -> list[tuple[str, str]]:
    """Return the settings of a run that are other than what constructors have, by dotted name."""
    from workbench.end_model import EndModel

    kinds: dict[str, type] = {"end_model": EndModel, "label_model": LABEL_MODELS[label_model], "export": Filters}
    lines = []
    for table, given in settings.items():
        defaults: dict[str, Any] = {"model": "generative", "enabled": True, "formats": FORMATS}
        if table in kinds:
            defaults |= {name: one.default for name, one in signature(kinds[table]).parameters.items()}
        for name, value in given.items():
            default = defaults.get(name)
            if value != (list(default) if isinstance(default, tuple) else default):
                lines.append((f"{table}.{name}", str(value)))
    return lines


def _functions(run: Run, audited: Sequence[Mapping[str, Any]]) -> list[FunctionLine]:
    if not (run.folder / "diagnosis.json").exists():
        return []
    learned = run.label_model().get("accuracy", {}) if (run.folder / "label_model.json").exists() else {}
    judged = {line["name"]: line for line in audited if line["n"]}
    lines = []
    for one in run.diagnosis()["functions"]:
        name, known = one["lf"], learned.get(one["lf"])
        gold = Share(one["accuracy"], one["low"], one["high"], one["n_gold"]) if one.get("n_gold") else None
        line = judged.get(name)  # whose estimate is of wrong votes
        people = None if line is None else Share(1 - line["estimate"], 1 - line["high"], 1 - line["low"], line["n"])
        figures = one["n_votes"], one["coverage"], one["conflict"]
        lines.append(FunctionLine(name, *figures, None if known is None or pd.isna(known) else float(known), gold, people))
    return lines
