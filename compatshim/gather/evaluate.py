"""The ranks of an evaluate module: their rows are written as evaluate does, and read as evaluate does on rank 0.

In between, evaluate has lock files, and here is a :class:`.link.Link`. The shim ``evaluate_gather`` puts this in
place.
"""

from __future__ import annotations

import functools
import os
import types
import weakref

from compatshim.gather import spool, tables
from compatshim.gather.errors import GatherError
from compatshim.gather.link import link
from compatshim.startup import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable, Dict, List, Optional

    from compatshim.gather.link import Link


def merged(_: Any, results: Any) -> Optional[Callable[[], None]]:
    """What is to be done in place of a merge where no metric has a result."""
    return (lambda: None) if results and all(one is None for one in results) else None


class Ranks:
    """What is done for the objects that have ``num_process > 1``, of the module ``evaluate.module``."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        names = module.EvaluationModule._finalize.__code__.co_names
        self._features = "selected_feature_format" if "selected_feature_format" in names else "current_features"
        self._objects: Dict[str, int] = {}

    def number(self, metric: Any, *_: Any, **__: Any) -> None:
        """Give a new object its number among those of its name, and a compute() that no rank fails alone."""
        if metric.num_process > 1:
            spool.sweep(metric.data_dir)
            name = _name(metric)
            metric._compatshim_object = self._objects[name] = self._objects.get(name, -1) + 1
            metric.compute = types.MethodType(self._together(metric.compute.__func__), metric)

    def _together(self, compute: Any) -> Any:
        @functools.wraps(compute)
        def call(metric: Any, *args: Any, **kwargs: Any) -> Any:
            held = None
            if guard.standing(self.module.EvaluationModule._finalize, "evaluate_gather"):
                held = _held(metric)
            begun = held.number(_what(metric)) if held is not None else 0
            try:
                return compute(metric, *args, **kwargs)
            except BaseException as error:
                if held is not None and held.number(_what(metric)) == begun:
                    held.fail(_what(metric), guard.describe(error))
                raise

        return call

    def open(self, metric: Any, *_: Any, **__: Any) -> Optional[Callable[[], None]]:
        """How to make the writer of one rank's rows; None for evaluate's own way."""
        held = _link(metric)
        return None if held is None else functools.partial(self._open, metric, held)

    def close(self, metric: Any) -> Optional[Callable[[], None]]:
        """How to end a round; None for evaluate's own way."""
        held = _held(metric)
        return None if held is None else functools.partial(self._close, metric, held)

    def _open(self, metric: Any, held: Link) -> None:
        own = f"{spool.tag()}-{os.urandom(8).hex()}"
        name = f"{metric.experiment_id}-{own}-{metric.num_process}-{metric.process_id}.arrow"
        path = os.path.join(metric.data_dir, name)
        metric.buf_writer = None
        metric.cache_file_name, metric.filelock = path, Free(held)
        metric.writer = self.module.ArrowWriter(
            features=getattr(metric, self._features), path=path, writer_batch_size=metric.writer_batch_size
        )
        weakref.finalize(metric, spool.remove_own, path)
        held.greet()

    def _close(self, metric: Any, held: Link) -> None:
        what = _what(metric)
        held.check(what)
        writer, metric.writer = metric.writer, None
        path = metric.cache_file_name if writer is not None else ""
        metric.cache_file_name = metric.filelock = None
        paths: List[str] = []
        try:
            if writer is not None:
                _finish(writer, held, what)
            paths = [one for one in held.gather(what, path, metric.timeout, _check) or () if one]
            if metric.process_id == 0:
                self._read(metric, held, paths)
        except BaseException:
            for one in {path, *paths}:
                spool.remove(one)
            raise
        if metric.process_id:
            spool.remove(path)

    def _read(self, metric: Any, held: Link, paths: List[str]) -> None:
        module = self.module
        info = module.DatasetInfo(features=getattr(metric, self._features))
        reader = module.ArrowReader(path="", info=info)
        metric.data = module.Dataset(**reader.read_files([{"filename": path} for path in paths]))
        # compute() removes the files and releases the locks when it has the result.
        metric.file_paths, metric.filelocks = paths, [Free(held)] * len(paths)
        compute = metric._compute

        def _compute(*args: Any, **kwargs: Any) -> Any:
            """The metric's own, while the other ranks know that rank 0 computes."""
            del metric._compute
            done = False
            try:
                with held.computing():
                    result = compute(*args, **kwargs)
                done = True
                return result
            finally:
                if not done:  # compute() does not come to it
                    for path in paths:
                        spool.remove(path)

        metric._compute = _compute


class Free:
    """In the place of a lock: nobody else knows the file, which goes through this link."""

    def __init__(self, held: Link) -> None:
        self.held = held

    def release(self) -> None:
        """Nothing is held."""


def _link(metric: Any) -> Optional[Link]:
    """How an object's ranks meet; None where evaluate's own way is to be taken."""
    if metric.num_process <= 1:
        return None
    return link(metric.process_id, metric.num_process, metric._data_dir_root, metric.experiment_id)


def _held(metric: Any) -> Optional[Link]:
    """As :func:`_link`; what was begun in one way is ended in the same."""
    lock = metric.filelock
    if isinstance(lock, Free):
        return lock.held
    return None if metric.writer is not None else _link(metric)


def _finish(writer: Any, held: Link, what: str) -> None:
    """Write what is left; when that fails, no rank waits for these rows."""
    try:
        writer.finalize()
    except BaseException as error:
        held.fail(what, guard.describe(error))
        raise


def _name(metric: Any) -> str:
    """What every rank calls the objects of one metric."""
    return f"{metric.name} ({metric.config_name}) in {metric.experiment_id}, {metric.num_process} processes"


def _what(metric: Any) -> str:
    """What every rank calls this object."""
    return f"{_name(metric)}, object {getattr(metric, '_compatshim_object', 0)}"


def _check(paths: Dict[int, str]) -> None:
    """Raise unless somebody has rows, and all have rows of one type."""
    if not any(paths.values()):
        raise GatherError(
            "no rank has any rows: please make sure that you call `add` or `add_batch` at least once before "
            "calling `compute`"
        )
    tables.check(paths)
