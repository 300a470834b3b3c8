// Is a BDH-GPU checkpoint exactly a BDH neuron graph? Runs both forms of the dense double-precision
// oracle over the bundled checkpoints, prints the largest difference of any logit, and fails above
// 1e-12 of the largest logit.
#include <cstdio>
#include <string>
#include <vector>

#include "oracle.hpp"

namespace {

bool compare(const char* name, const oracle::weights& m, const std::vector<int>& tokens) {
  const oracle::tensor_trace tensor = oracle::tensor_form(m, tokens);
  const std::vector<oracle::token_trace> graph =
      oracle::graph_form(m, oracle::variant::gpu_release).run(tokens);
  double worst = 0;
  for (std::size_t t = 0; t < tokens.size(); ++t)
    worst = std::max(worst,
                     (graph[t].logits.transpose() - tensor.logits.row(static_cast<Eigen::Index>(t)))
                         .cwiseAbs()
                         .maxCoeff());
  const double largest = tensor.logits.cwiseAbs().maxCoeff();
  std::printf(
      "%-17s n = %4d, %d heads, %2zu tokens: largest difference of a logit %.1e (largest logit "
      "%.2f)\n",
      name, m.n, m.heads, tokens.size(), worst, largest);
  return worst <= 1e-12 * largest;
}

}  // namespace

int main() {
  const std::string root = BDH_SOURCE_DIR;
  std::vector<int> text;
  for (const char c : std::string("To be, or no")) text.push_back(c);
  bool good = true;
  for (const double u : {1.0, 0.98}) {
    std::printf("retention u = %g\n", u);
    oracle::weights small = oracle::load_released(root + "/tests/data/random-64/model.safetensors");
    oracle::weights trained =
        oracle::load_released(root + "/examples/models/shakespeare-4096/model.safetensors");
    small.retention = trained.retention = u;
    good = compare("random-64", small, text) && good;
    good = compare("shakespeare-4096", trained, {text.begin(), text.begin() + 8}) && good;
  }
  return good ? 0 : 1;
}
