"""Looks for bytes that break a reader, guided by the code they reach (atheris, over libFuzzer).

    pip install atheris
    python tests/robustness/fuzz.py TARGET -max_total_time=60

TARGET is a reader: whole.csv, whole.jsonl, pieces.csv, pieces.jsonl, crowd.csv, decisions.csv, decisions.jsonl, log.jsonl,
task.toml, rules.toml, failures.toml, stress.toml, run.json. It ends at the first input that gives neither rows nor one sentence
that names the file, and writes it to crash-*; what follows TARGET goes to libFuzzer. It begins from files that are right.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["workbench"]):
    from test_bad_readers import READERS as ROWS
    from test_bad_settings import BUNDLED
    from test_bad_settings import READERS as SETTINGS

    from workbench.project.runs import _opened
    from workbench.tables import WorkbenchError

RIGHT = {
    "csv": b'row,text,id,label,reviewer,worker,item\n1,"a, b",1,bug,ann,w,1\n2,\xc3\xa4,2,,ann,w,2\n',
    "jsonl": b'{"row": "1", "id": "1", "text": "a", "label": "bug", "reviewer": "ann", "time": "2026-11-22T10:00:00+00:00", '
    b'"model": "m", "decision": "answer", "confidence": 0.9}\n',
    "json": b'{"format": 1, "until": "fit", "settings": {}, "finished": "2026-11-22", "rows": 3, "stopped": {}}',
}


def main() -> None:
    """Fuzz the reader that the command line names."""
    target = sys.argv.pop(1)
    name, ending = target.rsplit(".", 1)
    folder, corpus = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
    path = folder / (target if ending in ("toml", "json") else f"rows.{ending}")
    if ending == "toml":
        for file in SETTINGS:
            shutil.copy(BUNDLED / file, folder)
    (corpus / "right").write_bytes(path.read_bytes() if path.exists() else RIGHT[ending])

    def read() -> object:
        if ending == "toml":
            return SETTINGS[target](folder)
        return _opened.__wrapped__(folder, (0, 0)) if ending == "json" else ROWS[name](path)

    def once(content: bytes) -> None:
        path.write_bytes(content)
        try:
            read()
        except WorkbenchError as error:
            if path.name not in str(error):
                raise

    atheris.Setup([*sys.argv, str(corpus)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
