"""The Dragon Hatchling (BDH) as a graph of neurons and synapses.

    import bdhsim as bs
    model = bs.load("model.bdh.h5")            # or import_checkpoint, import_graph
    brain = bs.Simulator(model)
    out = brain.read("To be, or not to be", keep=["x", "y"])
    out.x.shape                                # (tokens, layers, neurons)

Layers count from 1, as on the command line; arrays are float32; positions are tokens read before;
surprisal is in nats. Where neurons are meant, give an integer, a name, a list, a slice, a boolean
mask, or a selection such as "5,7-9" or "random:10@1".

In the examples of this reference `bs` is bdhsim, `np` is NumPy, `m` a trained model of 4096 neurons
and 4 layers that reads bytes, `ring` a model of three neurons with explicit edges, and `brain` a
new simulator of `m`.
"""

from ._build import BuildInfo, build_info
from ._circuits import Circuit
from ._concepts import Concepts, concepts
from ._core import StepReport
from ._core import version as __version__
from ._errors import DeviceError, InputError, ShapeError, UnavailableError
from ._interventions import (Intervention, clamp, freeze, inhibition, lesion, noise, reset,
                             set_strength, silence, stimulate)
from ._makers import from_torch, import_checkpoint, import_graph, load, new
from ._measures import Verified, activity, compare, evaluate, verify
from ._model import Model
from ._ranks import join_ranks
from ._recording import Recording
from ._run import Run, open_run
from ._simulator import Simulator, step_streams
from ._spikes import Trains, spike_scales
from ._state import State, load_state
from ._sweep import sweep
from ._values import Learned, Output, Probe, Round, Token

__all__ = [
    "BuildInfo", "Circuit", "Concepts", "DeviceError", "InputError", "Intervention", "Learned",
    "Model", "Output", "Probe", "Recording", "Round", "Run", "ShapeError", "Simulator", "State",
    "StepReport", "Token", "Trains", "UnavailableError", "Verified", "activity", "build_info",
    "clamp", "compare", "concepts", "evaluate", "freeze", "from_torch", "import_checkpoint",
    "import_graph", "inhibition", "join_ranks", "lesion", "load", "load_state", "new", "noise",
    "open_run", "reset", "set_strength", "silence", "spike_scales", "step_streams", "stimulate",
    "sweep", "verify",
]
