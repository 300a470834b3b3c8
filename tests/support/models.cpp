#include "support/models.hpp"

#include <utility>

#include "core/base/random.hpp"

namespace tests {
namespace {

Eigen::MatrixXd normal_matrix(int rows, int columns, double deviation, std::uint64_t seed, std::uint64_t stream) {
  Eigen::MatrixXd m(rows, columns);
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c)
      // float32, because that is what the simulator stores
      m(r, c) = static_cast<float>(deviation *
                                   bdh::normal(seed, bdh::purpose::test_weights, static_cast<std::uint64_t>(r) * columns + c, stream));
  return m;
}

// `by_row` holds one storage row per matrix row.
bdh::array<float> flat(const Eigen::MatrixXd& by_row) {
  bdh::array<float> out(static_cast<std::size_t>(by_row.size()));
  for (Eigen::Index r = 0; r < by_row.rows(); ++r)
    for (Eigen::Index c = 0; c < by_row.cols(); ++c)
      out[static_cast<std::size_t>(r * by_row.cols() + c)] = static_cast<float>(by_row(r, c));
  return out;
}

using maker = bdh::projection (*)(std::string, bdh::population, bdh::population, bdh::order, bdh::array<float>);

bdh::projection complete_csr(std::string name, bdh::population source, bdh::population target, bdh::order rows, bdh::array<float> weights) {
  const std::size_t height = rows == bdh::order::by_source ? source.size : target.size, width = weights.size() / height;
  bdh::array<bdh::edge_id> indptr(height + 1);
  bdh::array<bdh::neuron_id> indices(weights.size());
  for (std::size_t r = 0; r < height; ++r) {
    indptr[r + 1] = (r + 1) * width;
    for (std::size_t c = 0; c < width; ++c) indices[r * width + c] = static_cast<bdh::neuron_id>(c);
  }
  return bdh::projection::sparse(std::move(name), std::move(source), std::move(target), rows, std::move(indptr), std::move(indices),
                                 std::move(weights));
}

bdh::model graph(const oracle::weights& w, const std::string& variant, maker make) {
  const auto size = [](int n) { return static_cast<bdh::neuron_id>(n); };
  const bdh::population neurons{"neurons", size(w.n)}, hubs{"hubs", size(w.d)}, sensory{"sensory", size(w.vocabulary)},
      readout{"readout", size(w.vocabulary)};
  bdh::model::parts p;
  p.rules = bdh::dynamics::named(variant, w.epsilon);
  p.layers = static_cast<bdh::layer_id>(w.layers);
  p.heads = static_cast<bdh::head_id>(w.heads);
  p.circuits.e = make("e", neurons, hubs, bdh::order::by_source, flat(w.E.transpose()));
  p.circuits.sensory = make("sensory", sensory, hubs, bdh::order::by_source, flat(w.embedding));
  p.circuits.dx = make("dx", hubs, neurons, bdh::order::by_target, flat(w.Dx));
  p.circuits.dy = make("dy", hubs, neurons, bdh::order::by_target, flat(w.Dy));
  p.circuits.readout = make("readout", hubs, readout, bdh::order::by_target, flat(w.readout.transpose()));
  p.turning = bdh::rotation(w.frequency);
  p.retention = w.retention;
  return bdh::model(std::move(p));
}

}  // namespace

oracle::weights random_weights(const shape& s, std::uint64_t seed) {
  oracle::weights w;
  w.heads = s.heads;
  w.n = s.neurons_per_head * s.heads;
  w.d = s.hubs;
  w.vocabulary = s.vocabulary;
  w.layers = s.layers;
  const double scale = 1.0 / std::sqrt(static_cast<double>(s.hubs));
  w.E = normal_matrix(w.d, w.n, 0.3, seed, 0);
  w.Dx = normal_matrix(w.n, w.d, scale, seed, 1);
  w.Dy = normal_matrix(w.n, w.d, scale, seed, 2);
  w.embedding = normal_matrix(w.vocabulary, w.d, 0.5, seed, 3);
  w.readout = normal_matrix(w.d, w.vocabulary, scale, seed, 4);
  if (s.rotates) w.frequency = oracle::geometric_frequency(s.neurons_per_head);
  return w;
}

bdh::model as_graph(const oracle::weights& w, const std::string& variant) { return graph(w, variant, bdh::projection::dense); }
bdh::model as_sparse_graph(const oracle::weights& w, const std::string& variant) { return graph(w, variant, complete_csr); }

std::vector<int> random_tokens(int count, int vocabulary, std::uint64_t seed) {
  std::vector<int> tokens;
  for (int t = 0; t < count; ++t)
    tokens.push_back(static_cast<int>(bdh::uniform(seed, bdh::purpose::test_weights, static_cast<std::uint64_t>(t), 99) * vocabulary));
  return tokens;
}

}  // namespace tests
