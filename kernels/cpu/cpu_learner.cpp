#include "kernels/cpu/cpu_learner.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <bdh/error.hpp>

#include "kernels/cpu/hub_site.hpp"

namespace bdh {
namespace {

class cpu_learner final : public weight_learner {
 public:
  cpu_learner(const model& m, const learning& how,
              const std::vector<std::unique_ptr<cpu_site>>& sites)
      : model_(m), weights_(m, how) {
    const auto count = static_cast<site_id>(sites.size());
    for (site_id s = 0; s < count; ++s) {
      sites_.push_back(static_cast<hub_site*>(sites[s].get()));
      sites_.back()->learn_into(&weights_, share_of(blocks_of_rows(m.readout_nodes()), s, count));
    }
  }
  ~cpu_learner() override {
    for (hub_site* s : sites_) s->learn_into(nullptr, {});
  }

  const learning& how() const noexcept override { return weights_.how(); }
  const hub_circuits& circuits() const noexcept override { return weights_.circuits(); }
  std::uint64_t tokens() const noexcept override { return tokens_; }
  bool knows_token() const noexcept override { return sites_[0]->learning()->known; }
  void forget_token() noexcept override {
    for (hub_site* s : sites_) s->learning()->known = false;
  }

  void teach(token_id next) noexcept override {
    weights_.begin_token();
    for (hub_site* s : sites_) {
      s->learning()->next = next;
      s->learning()->bad.reset();
    }
  }

  learned_counts end(std::uint64_t position) override {
    forget_token();  // it teaches once
    expect_finite(position);
    learned_counts all;
    double squares = 0;
    for (std::size_t c = 0; c < learned_circuits; ++c) {
      const learned_weights::matrix& m = weights_.of(static_cast<learned_circuit>(c));
      for (const double s : m.squares) squares += s;
      for (const std::uint32_t n : m.changed) all.rows_changed += n;
    }
    all.weight_change = std::sqrt(squares);
    double error = 0;
    for (const float e : sites_[0]->learning()->dw_readout) error += double{e} * double{e};
    all.error = std::sqrt(error);
    ++tokens_;
    return all;
  }

  learning_state save() const override;
  void restore(const learning_state* from) override;
  std::size_t bytes() const noexcept override { return weights_.bytes(); }

 private:
  void expect_finite(std::uint64_t position) const {
    std::optional<site_learning::bad_row> first;
    for (const hub_site* s : sites_)
      if (const auto& bad = s->learning()->bad;
          bad && (!first || std::pair(bad->what, bad->row) < std::pair(first->what, first->row)))
        first = bad;
    if (!first) return;
    throw input_error("token " + std::to_string(position) + ", row " + std::to_string(first->row) +
                          " of " + name(first->what),
                      "weights that are not finite, or changed by more than float32 holds",
                      "finite weights", "the learning rate " + shown(how().rate) + " is too large");
  }
  void expect_fitting(const learning_state& from) const;
  std::size_t trace_size() const noexcept;
  array<float> trace() const;
  void restore_trace(const learning_state& from) noexcept;

