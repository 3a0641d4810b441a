"""Review: which rows should a person decide now, and what are they?"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import streamlit as st

from workbench.project.audit_report import promise_so_far
from workbench.project.card import make_cards
from workbench.project.failures import failure_modes
from workbench.project.queues import DEFAULT, Opened, plan_to_answer, plans_to_answer
from workbench.project.reviewing import Decision, default_reviewer, open_record
from workbench.project.runs import Run
from workbench.project.serving import Claims, Queue, TakenIn, head_of_audit, head_of_queue, take_in
from workbench.project.task import Task
from workbench.tables import Dataset, WorkbenchError
from workbench.ui import opened
from workbench.ui.card import log_of, show_card
from workbench.ui.frame import chosen_run, chosen_task
from workbench.ui.signing_in import who
from workbench.ui.wording import plain

_AHEAD: Final = 60  # cards the browser holds, so that the next one is there at once, even after a stall of seconds
_BEHIND: Final = 30  # answers that can be taken back before the browser must ask
_FRESH: Final = 30.0  # seconds after which others may have changed a queue
_SAID: Final = ("id", "row", "kind", "label", "failure_mode", "note")
#: queue: what it holds, and why it is empty
_QUEUES: Final = {
    "value": ("Most is learned from these rows.", "No row of train is left."),
    "conflict": ("Functions vote for different classes.", "No row is left on which functions disagree."),
    "uncertain": ("The label model can hardly decide.", "No row with votes is left."),
    "uncovered": ("No function votes.", "No row is left on which no function votes."),
    "requested": (
        "Somebody sent them here.",
        "No row that somebody sent here is left. Other pages offer to send rows to review.",
    ),
    "random": ("Drawn at random from train and valid.", "You have answered every row of train and valid."),
}
_AUDIT: Final = (
    "Drawn by the audit, to measure and never to teach: decide it without knowing how it was labelled.",
    "Every row that the audit drew is decided. The page Audit says what that proves.",
)
_QUESTION: Final = "Which rows should a person decide now?"
_TEACHES: Final = "What you say here teaches the label model from the next run on."
_MEASURES: Final = "What you say here measures how many labels are wrong, and teaches nothing."
_WEIGHTS: Final = (
    r"How much each reason counts stands in task.toml under \[review.weights\]. Reasons that would give away the label model's "
    "class are shown after your answer, or before it with *Show votes first*."
)


@dataclass
class _Desk:
    """What one browser session has on its desk: the log as it was last taken, and the queue as it was last read.

    of: which queue, run and data that is. answered: rows answered since. said: the last entries that stand, newest first.
    drawn: rows that audit plans drew.
    """

    session: str = field(default_factory=lambda: uuid.uuid4().hex)
    n: int = 0
    taken: TakenIn = field(default_factory=TakenIn)
    of: tuple[str, ...] = ()
    queue: Queue = field(default_factory=lambda: Queue({}, 0, 0))
    read_at: float = 0.0
    answered: set[str] = field(default_factory=set)
    said: list[Decision] = field(default_factory=list)
    drawn: frozenset[str] = frozenset()
    saved: int = 0

    def waiting(self) -> list[str]:
        return [row for row in self.queue.reasons if row not in self.answered]


def show() -> None:
    """Draw the page."""
    st.title("Review")
    task = chosen_task()
    run = chosen_run(task, "soft_labels.parquet")
    if run is None:
        st.info(
            "Queues are made from votes and soft labels, and no run has any yet. Run the line first.", icon=":material/info:"
        )
        st.page_link(Path(__file__).parent / "overview.py", label="Go to the overview", icon=":material/dashboard:")
        return
    _ = task.failures  # the frame says what is wrong with the file; what a fragment below raises is out of its reach
    question = st.empty()
    question.caption(_QUESTION)
    reviewer = _name()
    if not reviewer or st.session_state.get("rename"):
        _ask_name(reviewer)
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = _ask_queue(task)
        plan = _ask_plan(task, reviewer) if kind == "audit" else ""
        show_votes = not plan and st.toggle(
            "Show votes first",
            key="votes",
            bind="query-params",
            help="Who sees first what functions and the model say tends to agree. After your answer you see it anyway.",
        )
        st.space("stretch")
        st.button(
            plain(reviewer),
            key="rename ask",
            type="tertiary",
            icon=":material/person:",
            help="Change the name",
            on_click=_rename,
            disabled=bool(who()),
        )
    question.caption(f"{_QUESTION} {_MEASURES if plan else _TEACHES}")
    if kind == "value":
        st.caption(_WEIGHTS)
    _work(task, run, reviewer, kind, plan, bool(show_votes), _functions(task))


def _name() -> str:
    """Return the reviewer's name: of who has signed in, else the one kept by the session and in the URL."""
    if signed := who():
        st.query_params.pop("reviewer", None)
        return signed
    name = str(st.session_state.get("reviewer") or st.query_params.get("reviewer", "")).strip()
    if name:
        st.session_state["reviewer"] = st.query_params["reviewer"] = name
    return name


