"""What a function returned, checked: votes, or faults that say why a vote is missing."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.io.names import did_you_mean, listed, shortened
from workbench.tables import ABSTAIN, WorkbenchError, describe_votes

Outputs = Sequence[Any] | NDArray[Any]

# What is a fault when a user's code raises it, `exit()` included; KeyboardInterrupt, which signals raise too, stops a run.
FAULTS: Final = (Exception, SystemExit)

_OURS: Final = str(Path(__file__).parents[1])
_MANY: Final = 2**15  # classes a vote can hold, where the labels are not known
_LONGEST: Final = 500  # characters of an error


class Fault(NamedTuple):
    """A vote that is missing because the function failed on the row at this position of the chunk."""

    position: int
    error: str
    traceback: str


def resolve_label(label: str | int, labels: Sequence[str] | None) -> int:
    """Return the class index of a name or index; an unknown one lists the known."""
    if isinstance(label, str):
        if labels is None:
            raise WorkbenchError(
                f"label {label!r} is a name, and which class it is is not known here: load the function with "
                "load_lfs(folder, labels=[...]), or give the class index"
            )
        if label not in labels:
            raise WorkbenchError(f"label {label!r} is not among the labels {listed(labels)}{did_you_mean(label, labels)}")
        return labels.index(label)
    if isinstance(label, (bool, np.bool_)) or not isinstance(label, (int, np.integer)):
        raise WorkbenchError(f"label {label!r} is neither a class name nor a class index")
    if not 0 <= label < (_MANY if labels is None else len(labels)):
        known = "class indexes from 0 on" if labels is None else f"0..{len(labels) - 1} ({listed(labels)})"
        raise WorkbenchError(f"label {label} is not a class; allowed are {known}")
    return int(label)


def validate_votes(
    outputs: Outputs, labels: Sequence[str] | None, allowed: Sequence[str | int] | None = None
) -> tuple[NDArray[np.int16], list[Fault]]:
    """Turn what a function returned into int16[n] votes; what is no vote becomes a fault that says why.

    A class index or a class name is a vote, -1 abstains. `None`, booleans, fractions and other values are faults. `allowed` are
    the classes the function says it can vote; names among them count only where the labels are known.
    """
    k = _MANY if labels is None else len(labels)
    by_name = labels is None and any(isinstance(label, str) for label in allowed or ())
    can = None if allowed is None or by_name else {resolve_label(label, labels) for label in allowed}
    whole = _whole_numbers(outputs, labels)
    if whole is None:
        checked = np.full(len(outputs), ABSTAIN, np.int16)
        doubtful: Sequence[int] = range(len(outputs))
    else:  # the usual case, checked without a Python loop
        good = (whole >= ABSTAIN) & (whole < k)
        if can is not None:
            good &= np.logical_or.reduce([whole == vote for vote in (ABSTAIN, *can)])
        checked = whole.astype(np.int16)
        checked[~good] = ABSTAIN
        doubtful = np.flatnonzero(~good).tolist()
    faults = []
    for position in doubtful:
        vote = _vote_of(outputs[position], labels, k, can)
        if isinstance(vote, int):
            checked[position] = vote
        else:
            faults.append(Fault(position, vote, ""))
    return checked, faults


def _whole_numbers(outputs: Outputs, labels: Sequence[str] | None) -> NDArray[Any] | None:
    """Return class indexes where all outputs are ints or names (an unknown one as no class), None where any is neither."""
    if isinstance(outputs, np.ndarray):
        if outputs.dtype.kind in "iu":
            return outputs
        outputs = outputs.tolist()
    kinds = set(map(type, outputs))  # exact types: a bool is an int too
    if not kinds <= {int, str}:
        return None
    if str in kinds:
        index = {label: i for i, label in enumerate(labels or ())}
        outputs = [index.get(output, _MANY) if type(output) is str else output for output in outputs]
    try:
        return np.fromiter(outputs, np.int64, len(outputs))
    except OverflowError:
        return None


def _vote_of(output: Any, labels: Sequence[str] | None, k: int, can: set[int] | None) -> int | str:
    """Return the vote, or in words why the output is none."""
    known = describe_votes(labels) if labels is not None else "-1 (abstain) and class indexes"
    if output is None:
        return "returned None; return ABSTAIN where the function has no opinion"
    if isinstance(output, str) and labels is not None and output in labels:
        output = labels.index(output)
    if isinstance(output, (bool, np.bool_)) or not isinstance(output, (int, np.integer)):
        return (
            f"returned {shown(output)} ({type(output).__name__}); allowed are {known}, or a class name{_hint(output, labels)}"
        )
    if not ABSTAIN <= output < k:
        return f"voted {shown(int(output))}; allowed are {known}"
    if can is not None and output != ABSTAIN and int(output) not in can:
        return f"voted {int(output)}, which is not among the labels it declares: {sorted(can)}"
    return int(output)


def _hint(output: Any, labels: Sequence[str] | None) -> str:
    if isinstance(output, (bool, np.bool_)):
        return "; return a class or ABSTAIN, not a truth value"
    if isinstance(output, (float, np.floating)) and float(output).is_integer():
        return "; return int(...) of it"
    return did_you_mean(output, labels) if isinstance(output, str) and labels is not None else ""


def shown(output: Any) -> str:
    """Return a value for a message: one line, cut short."""
    return shortened(one_line(_written(repr, output.item() if isinstance(output, np.generic) else output)), 80)


def _written(write: Callable[[Any], str], thing: Any) -> str:
    """Return repr or str of an object of the user's, which may fail where we report that something failed."""
    try:
        return write(thing)
    except FAULTS as error:
        return f"<{write.__name__}() of {type(thing).__name__} raises {type(error).__name__}>"


