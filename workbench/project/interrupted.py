"""What to say to somebody who has waited long enough."""

from __future__ import annotations

from traceback import walk_tb

from workbench.lfs import LabelingFunction


def in_words(interrupt: BaseException) -> str:
    """Return lines to say: what is kept, and which function was at work in this process when it was interrupted, if any."""
    said = "".join(f"{note}\n" for note in getattr(interrupt, "__notes__", ()))
    for frame, _ in walk_tb(interrupt.__traceback__):
        function = frame.f_locals.get("self")
        if isinstance(function, LabelingFunction):
            return said + (
                f"interrupted while {function.name} was at work; with `workers = 2` under [apply] in task.toml a function that "
                "hangs is stopped and named, and the others go on\n"
            )
    return said
