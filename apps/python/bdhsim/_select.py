"""Neurons, sources and layers, however they are given: integers, names, selections as on the
command line, lists, slices, boolean masks."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ._errors import InputError, ShapeError
from ._types import UInt32

if TYPE_CHECKING:
    from ._model import Model

_Select = Callable[[str], int]
_SelectMany = Callable[[str], UInt32]
_One = Callable[..., int]


def integer(value: Any, place: str, least: int = 0, most: int = 2**64 - 1) -> int:
    """An integer, of Python or NumPy; True and 1.0 are none."""
    if isinstance(value, (bool, np.bool_)):
        raise InputError(place, repr(value), "an integer")
    try:
        number = operator.index(value)
    except TypeError:
        raise InputError(place, _shown(value), "an integer") from None
    if not least <= number <= most:
        raise InputError(place, str(number), f"an integer from {least} to {most}")
    return number


def real(value: Any, place: str, positive: bool = False) -> float:
    """A finite number."""
    if isinstance(value, (bool, np.bool_, str, bytes)):
        raise InputError(place, _shown(value), "a number")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(place, _shown(value), "a number") from None
    if not np.isfinite(number) or (positive and number <= 0):
        raise InputError(place, str(number), "a positive number" if positive else "a finite number")
    return number


def flag(value: Any, place: str) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(place, _shown(value), "True or False")
    return bool(value)


def text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise InputError(place, _shown(value), "a string")
    return value


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _index(value: Any, size: int, place: str, what: str) -> int:
    if isinstance(value, (bool, np.bool_)):
        raise InputError(place, repr(value), f"a {what}")
    number = operator.index(value)
    if not 0 <= number < size:
        raise IndexError(f"{place}: {what} {number}, expected 0 to {size - 1}")
    return number


def _one(value: Any, size: int, place: str, select: _Select, what: str) -> int:
    if isinstance(value, (str, np.str_)):
        return select(str(value))
    try:
        return _index(value, size, place, what)
    except TypeError:
        raise InputError(place, _shown(value), f"a {what}: its number or its name") from None


def neuron(model: Model, value: Any, place: str = "neuron") -> int:
    """The number of one neuron."""
    return _one(value, model.neurons, place, model._core.select_neuron, "neuron")


def source(model: Model, value: Any, place: str = "source") -> int:
    """The number of one source: a neuron, or "token:65"."""
    return _one(value, model.sources, place, model._core.select_source, "source")


def _many(model: Model, value: Any, size: int, place: str, one: _One,
          select: _SelectMany) -> UInt32:
    if isinstance(value, (str, np.str_)):
        return select(str(value))
    if isinstance(value, slice):
        return np.arange(size, dtype=np.uint32)[value]
    if np.ndim(value) == 0:
        return np.array([one(model, value, place)], dtype=np.uint32)
    values = np.asarray(value) if not isinstance(value, (list, tuple)) else value
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise ShapeError(place, f"an array of {values.ndim} axes", "one axis")
        if values.dtype == bool:
            if len(values) != size:
                raise ShapeError(place, f"a mask of {len(values)}", f"one of {size}")
            return np.flatnonzero(values).astype(np.uint32)
        if values.dtype.kind in "iu":
            if len(values) and (values.min() < 0 or values.max() >= size):
                wrong = values[(values < 0) | (values >= size)][0]
                raise IndexError(f"{place}: {wrong}, expected 0 to {size - 1}")
            return values.astype(np.uint32)
        if values.dtype.kind in "fc":
            raise InputError(place, f"an array of {values.dtype}", "integers, names or a mask")
    elif values and all(isinstance(v, (bool, np.bool_)) for v in values):
        return _many(model, np.array(values, dtype=bool), size, place, one, select)
    return np.array([one(model, v, place) for v in values], dtype=np.uint32)


def neurons(model: Model, value: Any, place: str = "neurons") -> UInt32:
    """Numbers of neurons, in the order in which they are given."""
    return _many(model, value, model.neurons, place, neuron, model._core.select_neurons)


def sources(model: Model, value: Any, place: str = "sources") -> UInt32:
    """The same of neurons and, where they are sources, sensory nodes."""
    return _many(model, value, model.sources, place, source,
                 lambda t: np.array([model._core.select_source(t)], dtype=np.uint32))


def layer(model: Model, value: Any, place: str = "layer") -> int:
    """A layer, from 1 on."""
    if isinstance(value, (bool, np.bool_)):
        raise InputError(place, repr(value), "a layer")
    try:
        number = operator.index(value)
    except TypeError:
        raise InputError(place, _shown(value), "a layer, an integer from 1 on") from None
    if not 1 <= number <= model.layers:
        raise IndexError(f"{place}: {number}, expected 1 to {model.layers}")
    return number


def layers(model: Model, value: Any, place: str = "layers") -> list[int]:
    if isinstance(value, str):
        return list(model._core.select_layers(value))
    if np.ndim(value) == 0:
        return [layer(model, value, place)]
    return sorted({layer(model, v, place) for v in value})


def broadcast_pairs(model: Model, pre: Any, post: Any) -> tuple[UInt32, UInt32, bool]:
    """Ends of synapses: (array, array, whether one pair was meant)."""
    def single(v: Any) -> bool:
        return isinstance(v, (int, np.integer)) or (
            isinstance(v, (str, np.str_)) and np.ndim(v) == 0)

    a, b = neurons(model, pre, "pre"), sources(model, post, "post")
    alone = single(pre) and single(post) and len(a) == 1 and len(b) == 1
    if len(a) != len(b) and 1 not in (len(a), len(b)):
        raise ShapeError("pre and post", f"{len(a)} and {len(b)} neurons", "as many, or one of one")
    a, b = np.broadcast_arrays(a, b)
    return np.ascontiguousarray(a), np.ascontiguousarray(b), alone