def one_line(text: str) -> str:
    """Return a text with its line breaks, and the indents after them, folded to spaces."""
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def check_length(outputs: Any, n: int) -> None:
    """Refuse what is not one output a row."""
    one_a_row = isinstance(outputs, (list, tuple)) or (isinstance(outputs, np.ndarray) and outputs.ndim == 1)
    if not one_a_row:
        shape = f" of shape {outputs.shape}" if hasattr(outputs, "shape") else ""
        raise WorkbenchError(
            f"returned a {type(outputs).__name__}{shape} for {n} rows; return a list, array or Series of votes"
        )
    if len(outputs) != n:
        raise WorkbenchError(f"returned {len(outputs)} votes for {n} rows; return one vote a row")


def call_on_rows(function: Callable[[Any], Any], rows: Iterable[Any]) -> tuple[list[Any], list[Fault]]:
    """Call a function on every row; an exception, or an exit, becomes a fault and the next row goes on."""
    outputs: list[Any] = []
    faults: list[Fault] = []
    remaining = iter(rows)
    while True:
        try:
            for row in remaining:  # a fault leaves this loop; the iterator remembers where it stood
                outputs.append(function(row))
            return outputs, faults
        except FAULTS as error:
            faults.append(fault_of(len(outputs), error, traced=not faults))
            outputs.append(ABSTAIN)


def fault_of(position: int, error: BaseException, *, traced: bool = True) -> Fault:
    """Return the fault an exception makes, with the traceback below our own code; our own errors speak for themselves."""
    if isinstance(error, WorkbenchError):
        return Fault(position, one_line(str(error)), "")
    place = error.__traceback__
    while place is not None and place.tb_frame.f_code.co_filename.startswith(_OURS):
        place = place.tb_next
    trace = "".join(traceback.format_exception(type(error), error, place)) if traced else ""
    message = _written(str, error) or ("it called sys.exit()" if isinstance(error, SystemExit) else "")
    said = one_line(f"{type(error).__name__}: {message}").removesuffix(":")
    return Fault(position, shortened(said, _LONGEST), trace)  # some errors quote the whole text, and a million rows may fail
