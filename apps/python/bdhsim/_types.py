"""Types of arguments and values, for annotations."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Protocol, Union

import numpy as np
from numpy.typing import NDArray

Path = Union[str, os.PathLike[str]]
Integer = Union[int, np.integer[Any]]
Real = Union[float, np.floating[Any], np.integer[Any]]
Integers = Union[Sequence[int], NDArray[np.integer[Any]]]
Reals = Union[Real, Sequence[float], NDArray[np.floating[Any]]]

Text = Union[str, bytes, Sequence[int], NDArray[np.integer[Any]]]  # or token ids
OneToken = Union[Integer, str, bytes]
Neuron = Union[Integer, str]  # its number or its name
Neurons = Union[Neuron, slice, Sequence[Neuron], NDArray[np.integer[Any]], NDArray[np.bool_]]
Pairs = Union[str, Iterable[tuple[Neuron, Neuron]]]  # (pre, post)
Layers = Union[Integer, str, Sequence[int]]

Variable = Literal["x", "y"]
Weights = Literal["float32", "bf16"]
Progress = Union[bool, Callable[[int], object], None]

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
UInt32 = NDArray[np.uint32]
UInt64 = NDArray[np.uint64]


class Tokenizer(Protocol):
    """What `Model.with_tokenizer` takes."""

    def encode(self, text: str, /) -> Any: ...

    def decode(self, ids: list[int], /) -> str: ...
