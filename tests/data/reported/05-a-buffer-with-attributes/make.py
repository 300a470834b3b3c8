"""Writes the inputs into the folder given, or beside itself."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pt import CONFIG, call, named, save, state

typed = named("torch._tensor._rebuild_from_type_v2", False)
tensor = named("torch.Tensor")
rebuild = named("torch._utils._rebuild_tensor_v2", False)
save({"model": state(), "config": CONFIG}, "plain.pt")


def with_attributes(attributes, name="attn.freqs"):
    s = state()
    s[name] = call(typed, rebuild, tensor, s[name].parts, attributes)
    return {"model": s, "config": CONFIG}


save(with_attributes({"_is_buffer": True, "persistent": True}), "model.pt")
save(with_attributes({"scale": 0.5, "_is_buffer": True}, "encoder"), "scale.pt")
import collections

s = state()
plain, state_of = (named("torch._utils._rebuild_parameter" + end, False)
                   for end in ("", "_with_state"))
s["encoder"] = call(state_of, s["encoder"], True, collections.OrderedDict(), {"tag": "x"})
s["decoder"] = call(plain, s["decoder"], True, collections.OrderedDict())
s["encoder_v"] = call(typed, plain, named("torch.nn.parameter.Parameter"),
                      (s["encoder_v"], True, collections.OrderedDict()), {"_is_param": True})
save({"model": s, "config": CONFIG}, "parameters.pt")
s = state()
s["encoder"] = call(typed, rebuild, named("torchao.dtypes.AffineQuantizedTensor"),
                    s["encoder"].parts, {"block_size": (1, 4)})
save({"model": s, "config": CONFIG}, "subclass.pt")
