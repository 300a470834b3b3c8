#include "core/model/direct_form.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>

#include <bdh/error.hpp>

#include "core/model/hub_algebra.hpp"
#include "graph/top_weights.hpp"

namespace bdh {
namespace {

// Of the mean over all sources: a source that the calibration never saw keeps its largest edges.
constexpr double floor_share = 0.1;

void check(const model& m, const direct_options& o, const calibration* seen) {
  if (m.is_direct())
    throw input_error("model", "direct circuits",
                      "circuits through hubs, from which explicit edges can be made");
  const std::pair<const char*, double> shares[] = {
      {"keep_gx", o.keep_gx}, {"keep_gy", o.keep_gy}, {"keep_gs", o.keep_gs}};
  for (const auto& [name, share] : shares)
    if (!(share > 0 && share <= 1)) throw input_error(name, shown(share), "0 < share <= 1");
  const bool pairs = o.keep_gs < 1,
             activity = o.rank == ranking::activity && (o.keep_gx < 1 || o.keep_gy < 1);
  if (!seen && (pairs || activity))
    throw input_error("calibration", "none", "what the model did on a text, to rank by");
  if (pairs && seen->pairs.empty())
    throw input_error("calibration", "no sums over pairs", "them, to rank synapses by");
  if (!seen) return;
  const auto expect = [](const char* what, std::size_t size, std::size_t expected) {
    if (size != expected)
      throw shape_error(std::string("calibration/") + what, std::to_string(size),
                        std::to_string(expected));
  };
  expect("w", seen->w.size(), m.sources());
  if (pairs) expect("pairs", seen->pairs.size(), std::size_t{m.neurons()} * m.sources());
}

// (sources) how much a source weighs in the ranking, from its mean square.
std::vector<float> weight_of(std::span<const double> mean_square) {
  double mean = 0;
  for (double v : mean_square) mean += v;
  mean /= static_cast<double>(mean_square.size());
  std::vector<float> weight;
  for (double v : mean_square)
    weight.push_back(static_cast<float>(std::sqrt(v + floor_share * mean)));
  return weight;
}

edge_id kept_of(double share, edge_id pairs) {
  return std::max<edge_id>(1,
                           static_cast<edge_id>(std::llround(share * static_cast<double>(pairs))));
}

// One circuit: G[row, column] = sum over hubs of left[row, hub] right[hub, column], computed
// whenever it is needed.
class product {
 public:
  product(std::vector<double> left, const std::vector<double>& right, std::size_t hubs)
      : hubs_(hubs), left_(std::move(left)) {
    columns_ = right.size() / hubs;
    turned_.resize(right.size());
    for (std::size_t c = 0; c < columns_; ++c)
      for (std::size_t h = 0; h < hubs; ++h) turned_[h * columns_ + c] = right[c * hubs + h];
    sum_.resize(columns_);
  }
  std::size_t rows() const { return left_.size() / hubs_; }
  std::size_t columns() const { return columns_; }

  void row(std::size_t r, std::span<float> out) {
    std::fill(sum_.begin(), sum_.end(), 0.0);
    for (std::size_t h = 0; h < hubs_; ++h) {
      const double l = left_[r * hubs_ + h];
      const double* right = turned_.data() + h * columns_;
      for (std::size_t c = 0; c < columns_; ++c) sum_[c] += l * right[c];
    }
    for (std::size_t c = 0; c < columns_; ++c) out[c] = static_cast<float>(sum_[c]);
  }

 private:
  std::size_t hubs_, columns_ = 0;
  std::vector<double> left_, turned_, sum_;
};

// CSR that grows edge by edge.
class growing {
 public:
  void add(neuron_id column, float weight) {
    indices_.push_back(column);
    weights_.push_back(weight);
  }
  void end_row() { indptr_.push_back(indices_.size()); }
  projection done(const char* name, const population& source, const population& target,
                  major rows) {
    const auto fixed = [](auto& from) {
      array<typename std::decay_t<decltype(from)>::value_type> to(from.size());
      std::copy(from.begin(), from.end(), to.begin());
      from = {};
      return to;
    };
    auto indptr = fixed(indptr_);
    auto indices = fixed(indices_);
    return projection::sparse(name, source, target, rows, std::move(indptr), std::move(indices),
                              fixed(weights_));
  }

 private:
  std::vector<edge_id> indptr_{0};
  std::vector<neuron_id> indices_;
  std::vector<float> weights_;
};

// weigh(row, column): the factor of |G| in the ranking.
template <class Weigh>
std::pair<growing, growing> split(product& g, double share, Weigh weigh,
                                  const std::function<void()>& after_row) {
  std::vector<float> weight(g.columns());
  const auto score = [&](std::size_t r, std::span<float> out) {
    g.row(r, out);
    for (std::size_t c = 0; c < out.size(); ++c) out[c] = std::abs(out[c]) * weigh(r, c);
    if (after_row) after_row();
  };
  const edge_id pairs = edge_id{g.rows()} * g.columns();
  sieve kept = share < 1 ? largest(g.rows(), g.columns(), kept_of(share, pairs), score) : sieve();
  std::pair<growing, growing> edges;
  for (std::size_t r = 0; r < g.rows(); ++r) {
    g.row(r, weight);
    for (std::size_t c = 0; c < g.columns(); ++c) {
      if (!kept.keeps(std::abs(weight[c]) * weigh(r, c)) || weight[c] == 0) continue;
      (weight[c] > 0 ? edges.first : edges.second)
          .add(static_cast<neuron_id>(c), std::abs(weight[c]));
    }
    edges.first.end_row();
    edges.second.end_row();
    if (after_row) after_row();
  }
  return edges;
}

class maker {
 public:
  maker(const model& m, const direct_options& o, const calibration* seen)
      : m_(m), o_(o), seen_(seen), sources_{"sources", m.sources()} {}

