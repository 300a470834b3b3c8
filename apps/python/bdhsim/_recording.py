"""Runs that are being written, and how far a reading is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import _core
from . import _select as select
from ._errors import InputError
from ._types import Integer, Neurons

if TYPE_CHECKING:
    from ._model import Model


class Recording:
    """A run that is being written, by `Simulator.record`.

    >>> with brain.record("run") as recording:
    ...     out = brain.read("To be")
    ...     recording.commit()
    ...     len(bs.open_run("run"))
    5
    """

    folder: str
    """Where its files are."""

    def __init__(self, core: _core.Brain, folder: str) -> None:
        self._core, self.folder = core, folder

    def commit(self) -> None:
        """Everything so far is on the disk, and readable; without it, at the latest after a second.

        >>> with brain.record("run") as recording:
        ...     recording.commit()
        """
        self._core.commit_recording()


def requests_of(model: Model, *, events: bool, logits: bool, x: Neurons | None, y: Neurons | None,
                synapses: str | Sequence[str] | None, spikes: Neurons | None,
                snapshot: Integer | None, requests: Sequence[str]) -> list[str]:
    """What `bdh run --record` takes."""
    wanted = list(requests)
    wanted += [name for name, on in (("events", events), ("logits", logits))
               if select.flag(on, name)]
    for name, neurons in (("x", x), ("y", y), ("spikes", spikes)):
        if neurons is not None:
            wanted.append(f"{name}:{_listed(model, neurons)}")
    if synapses is not None:
        wanted += [f"synapses:{s}" for s in ([synapses] if isinstance(synapses, str)
                                             else synapses)]
    if snapshot is not None:
        wanted.append(f"snapshot every {select.integer(snapshot, 'snapshot', 1)}")
    return wanted


def _listed(model: Model, neurons: Neurons) -> str:
    if isinstance(neurons, str):
        return neurons
    return ",".join(f"#{n}" if model.names else str(n) for n in select.neurons(model, neurons))


@contextmanager
def progress_of(progress: Any, total: int) -> Iterator[Callable[[int], object] | None]:
    """The function to call with the tokens read so far."""
    if progress is None or progress is False:
        yield None
    elif callable(progress):
        yield progress
    elif progress is True:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            yield lambda done: print(f"\r{done} of {total} tokens", end="", file=sys.stderr)
            print(file=sys.stderr)
            return
        with tqdm(total=total, unit="token") as bar:
            yield lambda done: bar.update(done - bar.n)
            bar.update(total - bar.n)
    else:
        raise InputError("progress", repr(progress)[:60], "True, False or a function")
