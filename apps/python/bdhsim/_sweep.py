"""Conditions x seeds in parallel processes, as one table."""

from __future__ import annotations

import itertools
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Union

from . import _select as select
from ._errors import InputError
from ._tables import table
from ._types import Integer, Path

if TYPE_CHECKING:
    import pandas as pd

_Row = dict[str, Any]
Grid = Union[Mapping[str, Iterable[Any]], Iterable[Mapping[str, Any]]]


def sweep(function: Callable[..., Mapping[str, Any]], grid: Grid, seeds: Iterable[int] = (0,), *,
          processes: Integer = 1, folder: Path | None = None,
          progress: bool = False) -> pd.DataFrame:
    """`function(seed=..., **condition)` for every condition of a grid ({"retention": [0.9, 1]}: all
    combinations; or a list of dicts) and every seed. It returns a dict of values, one row of the
    frame that this returns. A condition that fails is a row with its message in `error`. With a
    `folder`, rows are kept there, and a sweep that was stopped goes on. Processes are started anew
    (spawn): the function must be importable; pass models by path, or as Models with a file, which
    is mapped, so that all processes share its memory. Needs pandas.

    >>> def loss_at(seed, retention):
    ...     return {"loss": bs.Simulator(m, retention=retention).read("To be").loss}
    >>> bs.sweep(loss_at, {"retention": [0.9, 1.0]}, seeds=[0]).shape
    (2, 4)
    """
    rows = _conditions(grid, seeds)
    processes = select.integer(processes, "processes", 1, 4096)
    done = {} if folder is None else _kept(folder, rows)
    wanted = [i for i in range(len(rows)) if i not in done]
    for number, values in _results(function, rows, wanted, processes):
        done[number] = values
        if folder is not None:
            _keep(folder, number, rows[number], values)
        if progress:
            print(f"\r{len(done)} of {len(rows)} conditions", end="", file=sys.stderr)
    if progress:
        print(file=sys.stderr)
    return table([{**_shown(rows[i]), **done[i]} for i in sorted(done)])


def _conditions(grid: Grid, seeds: Iterable[int]) -> list[_Row]:
    seeds = list(seeds)
    if isinstance(grid, Mapping):
        names = list(grid)
        values = [v if isinstance(v, (list, tuple, range)) else list(v) for v in grid.values()]
        conditions = [dict(zip(names, c)) for c in itertools.product(*values)]
    else:
        conditions = [dict(c) for c in grid]
    if not conditions or not seeds:
        raise InputError("sweep", "no conditions", "a grid and seeds with some")
    for c in conditions:
        if "seed" in c or "error" in c:
            raise InputError("sweep", "a condition named seed or error", "other names")
    return [{**c, "seed": s} for c in conditions for s in seeds]


def _shown(row: _Row) -> _Row:
    return {k: v if isinstance(v, (int, float, str, bool, type(None))) else repr(v)
            for k, v in row.items()}


def _run(function: Callable[..., Any], row: _Row) -> _Row:
    try:
        values = function(**row)
        if not hasattr(values, "items"):
            raise InputError("sweep", f"a function that returned {type(values).__name__}", "a dict")
        return {**values, "error": None}
    except Exception as e:
        where = traceback.extract_tb(e.__traceback__)[-1]
        return {"error": f"{type(e).__name__}: {e} ({os.path.basename(where.filename)}:"
                         f"{where.lineno})"}


def _results(function: Callable[..., Any], rows: list[_Row], wanted: list[int],
             processes: int) -> Iterator[tuple[int, _Row]]:
    if processes == 1:
        for i in wanted:
            yield i, _run(function, rows[i])
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(_run, function, rows[i]): i for i in wanted}
        for finished in as_completed(running):
            yield running[finished], finished.result()


def _file(folder: Path) -> str:
    return os.path.join(os.fspath(folder), "rows.jsonl")


def _kept(folder: Path, rows: list[_Row]) -> dict[int, _Row]:
    """Rows of an earlier sweep of the same conditions; failures are tried again."""
    os.makedirs(folder, exist_ok=True)
    done: dict[int, _Row] = {}
    whole = 0
    if os.path.exists(_file(folder)):
        with open(_file(folder), "rb+") as f:
            for line in f:
                if not line.endswith(b"\n"):
                    break  # of a sweep that was killed
                whole += len(line)
                entry = json.loads(line)
                number = entry["number"]
                if number >= len(rows) or entry["condition"] != _shown(rows[number]):
                    raise InputError(_file(folder), "rows of other conditions", "an empty folder")
                if entry["values"].get("error") is None:
                    done[number] = entry["values"]
            f.truncate(whole)
    return done


def _keep(folder: Path, number: int, row: _Row, values: _Row) -> None:
    plain = {k: v.item() if hasattr(v, "item") else v for k, v in values.items()}
    with open(_file(folder), "a", encoding="utf-8") as f:
        f.write(json.dumps({"number": number, "condition": _shown(row), "values": plain}) + "\n")
