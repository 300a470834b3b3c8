"""How this module was built."""

from __future__ import annotations

from typing import TypedDict

from . import _core


class BuildInfo(TypedDict):
    """What `build_info` returns."""

    version: str
    compiler: str
    instructions: str
    igraph: bool
    sentencepiece: bool
    cuda: bool
    mpi: str


def build_info() -> BuildInfo:
    """How this module was built: version, compiler, the vector `instructions` that are used here,
    whether it has igraph (`Model.communities`), SentencePiece (its tokenizers) and CUDA (devices),
    and which MPI (`join_ranks`), or "".

    >>> bs.build_info()["version"] == bs.__version__
    True
    >>> sorted(bs.build_info())
    ['compiler', 'cuda', 'igraph', 'instructions', 'mpi', 'sentencepiece', 'version']
    """
    found: BuildInfo = _core.build_info()  # type: ignore[assignment]
    return found