  direct_circuits circuits() {
    direct_circuits c;
    gx(c);
    gy(c);
    gs(c);
    return c;
  }
  edge_id synapses_kept = 0, partners_added = 0;

 private:
  const population& neurons() const { return m_.circuits().e.source(); }

  // (sources) the factor of |G| in the ranking.
  std::vector<float> weight(double share) const {
    if (share == 1 || o_.rank == ranking::magnitude) return std::vector<float>(m_.sources(), 1.0f);
    return weight_of(seen_->w);
  }

  void gx(direct_circuits& c) {
    product g(centred_sources(m_), dense_rows(m_.circuits().dx), m_.hubs());
    const std::vector<float> source = weight(o_.keep_gx);
    auto [excitatory, inhibitory] = split(
        g, o_.keep_gx, [&](std::size_t j, std::size_t) { return source[j]; }, o_.after_row);
    c.gx_excitatory = excitatory.done("gx_excitatory", sources_, neurons(), major::source);
    c.gx_inhibitory = inhibitory.done("gx_inhibitory", sources_, neurons(), major::source);
  }

  void gy(direct_circuits& c) {
    product g(dense_rows(m_.circuits().dy), centred_sources(m_), m_.hubs());
    const std::vector<float> source = weight(o_.keep_gy);
    auto [excitatory, inhibitory] = split(
        g, o_.keep_gy, [&](std::size_t, std::size_t j) { return source[j]; }, o_.after_row);
    c.gy_excitatory = excitatory.done("gy_excitatory", sources_, neurons(), major::target);
    c.gy_inhibitory = inhibitory.done("gy_inhibitory", sources_, neurons(), major::target);
  }

  // Both neurons of a rotating pair have synapses to the same sources; those that only the partner
  // has earned get rate 0.
  void gs(direct_circuits& c) {
    const std::size_t width = m_.sources(), unit = m_.rotation().present() ? 2 : 1;
    const bool all = o_.keep_gs == 1;
    const auto sums = [&](std::size_t i) {
      return std::span<const float>(seen_->pairs).subspan(i * width, width);
    };
    sieve kept =
        all ? sieve()
            : largest(m_.neurons(), width, kept_of(o_.keep_gs, edge_id{m_.neurons()} * width),
                      [&](std::size_t i, std::span<float> out) {
                        std::copy_n(sums(i).begin(), width, out.begin());
                      });
    growing edges;
    std::vector<char> earned(unit * width, 1);
    for (std::size_t first = 0; first < m_.neurons(); first += unit) {
      for (std::size_t i = 0; !all && i < unit; ++i)
        for (std::size_t j = 0; j < width; ++j)
          earned[i * width + j] = kept.keeps(sums(first + i)[j]);
      for (std::size_t i = 0; i < unit; ++i) {
        for (std::size_t j = 0; j < width; ++j) {
          const bool own = earned[i * width + j] != 0;
          if (!own && earned[(unit - 1 - i) * width + j] == 0) continue;
          edges.add(static_cast<neuron_id>(j), own ? 1.0f : 0.0f);
          ++(own ? synapses_kept : partners_added);
        }
        edges.end_row();
      }
    }
    c.gs = edges.done("gs", neurons(), sources_, major::source);
  }

  const model& m_;
  const direct_options& o_;
  const calibration* seen_;
  const population sources_;
};

std::string story(const direct_options& o) {
  const auto percent = [](double share) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g %%", 100 * share);
    return std::string(text);
  };
  if (o.keep_gx == 1 && o.keep_gy == 1 && o.keep_gs == 1) return "direct circuits, complete";
  return "direct circuits: kept " + percent(o.keep_gx) + " of Gx and " + percent(o.keep_gy) +
         " of Gy, by " + (o.rank == ranking::activity ? "activity" : "magnitude") + ", and " +
         percent(o.keep_gs) + " of the synapses";
}

}  // namespace

direct_form as_direct(const model& hubs, const direct_options& options, const calibration* seen) {
  check(hubs, options, seen);
  model_spec p = hubs.spec_without_circuits();
  maker make(hubs, options, seen);
  p.direct = make.circuits();
  p.origin.inferred.push_back(story(options));
  p.circuits.e = hubs.circuits().e.copy();
  p.circuits.sensory = hubs.circuits().sensory.copy();
  p.circuits.readout = hubs.circuits().readout.copy();
  return {model(std::move(p)), make.synapses_kept, make.partners_added};
}

}  // namespace bdh
