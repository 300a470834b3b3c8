#include "core/analysis/intervention_scan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <bdh/error.hpp>

#include "core/simulation/loss.hpp"

namespace bdh {
namespace {

// log of the sum of exp(logit - largest).
double log_sum(std::span<const float> logits, float largest) noexcept {
  double sum = 0;
  for (const float v : logits) sum += std::exp(double{v} - largest);
  return std::log(sum);
}

// KL(p | q) of the softmax of two rows of logits, nats.
double divergence(std::span<const float> p, std::span<const float> q) noexcept {
  const float of_p = *std::ranges::max_element(p), of_q = *std::ranges::max_element(q);
  const double log_p = log_sum(p, of_p), log_q = log_sum(q, of_q);
  double sum = 0;
  for (std::size_t v = 0; v < p.size(); ++v) {
    const double a = double{p[v]} - of_p - log_p, b = double{q[v]} - of_q - log_q;
    sum += std::exp(a) * (a - b);
  }
  return std::max(sum, 0.0);
}

// Sums over tokens of a neuron, from which means and a correlation follow.
struct running {
  double active_x = 0, active_y = 0, x = 0, y = 0;
  double xs = 0, xx = 0, of_predicted = 0;  // over tokens whose surprisal is known
};

}  // namespace

intervention_scan::intervention_scan(std::unique_ptr<simulator> brain, std::vector<token_id> tokens,
                                     const std::function<bool()>& stop)
    : brain_(std::move(brain)), tokens_(std::move(tokens)) {
  if (brain_->model().readout_nodes() == 0)
    throw unavailable_error("scan", "a model without logits", "a model with a readout");
  if (tokens_.size() < 2)
    throw input_error("scan", std::to_string(tokens_.size()) + " tokens", "two or more");
  run_intact(stop);
}

void intervention_scan::add(scan_effect& to, std::span<const float> logits,
                            std::size_t token) const {
  if (token + 1 == tokens_.size()) return;  // what follows is not known
  const token_id next = tokens_[token + 1];
  to.loss += cross_entropy(logits, next);
  to.top1 += std::ranges::max_element(logits) - logits.begin() == next ? 1 : 0;
  to.divergence +=
      divergence(std::span(logits_).subspan(token * logits.size(), logits.size()), logits);
}

scan_effect intervention_scan::mean(scan_effect sum) const {
  const double predictions = static_cast<double>(tokens_.size() - 1);
  return {sum.loss / predictions, sum.top1 / predictions, sum.divergence / predictions};
}

void intervention_scan::run_intact(const std::function<bool()>& stop) {
  const model& m = brain_->model();
  std::vector<running> sums(m.neurons());
  std::vector<float> x_of_token(m.neurons());
  std::vector<neuron_id> ids;
  std::vector<float> values;
  const int observer = brain_->observe(
      [&](layer_id, moment at) {
        if (at != moment::x_ready && at != moment::y_ready) return;
        const bool y = at == moment::y_ready;
        brain_->active(y ? variable::y : variable::x, ids, values);
        for (std::size_t k = 0; k < ids.size(); ++k) {
          running& r = sums[ids[k]];
          (y ? r.active_y : r.active_x) += 1;
          (y ? r.y : r.x) += values[k];
          if (!y) x_of_token[ids[k]] += values[k];
        }
      },
      observation::activity);
  double s = 0, ss = 0, predicted = 0;
  scan_effect sum;
  for (std::size_t t = 0; t < tokens_.size() && !stop(); ++t) {
    std::ranges::fill(x_of_token, 0.0f);
    const step_report report = brain_->step(tokens_[t]);
    logits_.insert(logits_.end(), brain_->logits().begin(), brain_->logits().end());
    add(sum, brain_->logits(), t);
    if (!report.surprisal) continue;
    predicted += 1;
    s += *report.surprisal;
    ss += *report.surprisal * *report.surprisal;
    for (neuron_id i = 0; i < m.neurons(); ++i) {
      const double x = x_of_token[i];
      sums[i].xs += x * *report.surprisal;
      sums[i].xx += x * x;
      sums[i].of_predicted += x;
    }
  }
  brain_->stop_observing(observer);
  intact_ = mean(sum);
  const double tokens = static_cast<double>(tokens_.size()), layers = m.layers();
  for (const running& r : sums) {
    const double of_s = predicted * ss - s * s,
                 of_x = predicted * r.xx - r.of_predicted * r.of_predicted,
                 both = predicted * r.xs - s * r.of_predicted;
    neurons_.push_back({.active_x = r.active_x / tokens / layers,
                        .active_y = r.active_y / tokens / layers,
                        .mean_x = r.x / tokens,
                        .mean_y = r.y / tokens,
                        .correlation = of_s > 0 && of_x > 0
                                           ? both / std::sqrt(of_s * of_x)
                                           : std::numeric_limits<double>::quiet_NaN()});
  }
}

std::optional<std::vector<std::optional<scan_effect>>> intervention_scan::effects(
    std::span<const intervention> all, const std::function<bool()>& stop) {
  std::vector<std::unique_ptr<simulator>> streams;
  for (const intervention& p : all) {
    streams.push_back(brain_->new_stream());
    streams.back()->interventions().add(p);
  }
  std::vector<scan_effect> sums(all.size());
  std::vector<bool> failed(all.size());
  for (std::size_t t = 0; t < tokens_.size(); ++t) {
    if (stop()) return std::nullopt;
    std::vector<stream_step> steps;
    std::vector<std::size_t> which;
    for (std::size_t k = 0; k < streams.size(); ++k)
      if (!failed[k]) {
        steps.push_back({streams[k].get(), tokens_[t]});
        which.push_back(k);
      }
    if (steps.empty()) break;
    step_streams(steps);
    for (std::size_t k = 0; k < steps.size(); ++k) {
      failed[which[k]] = steps[k].failed != nullptr;
      if (!failed[which[k]]) add(sums[which[k]], steps[k].stream->logits(), t);
    }
  }
  std::vector<std::optional<scan_effect>> effects(all.size());
  for (std::size_t k = 0; k < all.size(); ++k)
    if (!failed[k]) effects[k] = mean(sums[k]);
  return effects;
}

}  // namespace bdh
