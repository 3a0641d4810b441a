"""Forks a process with everything imported for each task it is sent, so that a kill falls into work and not into imports.

`python warm.py`: reads lines of JSON {"arguments": of `workbench`, "out": file for what it prints}, answers each with the
process id and, when that process ended, its exit code. `["decide", task, file, n]` stores n decisions and writes each id to
the file once it is acknowledged.
"""

import json
import os
import pkgutil
import sys
import traceback
from importlib import import_module
from pathlib import Path

import workbench.cli
import workbench.engines
import workbench.project
from workbench.cli import main

OURS = ("workbench", "torch", "scipy", "sklearn", "pandas", "pyarrow", "sqlalchemy", "fsspec", "numpy", "safetensors")


def decide(folder, acknowledged, n):
    """Store one decision after the other; an id stands in the file only after the record has said that it is stored."""
    from workbench.project.reviewing import open_record
    from workbench.project.task import load_task
    from workbench.review.decision import Decision

    record = open_record(load_task(Path(folder)))
    handle = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for i in range(int(n)):
        record.decide([Decision(f"{i % 120:03d}", "label", "ann", "bug", id=f"ann-{i}")])
        os.write(handle, f"ann-{i}\n".encode())


def work(arguments, out):
    """Run a command as its own process would, in a group of its own."""
    os.setsid()
    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    code = 1
    try:
        if arguments[0] == "decide":
            decide(*arguments[1:])
        else:
            main(arguments, standalone_mode=False)
        code = 0
    except BaseException:  # noqa: BLE001  # as the interpreter does
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(code)


def import_what(arguments, out):
    """Import what a command imports, which a child finds out: a thread that it starts would not outlive a fork."""
    if os.fork() == 0:
        main(arguments, standalone_mode=False)
        Path(out).write_text("\n".join(sys.modules), encoding="utf-8")
        sys.stdout.flush()
        os._exit(0)
    os.wait()
    for package in (workbench.project, workbench.engines, workbench.cli):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.rpartition(".")[2] not in ("__main__", "dask", "spark"):
                import_module(found.name)
    for name in Path(out).read_text(encoding="utf-8").split("\n"):
        if name.partition(".")[0] in (
            "workbench",
            "torch",
            "scipy",
            "sklearn",
            "pandas",
            "pyarrow",
            "sqlalchemy",
            "fsspec",
            "numpy",
        ):
            try:
                import_module(name)
            except (ImportError, AttributeError):
                continue  # a name that a module gave itself


if __name__ == "__main__":
    talk, sys.stdout = os.fdopen(os.dup(1), "w"), sys.stderr
    import_what(*json.loads(sys.stdin.readline()))
    print("ready", file=talk, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            work(**asked)
        print(child, file=talk, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=talk, flush=True)
