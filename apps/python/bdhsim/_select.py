"""Neurons, sources and layers, however they are given: integers, names, selections as on the
command line, lists, slices, boolean masks."""

import operator

import numpy as np

from ._errors import InputError, ShapeError


def integer(value, place, least=0, most=2**64 - 1):
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


def real(value, place, positive=False):
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


def flag(value, place):
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(place, _shown(value), "True or False")
    return bool(value)


def text(value, place):
    if not isinstance(value, str):
        raise InputError(place, _shown(value), "a string")
    return value


def _shown(value):
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _index(value, size, place, what):
    if isinstance(value, (bool, np.bool_)):
        raise InputError(place, repr(value), f"a {what}")
    number = operator.index(value)
    if not 0 <= number < size:
        raise IndexError(f"{place}: {what} {number}, expected 0 to {size - 1}")
    return number


def _one(core, value, size, place, select, what):
    if isinstance(value, (str, np.str_)):
        return select(str(value))
    try:
        return _index(value, size, place, what)
    except TypeError:
        raise InputError(place, _shown(value), f"a {what}: its number or its name") from None


def neuron(model, value, place="neuron"):
    """The number of one neuron."""
    core = model._core
    return _one(core, value, model.neurons, place, core.select_neuron, "neuron")


def source(model, value, place="source"):
    """The number of one source: a neuron, or "token:65"."""
    core = model._core
    return _one(core, value, model.sources, place, core.select_source, "source")


def _many(model, value, size, place, one, select):
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


def neurons(model, value, place="neurons"):
    """Numbers of neurons, in the order in which they are given."""
    return _many(model, value, model.neurons, place, neuron, model._core.select_neurons)


def sources(model, value, place="sources"):
    """The same of neurons and, where they are sources, sensory nodes."""
    return _many(model, value, model.sources, place, source,
                 lambda t: np.array([model._core.select_source(t)], dtype=np.uint32))


def layer(model, value, place="layer"):
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


def layers(model, value, place="layers"):
    if isinstance(value, str):
        return list(model._core.select_layers(value))
    if np.ndim(value) == 0:
        return [layer(model, value, place)]
    return sorted({layer(model, v, place) for v in value})


def broadcast_pairs(model, pre, post):
    """Ends of synapses: (array, array, whether one pair was meant)."""
    def single(v):
        return isinstance(v, (int, np.integer)) or (
            isinstance(v, (str, np.str_)) and np.ndim(v) == 0)

    a, b = neurons(model, pre, "pre"), sources(model, post, "post")
    alone = single(pre) and single(post) and len(a) == 1 and len(b) == 1
    if len(a) != len(b) and 1 not in (len(a), len(b)):
        raise ShapeError("pre and post", f"{len(a)} and {len(b)} neurons", "as many, or one of one")
    a, b = np.broadcast_arrays(a, b)
    return np.ascontiguousarray(a), np.ascontiguousarray(b), alone
