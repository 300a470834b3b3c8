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


def build_info() -> BuildInfo:
    """How this module was built: version, compiler, the vector `instructions` that are used here,
    and whether it has igraph (`Model.communities`), SentencePiece (its tokenizers) and CUDA
    (devices).

    >>> bs.build_info()["version"] == bs.__version__
    True
    >>> sorted(bs.build_info())
    ['compiler', 'cuda', 'igraph', 'instructions', 'sentencepiece', 'version']
    """
    found: BuildInfo = _core.build_info()  # type: ignore[assignment]
    return found
