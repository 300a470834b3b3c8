"""The edges of models, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from . import _core
from ._errors import InputError, needed
from ._types import Float32, UInt32, UInt64

if TYPE_CHECKING:
    import scipy.sparse


class Circuit:
    """The edges of a projection, source -> target, as arrays that are read-only and keep their
    model alive.

    >>> dx = m.circuits["dx"]
    >>> dx
    <Circuit dx: 64 hubs -> 4096 neurons, 262144 edges, dense>
    >>> dx.weights.shape, dx.weights.flags.writeable
    ((4096, 64), False)
    """

    name: str
    """Such as "dx", or "gx_excitatory"."""
    rows: Literal["source", "target"]
    """What a row of `weights` is."""
    dense: bool
    """Whether every pair is connected."""
    source: tuple[str, int]
    """What the edges leave, and how many of them there are: ("neurons", 4096)."""
    target: tuple[str, int]
    """What the edges reach, and how many of them there are."""
    weights: Float32
    """(rows, columns) where every pair is connected, else (edges): float32, read-only."""
    indices: UInt32 | None
    """(edges): columns, as in SciPy's CSR; None where every pair is connected."""
    indptr: UInt64 | None
    """(rows + 1), as in SciPy's CSR; None where every pair is connected."""

    def __init__(self, parts: dict[str, Any]) -> None:
        self.name, self.rows, self.dense = parts["name"], parts["rows"], parts["dense"]
        self.source, self.target = parts["source"], parts["target"]
        self.weights = parts["weights"]
        self.indices, self.indptr = parts.get("indices"), parts.get("indptr")

    @property
    def edges(self) -> int:
        """How many edges there are.

        >>> ring.circuits["gx_excitatory"].edges
        3
        """
        return int(self.weights.size)

    @property
    def shape(self) -> tuple[int, int]:
        """(targets, sources), as of `to_scipy` and `to_numpy`.

        >>> m.circuits["dx"].shape
        (4096, 64)
        """
        return self.target[1], self.source[1]

    def to_scipy(self) -> scipy.sparse.csr_array:
        """A sparse matrix W[target, source] of shape (targets, sources), over the same memory where
        that is possible. Needs SciPy."""
        sparse = needed("scipy.sparse", "scipy")
        by_source = self.rows == "source"
        if self.indices is None or self.indptr is None:
            return sparse.csr_array(self.weights.T if by_source else self.weights)
        shape = self.shape[::-1] if by_source else self.shape
        indices: Any = self.indices
        if indices.size and indices.max() < 2**31:
            indices = indices.view(np.int32)
        indptr = self.indptr.astype(np.int64 if self.edges >= 2**31 else np.int32)
        matrix = sparse.csr_array((self.weights, indices, indptr), shape=shape, copy=False)
        return matrix.T.tocsr() if by_source else matrix

    def to_numpy(self) -> Float32:
        """A dense array W[target, source] of shape (targets, sources): a view where it is stored
        so, else made.

        >>> ring.circuits["gx_excitatory"].to_numpy()
        array([[0. , 0. , 0.5],
               [1. , 0. , 0. ],
               [0. , 1. , 0. ]], dtype=float32)
        """
        if self.indices is None or self.indptr is None:
            return self.weights.T if self.rows == "source" else self.weights
        full = np.zeros(self.shape, dtype=np.float32)
        edges_of_row: Any = np.diff(self.indptr.astype(np.int64))
        row = np.repeat(np.arange(len(self.indptr) - 1), edges_of_row)
        ends = (self.indices, row) if self.rows == "source" else (row, self.indices)
        full[ends] = self.weights
        return full

    def __repr__(self) -> str:
        kind = "dense" if self.dense else "sparse"
        return (f"<Circuit {self.name}: {self.source[1]} {self.source[0]} -> "
                f"{self.target[1]} {self.target[0]}, {self.edges} edges, {kind}>")


class Circuits(Mapping[str, Circuit]):
    """The circuits of a model by name."""

    def __init__(self, core: _core.Model) -> None:
        self._core = core
        self._names = core.circuit_names()

    def __getitem__(self, name: str) -> Circuit:
        if name not in self._names:
            raise InputError("circuits", repr(name), ", ".join(self._names))
        return Circuit(self._core.circuit(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __repr__(self) -> str:
        return f"<circuits: {', '.join(self._names)}>"
