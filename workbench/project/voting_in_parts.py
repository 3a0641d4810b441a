"""Votes on rows in partitions: one file of votes a partition, made once, by whatever engine maps the work."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.apply import KnownVotes, VoteJob, run_job
from workbench.diagnose.functions import votes_by_class
from workbench.engines import KeptProcesses, Mapper, Processes
from workbench.io.files import plain
from workbench.io.partitions import Partition, Unreadable, found_at, read_at, remove_at, write_at
from workbench.io.vote_parts import VotePart, read_vote_part, split_codes, write_vote_part
from workbench.lfs.ship import unpack
from workbench.project.partitioned import Source, in_groups
from workbench.tables import ABSTAIN, SPLITS, VoteMatrix, WorkbenchError

FORMAT: Final = 1
_TOLD: Final = 20  # faults of a function and partition that are kept with row and error; all are counted
Counts = dict[str, Any]
Report = Callable[[str, int, int, str], None]


@dataclass(frozen=True)
class Voting:
    """What a worker needs to vote on any partition; small enough to be sent with each.

    packed: the functions. prints: their fingerprints by name. store: the folder or URL that all workers reach; `key` says of
    which functions and rows a file of votes there is.
    """

    source: Source
    hidden: tuple[str, ...]
    packed: bytes
    prints: Mapping[str, str]
    limits: Processes
    one_in: int
    chunk_rows: int
    store: str

    @property
    def key(self) -> str:
        """What the votes depend on beside the rows: functions, labels and the meaning of columns."""
        said = [FORMAT, sorted(self.prints.items()), self.source.labels, sorted(self.source.mapping.items()), self.hidden]
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]

    def place(self, part: Partition, suffix: str, key: str | None = None) -> str:
        """Return the path or URL of a file about a partition."""
        return f"{self.store}/{key or self.key}/part-{part.stamp}{suffix}"


class Voted(NamedTuple):
    """One partition with votes: where they are, their checksum, and what they are in numbers."""

    part: Partition
    url: str
    checksum: str
    about: Counts

    def read(self, stopped: Sequence[str]) -> VotePart:
        """Return the votes; functions that are stopped abstain."""
        found = read_vote_part(self.url, self.checksum)
        return found._replace(votes=without(found.votes, stopped))


def without(votes: VoteMatrix, stopped: Sequence[str]) -> VoteMatrix:
    """Return the votes with some functions abstaining everywhere."""
    at = [j for j, name in enumerate(votes.lfs) if name in stopped and (votes.votes[:, j] != ABSTAIN).any()]
    if not at:
        return votes
    array = votes.votes.copy(order="F")
    array[:, at] = ABSTAIN
    return replace(votes, votes=array)


def vote(voting: Voting, part: Partition) -> Voted | str:
    """Vote on a partition unless that is done; return where the votes are, or in words why the partition is skipped."""
    done = _done(voting, part)
    if done is not None:
        return done
    try:
        frame = voting.source.frame(part)
    except Unreadable as error:
        if voting.source.skip_unreadable:
            return str(error)
        raise
    rows = voting.source.dataset(frame, part)
    split = split_codes(rows.split)
    rows = replace(rows, frame=rows.frame.drop(columns=list(voting.hidden)))
    stopped = _stopped_elsewhere(voting)
    job, engine = _ready(voting)
    known = {**_known(voting, part), **{name: np.full(len(rows), ABSTAIN, np.int16) for name in stopped}}
    kept = KnownVotes({voting.prints[name]: column for name, column in known.items()})
    votes = run_job(job, rows, engine, voting.chunk_rows, kept, max_faults=1.0)
    for name, reason in votes.stopped.items():
        stopped[name] = f"{reason} (first in {part})"
        told_others = {"fingerprint": voting.prints[name], "reason": stopped[name]}
        write_at(_marker(voting, voting.prints[name]), json.dumps(told_others).encode())
    faults = votes.faults["lf"].value_counts()
    told = votes.faults[votes.faults.groupby("lf").cumcount() < _TOLD]
    url = voting.place(part, ".parquet")
    checksum = write_vote_part(VotePart(replace(votes, faults=told), split), url)
    about = counted(votes) | {
        "splits": np.bincount(split, minlength=len(SPLITS)).tolist(),
        "faults": {name: int(faults.get(name, 0)) for name in votes.lfs},
        "first_faults": told.drop_duplicates("lf").set_index("lf")["error"].to_dict(),
        "stopped": stopped,
    }
    head = {"format": FORMAT, "partition": part, "fingerprints": dict(voting.prints), "sha256": checksum, "about": about}
    write_at(voting.place(part, ".json"), json.dumps(plain(head)).encode())  # last: with it the partition is done
    return Voted(part, url, checksum, about)


def counted(votes: VoteMatrix) -> Counts:
    """Return numbers that sum up over partitions: rows, covered, overlap and conflict, and by function what it cast."""
    voted = votes.votes != ABSTAIN
    return {
        "rows": len(votes),
        "covered": int(votes.covered.sum()),
        "overlap": int((votes.n_votes > 1).sum()),
        "conflict": int(votes.conflicting.sum()),
        "cast": votes_by_class(votes).tolist(),
        "overlaps": voted[votes.n_votes > 1].sum(axis=0).tolist(),
        "conflicts": voted[votes.conflicting].sum(axis=0).tolist(),
    }


def recounted(stopped: Sequence[str], voted: Voted) -> Voted:
    """Return a partition with its numbers as they are once some functions abstain."""
    return voted._replace(about=voted.about | counted(voted.read(stopped).votes))


def forget(voting: Voting, names: Sequence[str], part: Partition) -> None:
    """Forget what some functions voted on a partition, whatever others they voted beside."""
    for url in found_at(voting.place(part, ".json", key="*")):
        head = _head(url)
        if head is not None and set(names) & set(head["fingerprints"]):
            others = {name: print_ for name, print_ in head["fingerprints"].items() if name not in names}
            write_at(url, json.dumps(head | {"fingerprints": others}).encode())


def vote_everywhere(
    voting: Voting, mapper: Mapper, max_faults: float, report: Report
) -> tuple[list[Voted], dict[str, str], list[str]]:
    """Vote on all partitions; return those with votes, which functions are stopped and why, and which partitions are skipped.

    What an earlier run has done, killed or not, is taken as it stands. A function that failed on more than `max_faults` of all
    rows, or that any worker had to end, abstains everywhere, as it would on one machine.
    """
    for marker in found_at(_marker(voting, "*")):
        remove_at(marker)  # what was stopped by a slow day is tried again
    found: dict[int, Voted] = {}
    skipped, votes, total = dict[int, str](), 0, voting.source.rows * len(voting.prints)
    answers = mapper(partial(vote, voting), voting.source.partitions)
    report("apply", 0, total, f"0 of {len(voting.source.partitions):,} partitions")
    try:
        for place, answer in answers:
            if isinstance(answer, str):
                skipped[place] = answer
            else:
                found[place] = answer
            votes += voting.source.partitions[place].rows * len(voting.prints)
            of = f"{len(found) + len(skipped):,} of {len(voting.source.partitions):,} partitions"
            report("apply", votes, total, of)
    except KeyboardInterrupt as stop:
        stop.add_note(f"votes on {len(found):,} of {len(voting.source.partitions):,} partitions are kept; run again to go on")
        raise
    finally:
        answers.close()
    if not found:
        raise WorkbenchError(f"none of {len(skipped):,} partitions can be read, such as {skipped[0]}")
    voted = [found[place] for place in sorted(found)]
    stopped = _stopped(voting, voted, max_faults)
    if stopped:
        again = dict(mapper(partial(recounted, tuple(stopped)), voted))
        voted = [again[place] for place in range(len(voted))]
    return voted, stopped, [*voting.source.skipped, *(skipped[place] for place in sorted(skipped))]


def _stopped(voting: Voting, voted: Sequence[Voted], max_faults: float) -> dict[str, str]:
    """Return the functions that are to abstain, in their order, and why."""
    stopped: dict[str, str] = {}
    rows = sum(one.about["rows"] for one in voted)
    for name in voting.prints:
        reasons = [one.about["stopped"][name] for one in voted if name in one.about["stopped"]]
        faults = sum(one.about["faults"][name] for one in voted)
        if not reasons and faults > max_faults * rows:
            first = next(one.about["first_faults"][name] for one in voted if name in one.about["first_faults"])
            reasons = [f"it failed on more than {max_faults:.0%} of the rows, first with: {first}"]
        if reasons:
            stopped[name] = reasons[0]
    return stopped


def _done(voting: Voting, part: Partition) -> Voted | None:
    """Return what was voted on a partition before, if its files are whole and no function was stopped there."""
    head = _head(voting.place(part, ".json"))
    if head is None or head["about"]["stopped"] or head["fingerprints"] != voting.prints:
        return None
    url, data = voting.place(part, ".parquet"), read_at(voting.place(part, ".parquet"))
    if data is None or hashlib.sha256(data).hexdigest() != head["sha256"]:
        return None
    return Voted(part, url, head["sha256"], head["about"])


def _head(url: str) -> dict[str, Any] | None:
    data = read_at(url)
    try:
        found = None if data is None else json.loads(data)
    except ValueError:
        return None  # damaged: made anew
    return found if isinstance(found, dict) and found.get("format") == FORMAT else None


def _known(voting: Voting, part: Partition) -> dict[str, NDArray[np.int16]]:
    """Return by name the votes of functions that voted on this partition for other sets of functions, without a fault."""
    known: dict[str, NDArray[np.int16]] = {}
    for url in found_at(voting.place(part, ".json", key="*")):
        head = _head(url)
        if head is None:
            continue
        same = [name for name, print_ in voting.prints.items() if name not in known and _holds(head, name, print_)]
        if same:
            try:
                votes = read_vote_part(url.removesuffix(".json") + ".parquet", head["sha256"]).votes
            except WorkbenchError:
                continue  # damaged: made anew
            known |= {name: votes.votes[:, votes.lfs.index(name)] for name in same}
    return known


def _holds(head: Mapping[str, Any], name: str, fingerprint: str) -> bool:
    """Return whether a file of votes has those of a function, on every row."""
    about = head["about"]
    return head["fingerprints"].get(name) == fingerprint and name not in about["stopped"] and not about["faults"][name]


def _marker(voting: Voting, fingerprint: str) -> str:
    """Return the file that tells other workers that a function is stopped."""
    return f"{voting.store}/{voting.key}/stopped-{fingerprint}"


def _stopped_elsewhere(voting: Voting) -> dict[str, str]:
    """Return the functions that are stopped by now, and why; one that is written twice, under two names, is both."""
    found = [json.loads(data) for marker in found_at(_marker(voting, "*")) if (data := read_at(marker))]
    reasons = {told["fingerprint"]: told["reason"] for told in found}
    return {name: reasons[print_] for name, print_ in voting.prints.items() if print_ in reasons}


_kept: dict[str, tuple[VoteJob, KeptProcesses]] = {}  # of this process: functions, models and encoders are loaded once


def _ready(voting: Voting) -> tuple[VoteJob, KeptProcesses]:
    """Return the job with its functions loaded, and the worker process that this process keeps for it."""
    key = f"{voting.key} {voting.one_in} {voting.limits}"
    if key not in _kept:
        for _, engine in _kept.values():
            engine.close()
        _kept.clear()
        job = VoteJob(unpack(voting.packed), voting.source.labels, voting.source.mapping["text"], voting.one_in)
        _kept[key] = job, KeptProcesses(replace(voting.limits, workers=1))
    return _kept[key]


def gathered(voted: Sequence[Voted], mapper: Mapper, ids: pd.Index, stopped: Mapping[str, str]) -> VoteMatrix:
    """Return the votes on those of some rows that are in a partition, in the order of the partitions."""
    groups = in_groups(voted)
    found = dict(mapper(partial(_rows_of, dict(stopped), ids), groups))
    return joined([found[place] for place in range(len(groups))], stopped)


def _rows_of(stopped: Mapping[str, str], ids: pd.Index, group: Sequence[Voted]) -> VoteMatrix:
    votes = (voted.read(tuple(stopped)).votes for voted in group)
    return joined([part.take(np.flatnonzero(part.ids.isin(ids))) for part in votes], stopped)


def joined(parts: Sequence[VoteMatrix], stopped: Mapping[str, str]) -> VoteMatrix:
    """Return the votes of the same functions on other and other rows as one matrix."""
    ids = pd.Index(np.concatenate([part.ids.to_numpy(dtype=object) for part in parts]), dtype="str")
    faults = pd.concat([part.faults for part in parts], ignore_index=True)
    votes = np.concatenate([part.votes for part in parts])
    return VoteMatrix(ids, parts[0].lfs, parts[0].labels, votes, faults, dict(stopped))
