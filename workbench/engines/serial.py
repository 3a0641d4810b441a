"""One piece after another, in this process: nothing is started, and nothing protects from a function that hangs or crashes."""

from collections.abc import Container, Iterator, Sequence
from time import perf_counter

from workbench.engines.contract import Answer, Begun, Job, Piece


def serial(job: Job, pieces: Sequence[Piece], stopped: Container[int]) -> Iterator[Answer | Begun]:
    """Yield the answers piece by piece, working only when asked for the next."""
    for place, piece in enumerate(pieces):
        chunk = job.chunk(piece.cut())
        for function in piece.functions:
            if function not in stopped:
                yield Begun(place, function)
                job.prepare(chunk, function)
                start = perf_counter()
                result = job.run(chunk, function)
                yield Answer(place, function, result, perf_counter() - start)
