"""Rules over the store: what is not yet scanned by these very rules is, here or in worker processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_start_method

import msgspec

from grader.annotation import Annotation
from grader.errors import GraderError
from grader.pipeline.progress import Progress
from grader.raters.rules import Engine
from grader.rubric import Rubric
from grader.store import Selection, Store, add_pass, entries, load, open_store, passes, register_rubric

__all__ = ["ScanSummary", "scan_store"]


class ScanSummary(msgspec.Struct):
    """What a scan by rules did."""

    scanned: int = 0
    unchanged: int = 0
    """Already scanned by these very rules."""
    annotations: int = 0


def scan_store(
    store: Store,
    rubric: Rubric,
    *,
    where: Selection | None = None,
    keys: Sequence[int] | None = None,
    force: bool = False,
    workers: int = 1,
    progress: Progress | None = None,
) -> ScanSummary:
    """Run the rubric's rules over the selected transcripts (or those with `keys`) that these rules have not scanned yet.

    `force` scans again. `workers` processes read and scan, this one writes; the result does not depend on their number.
    Each transcript's pass is recorded even when nothing was found, so that "absent" is known and not assumed.
    """
    rater = f"rules:{rubric.id}"
    register_rubric(store, rubric)
    wanted = list(keys) if keys is not None else [found.key for found in entries(store, where)]
    summary = ScanSummary()
    if not force:
        done = {
            known.transcript_key
            for known in passes(store, rater=rater)
            if known.rules_digest == rubric.rules_digest and known.rubric_digest == rubric.digest
        }
        summary.unchanged = sum(key in done for key in wanted)
        wanted = [key for key in wanted if key not in done]
    results = _scan_here(store, rubric, wanted) if workers <= 1 else _scan_there(store, rubric, wanted, workers)
    batch: list[tuple[int, list[Annotation]]] = []
    rows = 0
    for key, found in results:
        batch.append((key, found))
        rows += len(found) + 1
        summary.scanned += 1
        summary.annotations += len(found)
        if rows >= 200:
            _write_passes(store, rubric, rater, batch)
            batch, rows = [], 0
        if progress is not None:
            progress("rules", summary.scanned, len(wanted), "")
    _write_passes(store, rubric, rater, batch)
    return summary


def _write_passes(store: Store, rubric: Rubric, rater: str, batch: Sequence[tuple[int, list[Annotation]]]) -> None:
    if batch:
        with store.writing():
            for key, found in batch:
                add_pass(store, key, rubric, rater, found)


def _scan_here(store: Store, rubric: Rubric, keys: Sequence[int]) -> Iterator[tuple[int, list[Annotation]]]:
    if not keys:
        return
    engine = Engine(rubric)
    for key in keys:
        yield key, engine.scan(load(store, key))


def _scan_there(
    store: Store, rubric: Rubric, keys: Sequence[int], workers: int
) -> Iterator[tuple[int, list[Annotation]]]:
    """Results in the order of `keys`. What a worker that was ended from outside had not returned is scanned by new ones."""
    if store.path is None:
        raise GraderError("a database in memory cannot be shared with worker processes; use workers=1")
    shards = [keys[first : first + _SHARD] for first in range(0, len(keys), _SHARD)]
    engine = Engine(rubric) if shards and get_start_method() == "fork" else None
    if engine is not None:
        engine.prepare()
    lost = 0
    while shards:
        done = 0
        try:
            with _Workers(str(store.path), rubric, engine, min(workers, len(shards))) as pool:
                for answers in pool.map(_scan_shard, shards):
                    done += 1
                    yield from answers
        except BrokenProcessPool as problem:
            lost = lost + 1 if done == 0 else 1
            if lost > _PATIENCE:
                raise GraderError(
                    "worker processes were ended from outside again and again (by the system, for want of memory?); what was"
                    " scanned is kept: run the same command again, with fewer --workers"
                ) from problem
        shards = shards[done:]


class _Workers:
    """A process pool whose processes have the rules compiled.

    Where processes are forked, the rules are compiled once, here, and the workers are born with them: it takes as long as
    scanning some megabytes.
    """

    def __init__(self, path: str, rubric: Rubric, engine: Engine | None, workers: int) -> None:
        global _prepared
        _prepared = (rubric, engine) if engine is not None else None
        self._pool = ProcessPoolExecutor(workers, initializer=_start_worker, initargs=(path, rubric))

    def __enter__(self) -> ProcessPoolExecutor:
        return self._pool

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        global _prepared
        _prepared = None
        # of a pool that broke the executor ends every process itself; an interrupted one is not waited for
        broken = kind is not None and issubclass(kind, BrokenProcessPool)
        self._pool.shutdown(wait=kind is None or broken, cancel_futures=True)


_SHARD = 32
"""Transcripts a worker scans before it reports."""

_PATIENCE = 2
"""Pools that may die without a result before it is said."""

_prepared: tuple[Rubric, Engine] | None = None
_worker: tuple[Store, Engine] | None = None


def _start_worker(path: str, rubric: Rubric) -> None:
    global _worker
    known = _prepared is not None and _prepared[0].rules_digest == rubric.rules_digest
    _worker = (open_store(path, create=False), _prepared[1] if known and _prepared else Engine(rubric))


def _scan_shard(keys: Sequence[int]) -> list[tuple[int, list[Annotation]]]:
    assert _worker is not None
    store, engine = _worker
    return [(key, engine.scan(load(store, key))) for key in keys]
