"""Writes the inputs into the folder given, or beside itself."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import math
import random

from pt import CONFIG, HEADS, HUBS, PER, Storage, Tensor, save, shapes, state

numbers = [0.1 * i for i in range(HUBS * PER)]


def saved(name, **tensors):
    save({"model": {**state(), **tensors}, "config": CONFIG}, name)


saved("model.pt", encoder_v=Tensor(numbers, (HEADS, HUBS, PER), stride=(0, PER, 1)))
saved("copied.pt", encoder_v=Tensor(numbers * HEADS, (HEADS, HUBS, PER)))
saved("one-number.pt", encoder_v=Tensor([0.25], (HEADS, HUBS, PER), stride=(0, 0, 0)))
saved("one-number-copied.pt", encoder_v=Tensor([0.25] * 32, (HEADS, HUBS, PER)))
# overlapping: each head begins one hub after the last
saved("overlapping.pt", encoder_v=Tensor(numbers + numbers[:PER], (HEADS, HUBS, PER),
                                         stride=(PER, PER, 1)))
saved("overlapping-copied.pt",
      encoder_v=Tensor(numbers + numbers[PER:] + numbers[:PER], (HEADS, HUBS, PER)))
# all matrices in one storage, each from its own element
draw = random.Random(1)
values = [draw.gauss(0, 0.3) for _, shape in shapes() for _ in range(math.prod(shape))]
shared, views, begin = Storage(values), {}, 0
for matrix, shape in shapes():
    views[matrix] = Tensor(shared, shape, offset=begin)
    begin += math.prod(shape)
saved("shared.pt", **views)
saved("plain.pt")
# a tiny file for terabytes
saved("terabytes.pt", encoder_v=Tensor([0.25], (1 << 14, 1 << 13, 1 << 13), stride=(0, 0, 0)))
saved("many.pt", **{"layers.%d.encoder" % i: Tensor([0.5], (1 << 10, 1 << 10, 1 << 4),
                                                    stride=(0, 0, 0)) for i in range(200)})
saved("outside.pt", encoder_v=Tensor(numbers, (HEADS, HUBS, PER), stride=(1, PER, 1)))