def _ask_name(name: str) -> None:
    with st.form("name", border=False):
        given = st.text_input("Your name", value=name or default_reviewer(), max_chars=80, width=320)
        st.caption("It stands beside each of your answers, so that two people can be compared. It is no login.")
        if st.form_submit_button("Start reviewing", type="primary") and given and given.strip():
            st.session_state["reviewer"] = given.strip()
            st.session_state["rename"] = False
            st.rerun()


def _rename() -> None:
    st.session_state["rename"] = True


def _ask_queue(task: Task) -> str:
    offered = [*_QUEUES, "audit"] if plans_to_answer(task) else list(_QUEUES)
    return str(st.segmented_control("Queue", offered, key="queue", bind="query-params", default=DEFAULT, required=True))


def _ask_plan(task: Task, reviewer: str) -> str:
    """Return the id of the audit plan whose rows are decided: the one that the URL names, else the first with rows left."""
    plans = plans_to_answer(task)
    if len(plans) == 1:
        return next(iter(plans))
    if st.session_state.get("review plan") not in plans:
        asked = st.query_params.get("plan")
        st.session_state["review plan"] = asked if asked in plans else plan_to_answer(task, opened.rows(task)[0], reviewer)
    plan = str(st.selectbox("Plan", list(plans), key="review plan", format_func=plans.__getitem__, width=200))
    st.query_params["plan"] = plan  # a bound widget would write the name, and links have the id
    return plan


def _functions(task: Task) -> list[dict[str, Any]]:
    """Return what rules look for, to mark it in the text; a row can be reviewed where files of functions are broken."""
    try:
        found: list[dict[str, Any]] = opened.described(task)["functions"]
    except WorkbenchError as error:
        st.caption(f"Nothing is marked in the texts: {plain(str(error))}")
        return []
    return found


@st.fragment
def _work(
    task: Task, run: Run, reviewer: str, kind: str, plan: str, show_votes: bool, functions: Sequence[Mapping[str, Any]]
) -> None:
    """Take what the card sends, and give it what comes next; an answer draws this part of the page alone."""
    key = f"card {task.folder} {reviewer}"
    desk: _Desk = st.session_state.setdefault(f"desk of {key}", _Desk())
    dataset, log = opened.rows(task)[0], log_of(key)
    kept = opened.review_order(task, run, dataset, "random" if plan else kind)
    of = (kind, plan, run.id, dataset.fingerprint)
    same, error = of == desk.of, ""
    try:
        _take(desk, task, dataset, reviewer, log, kept, plan)
        if not same or len(desk.waiting()) < _AHEAD or time.monotonic() - desk.read_at > _FRESH:
            desk.queue = (
                head_of_audit(task, dataset, plan, opened.claims(task), reviewer)
                if plan
                else head_of_queue(task, run, dataset, kind, kept, opened.claims(task), reviewer)
            )
            desk.of, desk.read_at, desk.answered = of, time.monotonic(), set()
    except WorkbenchError as problem:
        error = str(problem)
    waiting = desk.waiting()[:_AHEAD]
    about = {**_about_queue(desk, kind, waiting), "queue_name": plan or kind}
    if plan:
        st.caption(_about_plan(task, plan, about["left"]))
    held = [row for row, _ in log["have"]]
    shown = [*log["want"], *(one.row for one in desk.said), *waiting, *held]
    needed = [row for row in dict.fromkeys(shown) if not same or row not in held]
    cards = _cards(task, dataset, desk, kept, kind, needed, functions)
    show_card(
        key,
        {
            **about,
            "session": desk.session,
            "task": str(task.folder.resolve()),
            "reviewer": reviewer,
            "n": desk.n,
            "acked": desk.taken.settled,
            "notices": desk.taken.notices,
            "error": error,
            "labels": task.labels,
            "modes": failure_modes(task),
            "show": show_votes,
            "cards": cards,
            "gone": [row for row in held if row not in cards] if not same else [],
            "saved": desk.saved,
            "history": [{name: getattr(one, name) for name in _SAID} for one in desk.said],
        },
    )
    if not waiting and not error:
        _offer_other_queues(task, run, dataset, kind, reviewer)


