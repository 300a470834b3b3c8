// Reads the strength of one synapse, neuron -> hub, over a sentence: its value after a token is
// what the next token will read.
//     hub_synapse examples/models/shakespeare-4096/model.safetensors "To be, or not to" 2 1234 5
#include <iomanip>
#include <iostream>
#include <string>

#include <bdh/bdh.hpp>

int main(int argc, char** argv) try {
  if (argc != 6) return std::cerr << "usage: hub_synapse CHECKPOINT TEXT LAYER NEURON HUB\n", 2;
  const auto number = [&](int i) { return static_cast<bdh::neuron_id>(std::stoul(argv[i])); };
  const bdh::model model = bdh::import_checkpoint(argv[1]);
  bdh::simulator brain(model, bdh::cpu_engine(model));

  float x = 0;  // X of the neuron in that layer, caught as the token passes through
  brain.observe([&](bdh::layer_id layer, bdh::moment at) {
    if (layer == number(3) && at == bdh::moment::x_ready)
      x = brain.read(bdh::variable::x)[number(4)];
  });
  std::cout << "synapse neuron " << number(4) << " -> hub " << number(5) << ", layer " << number(3)
            << "\ntoken        X  strength\n";
  for (const unsigned char byte : std::string(argv[2])) {
    brain.step(byte);
    const float strength = brain.synapse(number(3), number(4), number(5));
    std::cout << '\'' << byte << "' " << std::fixed << std::setprecision(4) << std::setw(10) << x
              << std::setw(10) << strength << '\n';
  }
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
