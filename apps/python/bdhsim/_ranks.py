"""Several processes that run one model, started by mpirun or srun."""

from __future__ import annotations

import atexit
import os
import sys

from . import _core
from ._build import build_info
from ._errors import UnavailableError


def _started_together() -> int:
    """How many processes, as Open MPI, MPICH and Slurm say it."""
    for name in ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE"):
        if name in os.environ:
            return int(os.environ[name])
    return int(os.environ.get("SLURM_NTASKS", 2)) if "PMIX_RANK" in os.environ else 1


def join_ranks() -> tuple[int, int]:
    """The rank of this process and their number, in a script that mpirun or srun started several
    times. Rank 0 goes on: its simulators, made of models that have a file, are divided among all.
    For the others it does not return: they follow rank 0 and end with it. Call it first of all. MPI
    is started, unless mpi4py has.

    >>> bs.join_ranks()  # alone
    (0, 1)
    """
    if _started_together() == 1 and "mpi4py.MPI" not in sys.modules:
        return 0, 1
    if not build_info()["mpi"]:
        raise UnavailableError("join_ranks", "a build without MPI", "one with it",
                               "pip install . --config-settings=cmake.define.BDH_MPI=ON")
    rank, size = _core.join_ranks()
    if rank != 0:
        sys.exit(0)
    if size != 1:
        atexit.register(_core.leave_ranks)
    return rank, size
