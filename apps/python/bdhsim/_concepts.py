"""Synapses and neurons that separate two sets of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Union

import numpy as np

from . import _core
from . import _select as select
from ._errors import InputError, ShapeError
from ._makers import model_of
from ._model import Model
from ._simulator import Simulator
from ._tables import table
from ._types import Float32, Integer, Path, Text

if TYPE_CHECKING:
    import pandas as pd

Texts = Union[Sequence[Text], Mapping[Any, Sequence[Text]]]  # or {group: texts}


class Concepts:
    """What `concepts` found.

    >>> cats = [f"the cat {v} on the {n}" for v in ("sat", "lay", "ran", "hid")
    ...         for n in ("mat", "bed")]
    >>> dogs = [text.replace("cat", "dog") for text in cats]
    >>> found = bs.concepts(m, cats, dogs, carry=1)
    >>> found.values.shape                     # findings, texts
    (1, 16)
    """

    table: pd.DataFrame
    """A row for each candidate that was put to the test, the best first: `layer`, `head`; `pre` and
    `post` (of amplitudes `partner`, too), or `variable` and `neuron`; `chosen_r` and `confirmed_r`,
    rank-biserial correlations on the two halves, from -1 to 1; `p`, its value corrected by Holm in
    `corrected_p`, and whether that is below 0.05 in the direction of the choice, `confirmed`; means
    of the two sets; with groups the same on other texts of the groups that chose, `same_groups_p`,
    `same_groups_corrected_p` and `same_groups`; `period_tokens`, of one turn of the synapse."""
    values: Float32
    """What was compared, (findings, texts): the positive texts, then the negative ones."""
    amplitudes: Float32 | None
    """Of synapses of models that rotate the amplitude, (findings, texts)."""
    roles: list[str]
    """What each text was for: "choose", "confirm" or "same group"; "" for nothing."""
    candidates: int
    """How many were searched."""

    def __init__(self, table: pd.DataFrame, values: Float32, amplitudes: Float32 | None,
                 roles: list[str], candidates: int) -> None:
        self.table, self.values, self.amplitudes = table, values, amplitudes
        self.roles, self.candidates = roles, candidates

    def __repr__(self) -> str:
        held = int(self.table["confirmed"].sum())
        return f"<Concepts: {held} of {len(self.table)} confirmed, of {self.candidates} candidates>"

    def _repr_html_(self) -> str:
        return self.table._repr_html_()  # type: ignore[operator]


class _Reader:
    """Texts of both sets in one row, with the groups that they belong to."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.texts: list[Any] = []
        self.confirms: list[bool] = []
        self.groups: list[int] = []
        self._numbers: dict[Any, tuple[int, bool]] = {}
        self._grouped: bool | None = None

    def add(self, texts: Texts, place: str, confirms: bool) -> None:
        if isinstance(texts, (str, bytes)) or not isinstance(texts, (Sequence, Mapping)):
            raise InputError(place, f"{type(texts).__name__}", "a list of texts, or {group: texts}")
        grouped = isinstance(texts, Mapping)
        if self._grouped not in (None, grouped):
            raise InputError(place, "groups in some of the sets", "in all of them, or in none")
        self._grouped = grouped
        if not isinstance(texts, Mapping):
            self._add(texts, place, confirms)
            return
        for group, members in texts.items():
            where = f"{place}[{group!r}]"
            number, chooses = self._numbers.setdefault(group, (len(self._numbers), confirms))
            if chooses != confirms:
                raise InputError(where, "a group that chooses",
                                 "a group that has no part in the choice")
            if isinstance(members, (str, bytes)) or not isinstance(members, Sequence):
                raise InputError(where, type(members).__name__, "a list of texts")
            self._add(members, where, confirms)
            self.groups += [number] * len(members)

    def _add(self, texts: Sequence[Text], place: str, confirms: bool) -> None:
        if len(texts) == 0:
            raise ShapeError(place, "no texts", "one at least")
        for k, text in enumerate(texts):
            tokens = self.model.encode(text)
            if len(tokens) == 0:
                raise ShapeError(f"{place}[{k}]", "no tokens", "one at least")
            self.texts.append(tokens)
            self.confirms.append(confirms)


