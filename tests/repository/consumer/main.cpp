// A program of its own: builds a model of two neurons in memory and steps one token.
#include <cstdio>

#include <bdh/bdh.hpp>

namespace {

bdh::projection block(const char* name, bdh::population from, bdh::population to, bdh::major rows) {
  bdh::array<float> weights(from.size * to.size);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(1 + i % 3);
  return bdh::projection::dense(name, from, to, rows, std::move(weights));
}

}  // namespace

int main() {
  const bdh::population neurons{"neurons", 2}, sensory{"sensory", 3}, hubs{"hubs", 2},
      readout{"readout", 3};
  bdh::model_spec p;
  p.layers = 1;
  p.circuits = {block("e", neurons, hubs, bdh::major::source),
                block("sensory", sensory, hubs, bdh::major::source),
                block("dx", hubs, neurons, bdh::major::target),
                block("dy", hubs, neurons, bdh::major::target),
                block("readout", hubs, readout, bdh::major::target)};
  const bdh::model m(std::move(p));
  bdh::simulator brain(m, bdh::cpu_engine(m));
  brain.step(1);
  for (float z : brain.logits()) std::printf("%g ", z);
}