  const model& model_;
  learned_weights weights_;
  std::vector<hub_site*> sites_;
  std::uint64_t tokens_ = 0;
};

// ---- saved and restored
//
// The trace of a token: logits (V); of the token v (d) and its gain; of each layer X, Y, P (n
// each), v, s (d each), A (h d), its gains (h), the gains y and w, and whether it was frozen.

std::size_t cpu_learner::trace_size() const noexcept {
  const std::size_t d = model_.hubs(), h = model_.heads(), n = model_.neurons();
  return model_.readout_nodes() + d + 1 + model_.layers() * (3 * n + (2 + h) * d + h + 3);
}

array<float> cpu_learner::trace() const {
  array<float> all(trace_size());
  float* to = all.data();
  const auto put = [&](const auto& from) { to = std::copy(from.begin(), from.end(), to); };
  const site_learning& any = *sites_[0]->learning();  // hub values are the same at every site
  put(sites_[0]->logits());
  put(any.layers[0].v);
  *to++ = any.layers[0].gains.y;
  for (layer_id l = 1; l <= model_.layers(); ++l) {
    const std::size_t n = model_.neurons();
    for (const hub_site* s : sites_) {
      const site_learning::layer& kept = s->learning()->layers[l];
      for (neuron_id j = 0; j < kept.x.count; ++j) to[kept.x.id[j]] = kept.x.value[j];
      for (neuron_id k = 0; k < kept.y.count; ++k) {
        to[n + kept.y.id[k]] = kept.y.value[k];
        to[2 * n + kept.y.id[k]] = kept.p[k];
      }
    }
    to += 3 * n;
    const site_learning::layer& kept = any.layers[l];
    put(kept.v);
    put(kept.s);
    put(kept.a);
    put(kept.gain_a);
    *to++ = kept.gains.y;
    *to++ = kept.gains.w;
    *to++ = kept.frozen ? 1.0f : 0.0f;
  }
  return all;
}

void cpu_learner::restore_trace(const learning_state& from) noexcept {
  for (hub_site* s : sites_) {
    site_learning& own = *s->learning();
    const id_range neurons = s->share().neurons;
    const float* at = from.trace.data();
    const auto take = [&](auto&& to) {
      std::copy_n(at, to.size(), to.begin());
      at += to.size();
    };
    own.known = !from.trace.empty();
    own.token = from.token;
    if (!own.known) continue;
    if (s == sites_[0])
      take(s->logits_of_token());
    else
      at += model_.readout_nodes();
    take(own.layers[0].v);
    own.layers[0].gains.y = *at++;
    const std::size_t n = model_.neurons();
    for (layer_id l = 1; l <= model_.layers(); ++l) {
      site_learning::layer& kept = own.layers[l];
      kept.x.count = kept.y.count = 0;
      for (neuron_id i = neurons.begin; i < neurons.end; ++i) {
        if (at[i] != 0.0f) kept.x.add(i, at[i]);
        if (at[n + i] == 0.0f) continue;
        kept.x_of_y[kept.y.count] = at[i];
        kept.p[kept.y.count] = at[2 * n + i];
        kept.y.add(i, at[n + i]);
      }
      at += 3 * n;
      take(kept.v);
      take(kept.s);
      take(kept.a);
      take(kept.gain_a);
      kept.gains.y = *at++;
      kept.gains.w = *at++;
      kept.frozen = *at++ != 0.0f;
    }
  }
}

learning_state cpu_learner::save() const {
  learning_state all{.how = how(), .tokens = tokens_, .matrices = {}, .trace = {}};
  for (std::size_t c = 0; c < learned_circuits; ++c) {
    const auto what = static_cast<learned_circuit>(c);
    const learned_weights::matrix& m = weights_.of(what);
    if (!m.changes) continue;
    learning_state::matrix& to = all.matrices.emplace_back();
    to.what = what;
    to.mean_squares = array<float>(m.rows);
    std::copy(m.mean_squares.begin(), m.mean_squares.end(), to.mean_squares.begin());
    to.weights = array<float>(std::size_t{m.rows} * model_.hubs());
    std::copy_n(m.weights, to.weights.size(), to.weights.begin());
  }
  if (!knows_token()) return all;
  all.token = sites_[0]->learning()->token;
  all.trace = trace();
  return all;
}

void cpu_learner::expect_fitting(const learning_state& from) const {
  if (!(from.how.rule == how().rule && from.how.plain == how().plain &&
        from.how.circuits == how().circuits))
    throw input_error("state", "learning by " + describe(from.how), describe(how()),
                      "a run goes on learning by the rule with which it began");
  const auto fits = [](std::size_t found, std::size_t expected, const std::string& what) {
    if (found != expected)
      throw shape_error("state", std::to_string(found) + " values of " + what,
                        std::to_string(expected));
  };
  std::size_t k = 0;
  for (std::size_t c = 0; c < learned_circuits; ++c) {
    const auto what = static_cast<learned_circuit>(c);
    const learned_weights::matrix& m = weights_.of(what);
    if (!m.changes) continue;
    if (k == from.matrices.size() || from.matrices[k].what != what)
      throw input_error("state", "nothing of the learned circuit " + std::string(name(what)),
                        "its rows");
    fits(from.matrices[k].mean_squares.size(), m.rows, "mean squares");
    if (!from.matrices[k].weights.empty())
      fits(from.matrices[k].weights.size(), std::size_t{m.rows} * model_.hubs(), "weights");
    ++k;
  }
  fits(from.matrices.size(), k, "learned circuits");
  if (from.trace.empty()) return;
  fits(from.trace.size(), trace_size(), "the last token");
  if (from.token >= model_.sensory_nodes())
    throw input_error("state", "token " + std::to_string(from.token),
                      "< " + std::to_string(model_.sensory_nodes()));
}

void cpu_learner::restore(const learning_state* from) {
  if (from) expect_fitting(*from);
  weights_.reset();
  tokens_ = from ? from->tokens : 0;
  forget_token();
  if (!from) return;
  for (const learning_state::matrix& m : from->matrices) {
    learned_weights::matrix& to = weights_.of(m.what);
    std::copy(m.mean_squares.begin(), m.mean_squares.end(), to.mean_squares.begin());
    std::copy(m.weights.begin(), m.weights.end(), to.weights);
  }
  restore_trace(*from);
}

}  // namespace

std::unique_ptr<weight_learner> make_cpu_learner(
    const model& m, const learning& how, const std::vector<std::unique_ptr<cpu_site>>& sites) {
  return std::make_unique<cpu_learner>(m, how, sites);
}

}  // namespace bdh
