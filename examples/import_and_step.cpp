// Imports a trained BDH-GPU checkpoint as a neuron graph, reads a sentence token by token, and
// shows what fires.
//     import_and_step examples/models/shakespeare-4096/model.safetensors "To be, or not to"
#include <algorithm>
#include <iostream>

#include <bdh/bdh.hpp>

int main(int argc, char** argv) try {
  if (argc != 3) return std::cerr << "usage: import_and_step CHECKPOINT TEXT\n", 2;
  const bdh::model model = bdh::import_checkpoint(argv[1]);
  bdh::simulator brain(model, bdh::cpu_engine(model));

  std::cout << "token  neurons with X > 0, Y > 0 in each of " << model.layers() << " layers\n";
  for (const unsigned char byte : std::string(argv[2])) {
    const bdh::step_report report = brain.step(byte);
    std::cout << '\'' << byte << "'    ";
    for (std::size_t l = 0; l < report.active_x.size(); ++l)
      std::cout << ' ' << report.active_x[l] << ',' << report.active_y[l];
    std::cout << '\n';
  }
  const auto logits = brain.logits();
  const auto next = std::max_element(logits.begin(), logits.end()) - logits.begin();
  std::cout << "expected next: '" << static_cast<char>(next) << "'\n";
} catch (const bdh::error& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
