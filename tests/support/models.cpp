#include "support/models.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/base/random.hpp"

namespace tests {
namespace {

Eigen::MatrixXd normal_matrix(int rows, int columns, double deviation, std::uint64_t seed,
                              std::uint64_t stream) {
  Eigen::MatrixXd m(rows, columns);
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c)
      // float32, because that is what the simulator stores
      m(r, c) = static_cast<float>(
          deviation * bdh::normal(seed, bdh::purpose::test_weights,
                                  static_cast<std::uint64_t>(r) * columns + c, stream));
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

using maker = bdh::projection (*)(std::string, bdh::population, bdh::population, bdh::major,
                                  bdh::array<float>);

bdh::projection complete_csr(std::string name, bdh::population source, bdh::population target,
                             bdh::major rows, bdh::array<float> weights) {
  const std::size_t height = rows == bdh::major::source ? source.size : target.size,
                    width = weights.size() / height;
  bdh::array<bdh::edge_id> indptr(height + 1);
  bdh::array<bdh::neuron_id> indices(weights.size());
  for (std::size_t r = 0; r < height; ++r) {
    indptr[r + 1] = (r + 1) * width;
    for (std::size_t c = 0; c < width; ++c) indices[r * width + c] = static_cast<bdh::neuron_id>(c);
  }
  return bdh::projection::sparse(std::move(name), std::move(source), std::move(target), rows,
                                 std::move(indptr), std::move(indices), std::move(weights));
}

bdh::projection dense_block(std::string name, bdh::population source, bdh::population target,
                            bdh::major rows, bdh::array<float> weights) {
  return bdh::projection::dense(std::move(name), std::move(source), std::move(target), rows,
                                std::move(weights));
}

bdh::model graph(const oracle::weights& w, const std::string& variant, maker make) {
  const auto size = [](int n) { return static_cast<bdh::neuron_id>(n); };
  const bdh::population neurons{"neurons", size(w.n)}, hubs{"hubs", size(w.d)},
      sensory{"sensory", size(w.vocabulary)}, readout{"readout", size(w.vocabulary)};
  bdh::model_spec p;
  p.rules = bdh::dynamics::named(variant, w.epsilon);
  p.layers = static_cast<bdh::layer_id>(w.layers);
  p.heads = static_cast<bdh::head_id>(w.heads);
  p.circuits.e = make("e", neurons, hubs, bdh::major::source, flat(w.E.transpose()));
  p.circuits.sensory = make("sensory", sensory, hubs, bdh::major::source, flat(w.embedding));
  p.circuits.dx = make("dx", hubs, neurons, bdh::major::target, flat(w.Dx));
  p.circuits.dy = make("dy", hubs, neurons, bdh::major::target, flat(w.Dy));
  p.circuits.readout =
      make("readout", hubs, readout, bdh::major::target, flat(w.readout.transpose()));
  p.rotation = bdh::rotation(w.frequency);
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

bdh::model as_graph(const oracle::weights& w, const std::string& variant) {
  return graph(w, variant, dense_block);
}
bdh::model as_sparse_graph(const oracle::weights& w, const std::string& variant) {
  return graph(w, variant, complete_csr);
}

oracle::circuits random_circuits(const graph_shape& s, std::uint64_t seed) {
  const auto draw = [&](std::uint64_t stream, int r, int c) {
    return bdh::uniform(seed, bdh::purpose::test_weights,
                        static_cast<std::uint64_t>(r) * 100000 + static_cast<std::uint64_t>(c),
                        stream);
  };
  const auto sparse = [&](std::uint64_t stream, double scale) {
    Eigen::MatrixXd m = Eigen::MatrixXd::Zero(s.neurons, s.neurons);
    for (int k = 0; k < s.neurons; ++k)
      for (int j = 0; j < s.neurons; ++j)
        if (draw(stream, k, j) * s.neurons < s.degree)
          m(k, j) = static_cast<float>(scale * draw(stream + 1, k, j) *
                                       (draw(stream + 2, k, j) < 0.2 ? -1.5 : 1.0));
    return m;
  };
  oracle::circuits c;
  c.n = s.neurons;
  c.layers = s.layers;
  c.Gx = sparse(10, 0.5);
  c.Gy = sparse(20, 0.4);
  c.rate = sparse(30, 0.5).cwiseAbs();
  c.token = Eigen::MatrixXd::Zero(s.neurons, s.vocabulary);
  c.Gout = Eigen::MatrixXd::Zero(s.vocabulary, s.neurons);
  for (int t = 0; t < s.vocabulary; ++t)
    for (int j = 0; j < s.neurons; ++j) {
      if (draw(40, t, j) < 0.15) c.token(j, t) = static_cast<float>(draw(41, t, j));
      if (draw(42, t, j) < 0.3) c.Gout(t, j) = static_cast<float>(draw(43, t, j) - 0.5);
    }
  c.damping = Eigen::MatrixXd::Constant(s.neurons, s.neurons, static_cast<float>(s.retention));
  for (int i = 0; s.own_retention && i < s.neurons; ++i)
    for (int j = 0; j < s.neurons; ++j)
      c.damping(j, i) = static_cast<float>(0.5 + 0.5 * draw(50, j, s.rotates ? i / 2 : i));
  c.hub = Eigen::MatrixXd::Zero(0, s.neurons);
  c.pool = c.hub;
  c.heads = s.heads;
  if (s.rotates) c.frequency = oracle::geometric_frequency(s.neurons / s.heads);
  return c;
}

namespace {

// CSR of the entries m(target, source) that `keep` holds for.
template <class Keep, class Value>
bdh::projection csr(const std::string& name, bdh::population source, bdh::population target,
                    bdh::major rows, Keep keep, Value value) {
  const bool by_source = rows == bdh::major::source;
  const bdh::neuron_id height = by_source ? source.size : target.size,
                       width = by_source ? target.size : source.size;
  std::vector<bdh::edge_id> indptr{0};
  std::vector<bdh::neuron_id> indices;
  std::vector<float> weights;
  for (bdh::neuron_id r = 0; r < height; ++r) {
    for (bdh::neuron_id c = 0; c < width; ++c) {
      const auto i = static_cast<Eigen::Index>(by_source ? r : c),
                 j = static_cast<Eigen::Index>(by_source ? c : r);
      if (!keep(j, i)) continue;
      indices.push_back(c);
      weights.push_back(static_cast<float>(value(j, i)));
    }
    indptr.push_back(indices.size());
  }
  const auto make = [](const auto& v) {
    bdh::array<typename std::decay_t<decltype(v)>::value_type> a(v.size());
    std::copy(v.begin(), v.end(), a.begin());
    return a;
  };
  return bdh::projection::sparse(name, std::move(source), std::move(target), rows, make(indptr),
                                 make(indices), make(weights));
}

}  // namespace

bdh::model as_direct_graph(const oracle::circuits& c, const std::string& variant,
                           const oracle::weights* pool, bool own_retention) {
  const auto size = [](Eigen::Index n) { return static_cast<bdh::neuron_id>(n); };
  const bdh::population neurons{"neurons", size(c.n)}, sources{"sources", size(c.Gx.cols())},
      sensory{"sensory", size(c.token.cols())}, readout{"readout", size(c.Gout.rows())};
  bdh::model_spec p;
  if (pool) {
    const bdh::model hubs = as_graph(*pool, variant);
    const auto copy = [](const bdh::projection& q) {
      bdh::array<float> w(q.weights().size());
      std::copy(q.weights().begin(), q.weights().end(), w.begin());
      return bdh::projection::dense(q.name(), q.source(), q.target(), q.rows_are(), std::move(w));
    };
    p.circuits.e = copy(hubs.circuits().e);
    p.circuits.sensory = copy(hubs.circuits().sensory);
    p.circuits.readout = copy(hubs.circuits().readout);
  }
  p.rules = bdh::dynamics::named(variant, c.epsilon);
  p.layers = size(c.layers);
  p.heads = size(c.heads);
  p.rotation = bdh::rotation(c.frequency);
  p.retention = own_retention ? 1.0 : c.damping(0, 0);
  bdh::direct_circuits g;
  const auto part = [](const Eigen::MatrixXd& m, double sign) {
    return std::pair{[&m, sign](Eigen::Index j, Eigen::Index i) { return m(j, i) * sign > 0; },
                     [&m, sign](Eigen::Index j, Eigen::Index i) { return m(j, i) * sign; }};
  };
  const auto edges = [&](const char* name, const Eigen::MatrixXd& m, double sign, bdh::major rows) {
    const auto [keep, value] = part(m, sign);
    return csr(name, sources, neurons, rows, keep, value);
  };
  g.gx_excitatory = edges("gx_excitatory", c.Gx, 1, bdh::major::source);
  g.gx_inhibitory = edges("gx_inhibitory", c.Gx, -1, bdh::major::source);
  g.gy_excitatory = edges("gy_excitatory", c.Gy, 1, bdh::major::target);
  g.gy_inhibitory = edges("gy_inhibitory", c.Gy, -1, bdh::major::target);
  const bool rotates = !c.frequency.empty();
  const auto exists = [&](Eigen::Index j, Eigen::Index i) {
    return c.rate(j, i) > 0 || (rotates && c.rate(j, i ^ 1) > 0);
  };
  g.gs = csr("gs", neurons, sources, bdh::major::source, exists,
             [&](Eigen::Index j, Eigen::Index i) { return c.rate(j, i); });
  if (own_retention) {
    const bdh::projection u = csr("u", neurons, sources, bdh::major::source, exists,
                                  [&](Eigen::Index j, Eigen::Index i) { return c.damping(j, i); });
    g.retention = bdh::array<float>(u.edges());
    std::copy(u.weights().begin(), u.weights().end(), g.retention.begin());
  }
  if (!pool) {
    const auto nonzero = [](const Eigen::MatrixXd& m) {
      return [&m](Eigen::Index j, Eigen::Index i) { return m(j, i) != 0; };
    };
    const auto value = [](const Eigen::MatrixXd& m) {
      return [&m](Eigen::Index j, Eigen::Index i) { return m(j, i); };
    };
    g.sensory =
        csr("sensory", sensory, neurons, bdh::major::source, nonzero(c.token), value(c.token));
    g.readout =
        csr("readout", sources, readout, bdh::major::target, nonzero(c.Gout), value(c.Gout));
  }
  p.direct = std::move(g);
  return bdh::model(std::move(p));
}

bdh::model in_random_order(bdh::model m, std::uint64_t seed) {
  const bool rotates = m.rotation().present();
  const bdh::neuron_id per_head = m.neurons_per_head(), units = rotates ? per_head / 2 : per_head;
  std::vector<bdh::neuron_id> order;
  for (bdh::head_id h = 0; h < m.heads(); ++h) {
    std::vector<bdh::neuron_id> shuffled(units);
    std::iota(shuffled.begin(), shuffled.end(), 0u);
    bdh::random_stream random(seed, bdh::purpose::test_weights, rotates ? 0 : h);
    for (bdh::neuron_id k = units; k > 1; --k)
      std::swap(shuffled[k - 1], shuffled[random.below(k)]);
    for (const bdh::neuron_id u : shuffled) {
      if (rotates)
        order.insert(order.end(), {h * per_head + 2 * u, h * per_head + 2 * u + 1});
      else
        order.push_back(h * per_head + u);
    }
  }
  return std::move(m).in_memory_order(std::move(order));
}

std::vector<int> random_tokens(int count, int vocabulary, std::uint64_t seed) {
  std::vector<int> tokens;
  for (int t = 0; t < count; ++t)
    tokens.push_back(static_cast<int>(
        bdh::uniform(seed, bdh::purpose::test_weights, static_cast<std::uint64_t>(t), 99) *
        vocabulary));
  return tokens;
}

}  // namespace tests
