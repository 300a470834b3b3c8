"""Edges of any kind as files that the importer reads."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from ._errors import InputError, ShapeError


def as_file(folder: str, name: str, graph: Any) -> str | None:
    """The path of a file with these edges; None and text stay as they are."""
    if graph is None or isinstance(graph, (str, os.PathLike)):
        return None if graph is None else os.fspath(graph)
    rows = _edges(graph, name)
    file = os.path.join(folder, f"{name}.csv")
    with open(file, "w", newline="", encoding="utf-8") as f:
        writer = csv.writer(f)
        writer.writerow(("source", "target", "weight"))
        writer.writerows(rows)
    return file


def _edges(graph: Any, name: str) -> Iterable[tuple[Any, Any, str]]:
    if hasattr(graph, "tocoo"):
        matrix = graph.tocoo()
        return _from_arrays(name, matrix.col, matrix.row, matrix.data)
    if hasattr(graph, "edges") and hasattr(graph, "nodes"):
        if not graph.is_directed():
            raise InputError(name, "an undirected graph", "a directed one: graph.to_directed()")
        data = list(graph.edges(data=True))
        missing = sum("weight" not in d for _, _, d in data)
        if missing and missing != len(data):
            raise InputError(name, f"{missing} of {len(data)} edges without a weight",
                             "all or none with one")
        return [(a, b, repr(float(d.get("weight", 1.0)))) for a, b, d in data]
    if hasattr(graph, "columns"):
        columns = [c for c in ("source", "target", "weight") if c in graph.columns]
        if columns[:2] != ["source", "target"]:
            raise InputError(name, f"columns {', '.join(map(str, graph.columns))}",
                             "source, target and weight")
        weight = graph["weight"].to_numpy() if "weight" in columns else np.ones(len(graph))
        return _from_arrays(name, graph["source"].to_numpy(), graph["target"].to_numpy(), weight)
    if isinstance(graph, (tuple, list)) and len(graph) in (2, 3):
        weight = graph[2] if len(graph) == 3 else np.ones(len(graph[0]))
        return _from_arrays(name, *map(np.asarray, (graph[0], graph[1], weight)))
    raise InputError(name, type(graph).__name__, "arrays (pre, post, weight), a SciPy matrix, a "
                     "networkx graph, a pandas frame or a file")


def _from_arrays(name: str, pre: Any, post: Any, weight: Any) -> Iterable[tuple[Any, Any, str]]:
    if not len(pre) == len(post) == len(weight):
        raise ShapeError(name, f"{len(pre)} sources, {len(post)} targets, {len(weight)} weights",
                         "as many of each")
    weight = np.asarray(weight, dtype=np.float64)
    if not np.isfinite(weight).all():
        raise InputError(name, "a weight that is not finite", "finite weights")
    return zip(pre.tolist(), post.tolist(), map(repr, weight.tolist()))