def concepts(model: Model | Path, positive: Texts, negative: Texts, *,
             confirm: tuple[Texts, Texts] | None = None, paired: bool = False,
             layer: Integer | None = None, head: Integer | None = None, neurons: bool = False,
             factor: Literal["y", "w"] = "y",
             measure: Literal["strength", "amplitude"] = "strength", carry: Integer = 100,
             seed: Integer = 1, **settings: Any) -> Concepts:
    """The synapses, or neurons, that separate two sets of texts, as `bdh concepts` finds them:
    chosen among all candidates on one half of the texts, confirmed on the other, by Mann and
    Whitney's U with Holm's correction.

    `positive`, `negative`: texts about the concept, and others of the same kind without it; or
    `{group: texts}`, a word or a frame and texts with it: a group chooses or confirms as a whole.
    `confirm`: others of both, that confirm. `paired`: text k of one set is matched with text k of
    the other, and their differences are tested. `layer`, `head`: only these. `neurons`: X and Y,
    mean over a text, instead of strengths at its end. `factor`: of synapses, `"y"` is the paper's
    Eq. 16, `"w"` what acts. `measure`: `"amplitude"` is the size of two synapses that turn
    together, `pre` the even neuron. `carry`: how many are put to the test. `seed`: draws the
    halves. `settings`: of the `Simulator`. Needs pandas.

    >>> cats = [f"the cat {v} on the {n}" for v in ("sat", "lay", "ran", "hid")
    ...         for n in ("mat", "bed")]
    >>> dogs = [text.replace("cat", "dog") for text in cats]
    >>> found = bs.concepts(m, cats, dogs, neurons=True, carry=1)
    >>> found.table[["layer", "variable", "confirmed"]].values.tolist()
    [[2, 'y', True]]
    """
    model = model_of(model)
    for name, value, valid in (("factor", factor, ("y", "w")),
                               ("measure", measure, ("strength", "amplitude"))):
        if value not in valid:
            raise InputError(name, repr(value), " or ".join(valid))
    if neurons and measure != "strength":
        raise InputError("measure", repr(measure), "strength: neurons have none")
    texts = _Reader(model)
    texts.add(positive, "positive", False)
    if confirm is not None:
        if not isinstance(confirm, tuple) or len(confirm) != 2:
            raise InputError("confirm", type(confirm).__name__, "(positive texts, negative texts)")
        texts.add(confirm[0], "confirm[0]", True)
    positives = len(texts.texts)
    texts.add(negative, "negative", False)
    if confirm is not None:
        texts.add(confirm[1], "confirm[1]", True)
    if paired:
        _expect_pairs(texts, positives)
    brain = Simulator(model, **settings)
    roles = _core.TextRoles(positives, texts.confirms if confirm is not None else [],
                            texts.groups, bool(paired), select.integer(seed, "seed", 0))
    found = _core.concepts(
        brain._core, [np.ascontiguousarray(t, np.uint32) for t in texts.texts], roles,
        None if layer is None else select.integer(layer, "layer", 1),
        None if head is None else select.integer(head, "head", 0), bool(neurons), factor == "y",
        measure == "amplitude", select.integer(carry, "carry", 1, 100_000))
    rows = [_row(f, found, k, positives, neurons, measure == "amplitude", bool(texts.groups))
            for k, f in enumerate(found["findings"])]
    names = ["", "choose", "confirm", "same group"]
    return Concepts(table(rows), found["values"], found["amplitudes"],
                    [names[r] for r in found["role"]], found["candidates"])


def _expect_pairs(texts: _Reader, positives: int) -> None:
    if texts.groups:
        raise InputError("paired", "with groups",
                         "one of them: groups are compared by their means, not in pairs")
    for confirms in (False, True):
        first = texts.confirms[:positives].count(confirms)
        second = texts.confirms[positives:].count(confirms)
        if first != second:
            raise ShapeError("confirm" if confirms else "negative", f"{second} texts",
                             f"{first}, one for each of the positive ones")


def _row(f: dict[str, Any], found: dict[str, Any], k: int, positives: int, neurons: bool,
         amplitude: bool, grouped: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"layer": f["layer"], "head": f["head"]}
    if neurons:
        row |= {"variable": "y" if f["of_y"] else "x", "neuron": f["pre"]}
    else:
        row |= {"pre": f["pre"]} | ({"partner": f["pre"] ^ 1} if amplitude else {})
        row["post"] = f["post"]
    row |= {"chosen_r": f["chosen"]["r"], "confirmed_r": f["confirmed"]["r"],
            "p": f["confirmed"]["p"], "corrected_p": f["corrected_p"], "confirmed": f["holds"]}
    for name, values in (("mean", found["values"]), ("mean_amplitude", found["amplitudes"])):
        if values is not None and not (amplitude and name == "mean_amplitude"):
            row[f"{name}_positive"] = float(values[k, :positives].mean(dtype=np.float64))
            row[f"{name}_negative"] = float(values[k, positives:].mean(dtype=np.float64))
    if grouped:
        row |= {"same_groups_p": f["same_groups_p"],
                "same_groups_corrected_p": f["same_groups_corrected_p"],
                "same_groups": f["holds_for_same"]}
    if f["period"] is not None:
        row["period_tokens"] = f["period"]
    return row
