"""What bdhsim raises. Every message reads `place: found, expected ...; hint`, and has these parts
as attributes."""

from __future__ import annotations

import importlib
from typing import Any


class _Error(Exception):
    place: str
    """The file, argument or neuron at fault."""
    found: str
    """What is there."""
    expected: str
    """What would have been right; may be empty."""
    hint: str
    """What to do about it; may be empty."""

    def __init__(self, place: str, found: str, expected: str = "", hint: str = "") -> None:
        super().__init__(place, found, expected, hint)
        self.place, self.found, self.expected, self.hint = place, found, expected, hint

    def __str__(self) -> str:
        text = f"{self.place}: {self.found}"
        if self.expected:
            text += f", expected {self.expected}"
        return f"{text}; {self.hint}" if self.hint else text


class InputError(_Error, ValueError):
    """A file, an argument or a value that cannot be used.

    >>> brain.step(256)
    Traceback (most recent call last):
    bdhsim._errors.InputError: token: 256, expected an integer from 0 to 255
    """


class ShapeError(_Error, ValueError):
    """Two things whose sizes or conventions do not fit each other.

    >>> brain.strength(1, pre=[1, 2], post=[1, 2, 3])
    Traceback (most recent call last):
    bdhsim._errors.ShapeError: pre and post: 2 and 3 neurons, expected as many, or one of one
    """


class UnavailableError(_Error, RuntimeError):
    """Well-formed, but more than this build, this model or this simulator can do.

    >>> brain.undo()
    Traceback (most recent call last):
    bdhsim._errors.UnavailableError: undo: a simulator without a history, expected ...
    """


class DeviceError(_Error, OSError):
    """A device or the operating system failed: no memory, no space, a failed write.

    >>> issubclass(bs.DeviceError, OSError)
    True
    """

    def __init__(self, place: str, found: str, expected: str = "", hint: str = "") -> None:
        OSError.__init__(self)
        _Error.__init__(self, place, found, expected, hint)
        self.args = (place, found, expected, hint)


def needed(module: str, extra: str) -> Any:
    """The module, or an UnavailableError that says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise UnavailableError(module, "not installed", f"pip install {extra}") from None
