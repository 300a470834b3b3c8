"""What bdhsim raises. Every message reads `place: found, expected ...; hint`, and has these parts
as attributes."""


class _Error:
    def __init__(self, place, found, expected="", hint=""):
        super().__init__(place, found, expected, hint)
        self.place, self.found, self.expected, self.hint = place, found, expected, hint

    def __str__(self):
        text = f"{self.place}: {self.found}"
        if self.expected:
            text += f", expected {self.expected}"
        return f"{text}; {self.hint}" if self.hint else text


class InputError(_Error, ValueError):
    """A file, an argument or a value that cannot be used."""


class ShapeError(_Error, ValueError):
    """Two things whose sizes or conventions do not fit each other."""


class UnavailableError(_Error, RuntimeError):
    """Well-formed, but more than this build, this model or this simulator can do."""


class DeviceError(_Error, OSError):
    """A device or the operating system failed: no memory, no space, a failed write."""

    def __init__(self, place, found, expected="", hint=""):
        OSError.__init__(self)
        _Error.__init__(self, place, found, expected, hint)
        self.args = (place, found, expected, hint)


def needed(module, extra):
    """The module, or an UnavailableError that says how to get it."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError:
        raise UnavailableError(module, "not installed", f"pip install {extra}") from None
