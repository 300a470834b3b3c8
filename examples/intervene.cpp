// Prints what drives a neuron in layer 2 and the strength of a synapse of it, round by round; then
// silences the neuron.
//     intervene examples/models/shakespeare-4096/model.safetensors "To be" 1234 99
#include <iostream>
#include <string>

#include <bdh/bdh.hpp>

int main(int argc, char** argv) try {
  if (argc != 5) return std::cerr << "usage: intervene CHECKPOINT TEXT NEURON TARGET\n", 2;
  const bdh::model model = bdh::import_checkpoint(argv[1]);
  const bdh::neuron_pair pair{bdh::select_neuron(model, argv[3]),
                              bdh::select_source(model, argv[4])};
  bdh::simulator brain(model, bdh::cpu_engine(model));
  brain.probes().add({pair, 2});
  brain.follow_sources();  // a neuron's drive is computed from the activity of the sources
  for (const bool silenced : {false, true}) {
    if (silenced)
      brain.interventions().add(bdh::silence(bdh::variable::x, {pair.pre}).from(brain.tokens()));
    for (const unsigned char byte : std::string(argv[2])) {
      brain.begin(byte);
      while (const auto done = brain.advance()) {
        if (done->layer != 2 || done->at != bdh::moment::x_ready) continue;
        const bdh::drive d = bdh::drive_of_x(brain, 2, pair.pre);
        std::cout << '\'' << byte << "'  excitation " << d.excitatory << ", inhibition "
                  << d.inhibitory << ", X " << brain.read(bdh::variable::x)[pair.pre];
      }
      brain.finish();
      std::cout << ", synapse " << shown_pair(model, pair) << ' '
                << *brain.probes().strength(2, pair) << '\n';
    }
  }
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
