"""How a gate looks in a terminal, and as the JUnit XML that CI servers read."""

from __future__ import annotations

import json
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree  # nosec B405  # writes, never reads

import click

from workbench.cli.show import notes, show_table
from workbench.io.files import write_text

if TYPE_CHECKING:
    from workbench.project.task import Task

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # no XML 1.0 document may hold them


def run_gate(task: Task, run_id: str | None, against: str | None, junit: Path | None, as_json: bool) -> bool:
    """Hold a run against limits and reference, show what came out, and return whether it passed."""
    from workbench.project.steps.gate import pass_gate

    with redirect_stdout(sys.stderr):
        found = pass_gate(task, run_id, against)
    if junit is not None:
        write_text(junit, junit_xml(task.name, found))
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        gate_report(found)
    return bool(found["passed"])


def gate_report(found: dict[str, Any]) -> None:
    """Print one line a check, what failed or could not be checked in sentences, and the verdict."""
    from workbench.project.gate_in_words import checks_table, counts_in_words

    notes(found["notes"])
    against = f"held against run {found['against']}" if found["against"] else "held against its limits"
    table = checks_table(found)
    show_table(f"run {found['run']}, {found['split']} split, {against}", tuple(table.columns), table.to_numpy().tolist())
    for one in found["checks"]:
        if one["primary"] or one["passed"] is not True or (one["kind"] == "absolute" and one["beyond"]):
            click.echo(one["said"])
    click.echo(f"gate {'passed' if found['passed'] else 'FAILED'}: {counts_in_words(found)}")


def junit_xml(task: str, found: dict[str, Any]) -> str:
    """Return a gate as JUnit XML: a test case a check, a failure where it fails, skipped where there are no data.

    It is valid by the schema of Jenkins and by that of Ant, which allows fewer attributes and wants more.
    """
    from workbench.project.gate_in_words import fails

    checks = found["checks"]
    failed = [fails(one) for one in checks]
    skipped = [one["passed"] is None and not one["required"] for one in checks]
    counts = {"tests": len(checks), "failures": sum(failed), "errors": 0, "skipped": sum(skipped), "time": 0, "id": 0}
    named = {"name": f"gate of {task}", "package": "workbench", "hostname": "localhost"}
    when = found["finished"].removesuffix("+00:00")  # a schema has it without a zone
    root = ElementTree.Element("testsuites")
    suite = _add(root, "testsuite", **named, **counts, timestamp=when)
    about = _add(suite, "properties")
    for key in ("run", "against", "split", "alpha"):
        _add(about, "property", name=key, value=found[key])
    for one, is_failed, is_skipped in zip(checks, failed, skipped, strict=True):
        kind = "the reference" if one["kind"] == "against" else "its limit"
        case = _add(suite, "testcase", name=f"{one['name']} against {kind}", classname=f"gate.{task}", time=0)
        if is_failed:
            _add(case, "failure", message=one["said"], type="limit").text = _xml(one["said"])
        elif is_skipped:
            _add(case, "skipped", message=one["said"])
    _add(suite, "system-out").text = _xml("\n".join([*found["notes"], *(one["said"] for one in checks)]))
    _add(suite, "system-err")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add(parent: ElementTree.Element, tag: str, **attributes: Any) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, {name: _xml(str(value)) for name, value in attributes.items()})


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