def _about_plan(task: Task, plan: str, left: int) -> str:
    """Name an audit plan, and say what it promises once nothing of it is left: who knows it earlier is no longer blind."""
    said = ["How many labels are wrong is told once its rows are decided, so that it sways nobody."]
    return plain(" ".join([f"Plan {plans_to_answer(task)[plan]}.", *(said if left else promise_so_far(task, plan))]))


def _cards(
    task: Task,
    dataset: Dataset,
    desk: _Desk,
    kept: Opened,
    kind: str,
    rows: Sequence[str],
    functions: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return cards of rows with why they are shown; of rows that an audit drew nothing tells their label, answered or not."""
    drawn = [row for row in rows if row in desk.drawn]
    others = [row for row in rows if row not in desk.drawn]
    cards = make_cards(task, dataset, others, functions, kept.votes, kept.soft) | make_cards(task, dataset, drawn, functions)
    reasons = desk.queue.reasons | {one.row: one.reason for one in desk.said}
    return {
        row: {
            **card,
            "reason": reasons.get(row, ""),
            "blind": _blind_reason(desk, kept, kind, row),
            "measures": row in desk.drawn,
        }
        for row, card in cards.items()
    }


def _blind_reason(desk: _Desk, kept: Opened, kind: str, row: str) -> str:
    """Return why a row is shown, without what functions and models say of it."""
    if row in desk.drawn:
        return _AUDIT[0]
    if row not in desk.queue.reasons:
        return "One of your last answers."
    if kind == "requested":
        return desk.queue.reasons[row]
    return kept.said_blind(row) or _QUEUES[kind][0]


def _take(desk: _Desk, task: Task, dataset: Dataset, reviewer: str, log: dict[str, Any], kept: Opened, plan: str) -> None:
    """Store what the card sent since the last time, and look up what now stands."""
    record = open_record(task)
    desk.drawn = frozenset(record.measure_rows().index)
    if log["n"] != desk.n:
        desk.taken = take_in(task, dataset, record, reviewer, log["entries"], kept.soft, plan)
        desk.n = log["n"]
        for entry in log["entries"]:
            (desk.answered.discard if entry["kind"] == "undo" else desk.answered.add)(entry["row"])
    desk.said = record.history(reviewer, _BEHIND)
    desk.saved = record.saved(reviewer)


def _about_queue(desk: _Desk, kind: str, waiting: list[str]) -> dict[str, Any]:
    more = len(desk.answered & desk.queue.reasons.keys())
    _, ended = _AUDIT if kind == "audit" else _QUEUES[kind]
    return {"ended": ended, "queue": waiting, "done": desk.queue.done + more, "left": desk.queue.left - more}


def _offer_other_queues(task: Task, run: Run, dataset: Dataset, kind: str, reviewer: str) -> None:
    """Offer the queues that still hold rows."""
    left = {}
    for name in _QUEUES:
        kept = opened.review_order(task, run, dataset, name)
        left[name] = head_of_queue(task, run, dataset, name, kept, Claims(), reviewer).left if name != kind else 0
    if not any(left.values()):
        st.info("Every row that you may review is decided. The next run learns from your answers.", icon=":material/done_all:")
        return
    st.caption("Queues that still hold rows:")
    with st.container(horizontal=True):
        for name, n in left.items():
            if n and st.button(f"{name.capitalize()}: {n:,} rows", key=f"go to {name}", on_click=_go_to, args=(name,)):
                st.rerun()


def _go_to(kind: str) -> None:
    st.session_state["queue"] = kind


if __name__ == "__main__":
    show()
