"""Tables, as pandas has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._errors import needed

if TYPE_CHECKING:
    import pandas as pd


def table(columns: Any, index: str | None = None) -> pd.DataFrame:
    pandas = needed("pandas", "'bdhsim[pandas]'")
    frame = pandas.DataFrame(columns)
    return frame.set_index(index) if index else frame
