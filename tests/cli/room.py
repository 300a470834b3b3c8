"""Where the large files of a test go, and whether it has the memory that it needs; a machine that
has neither skips it."""
import os
import shutil
import tempfile
import unittest


def folder_with_room(size, program):
    """A new folder for `size` bytes: where temporary files go or, as that is a small disk on many
    machines, beside the program."""
    places = (tempfile.gettempdir(), os.path.dirname(os.path.abspath(program)))
    for place in places:
        if shutil.disk_usage(place).free > 1.1 * size and os.access(place, os.W_OK):
            return tempfile.mkdtemp(prefix="bdh-large-", dir=place)
    raise unittest.SkipTest(f"{size / 1e9:.1f} GB for files are free neither in {places[0]} nor "
                            f"beside the program")


def expect_memory(size):
    """Of this machine, or of the container that this is."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE")]
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(name) as f:
                limits.append(int(f.read()))
        except (OSError, ValueError):
            pass  # no such file, or "max"
    if min(limits) < size:
        raise unittest.SkipTest(f"{min(limits) / 1e9:.1f} GB of memory, it needs {size / 1e9:.1f}")
