"""Writes the inputs into the folder given, or beside itself."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pt import CONFIG, Tensor, save, state

save({"state_dict": state("net."), "config": CONFIG}, "net.ckpt")
averaged = state("module.")
averaged["n_averaged"] = Tensor([400], (), "Long")
save(averaged, "swa.pt")
save({"model": state(), "config": CONFIG}, "plain.pt")

save({"model": state("student.core.bdh_model."), "config": CONFIG}, "long.pt")
save({"model": state("0."), "config": CONFIG}, "sequential.pt")
save({"my_weights": state("_orig_mod.net."), "config": CONFIG}, "other-wrapper.pt")
compiled = {("_orig_mod." + name if name != "lm_head" else name): tensor
            for name, tensor in state().items()}
save({"model": compiled, "config": CONFIG}, "partly.pt")
apart = {("transformer." + name if name != "lm_head" else name): tensor
         for name, tensor in state().items()}
save({"model": apart, "config": CONFIG}, "apart.pt")
save({"first": state(), "second": state(seed=2), "config": CONFIG}, "two.pt")
save({"model": state(), "ema": state(seed=2), "config": CONFIG}, "ema.pt")
