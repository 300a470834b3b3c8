"""Tables, as pandas has them."""

from ._errors import needed


def table(columns, index=None):
    pandas = needed("pandas", "'bdhsim[pandas]'")
    frame = pandas.DataFrame(columns)
    return frame.set_index(index) if index else frame
