"""Writes the inputs into the folder given, or beside itself."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import enum
import struct

from pt import CONFIG, Tensor, call, instance, named, save, state

save({"model": state(), "config": CONFIG}, "plain.pt")
save({"model": state(), "config": instance("bdh.BDHConfig", **CONFIG)}, "dataclass.pt")
double = call(named("numpy.dtype"), "f8", False, True)
scalar = named("numpy.core.multiarray.scalar", False)
best = call(scalar, double, struct.pack("<d", 1.25))
save({"model": state(), "config": CONFIG, "best_val_loss": best}, "numpy-scalar.pt")
save({"model": state(), "config": CONFIG, "tokenizer_model": b"\x0a\x07<unk>"}, "bytes.pt")

for protocol in range(2, 6):
    save({"model": state(), "args": instance("argparse.Namespace", **CONFIG)},
         "namespace-%d.pt" % protocol, protocol)
    save({"model": state(), "config": CONFIG, "blob": b"\x00\xff\x80", "more": bytearray(b"ab")},
         "bytes-%d.pt" % protocol, protocol)
layers = call(scalar, call(named("numpy.dtype"), "i8", False, True), struct.pack("<q", 3))
save({"model": state(), "config": dict(CONFIG, n_layer=layers)}, "numpy-layers.pt")
save({"model": state(), "config": CONFIG, "stage": call(named("bdh.Stage"), 2),
      "scheduler": instance("torch.optim.lr_scheduler.LambdaLR", last_epoch=3),
      "path": call(named("pathlib.PosixPath"), "/", "data")}, "calls.pt")
save({"model": state(), "config": CONFIG, "array": call(
    named("numpy.core.multiarray._reconstruct", False), named("numpy.ndarray"), (0,), b"b")},
     "numpy-array.pt")


save({"model": instance("bdh.BDH", training=False, weight=Tensor([1.0], (1,))),
      "config": CONFIG}, "module.pt")
save(instance("bdh.BDH", training=False, weight=Tensor([1.0], (1,))), "module-alone.pt")


class Attack:
    def __reduce__(self):
        import os
        return os.system, ("touch this-must-never-exist",)


save({"model": state(), "config": CONFIG, "extra": Attack()}, "attack.pt")
quantised = state()
quantised["encoder"] = call(named("torch._utils._rebuild_qtensor", False),
                            *quantised["encoder"].parts)
save({"model": quantised, "config": CONFIG}, "quantised.pt")
