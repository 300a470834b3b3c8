#include "apps/runs/statistics.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include <bdh/simulator.hpp>

#include "apps/common/console.hpp"

namespace bdh::app {

statistics::statistics(const model& m) : model_(m), active_x_(m.layers()), active_y_(m.layers()) {}

void statistics::add(const step_report& report) {
  for (std::size_t l = 0; l < active_x_.size(); ++l) {
    active_x_[l] += report.active_x[l];
    active_y_[l] += report.active_y[l];
  }
  synaptic_events_ += report.synaptic_events;
  hebbian_writes_ += report.hebbian_writes;
  bytes_exchanged_ += report.bytes_exchanged;
  seconds_ += report.seconds;
  add_spikes(report.spikes);
  if (report.learned) {
    ++taught_;
    rows_changed_ += report.learned->rows_changed;
  }
  if (tokens_++ != 0 && report.surprisal) {
    nats_ += *report.surprisal;
    ++predictions_;
  }
}

void statistics::add_spikes(const std::optional<spike_counts>& more) {
  if (!more) return;
  if (!spikes_) spikes_.emplace();
  for (std::size_t k = 0; k < more->spikes.size(); ++k) spikes_->spikes[k] += more->spikes[k];
  spikes_->coincidences += more->coincidences;
  spikes_->clipped += more->clipped;
}

nlohmann::ordered_json statistics::spikes_per_token() const {
  if (!spikes_ || tokens_ == 0) return nullptr;
  const auto mean = [&](std::uint64_t sum) {
    return static_cast<double>(sum) / static_cast<double>(tokens_);
  };
  const auto& of = spikes_->spikes;
  return {{"x", mean(of[0])},
          {"y", mean(of[1])},
          {"w", mean(of[2] + of[4])},
          {"a", mean(of[3] + of[5])},
          {"coincidences", mean(spikes_->coincidences)},
          {"clipped", mean(spikes_->clipped)}};
}

std::string statistics::shown_spikes() const {
  const nlohmann::ordered_json all = spikes_per_token();
  std::string text;
  for (const auto& [name, mean] : all.items())
    if (mean.get<double>() != 0)
      text +=
          fmt::format("{}{} {}", text.empty() ? "" : ", ", name, shown_count(mean.get<double>()));
  return text;
}

void statistics::add(const statistics& other) {
  add_spikes(other.spikes_);
  tokens_ += other.tokens_;
  for (std::size_t l = 0; l < active_x_.size(); ++l) {
    active_x_[l] += other.active_x_[l];
    active_y_[l] += other.active_y_[l];
  }
  synaptic_events_ += other.synaptic_events_;
  hebbian_writes_ += other.hebbian_writes_;
  bytes_exchanged_ += other.bytes_exchanged_;
  seconds_ += other.seconds_;
  nats_ += other.nats_;
  predictions_ += other.predictions_;
}

std::optional<double> statistics::nats_per_token() const {
  if (predictions_ == 0) return std::nullopt;
  return nats_ / static_cast<double>(predictions_);
}

std::vector<double> statistics::shares(const std::vector<std::uint64_t>& active) const {
  std::vector<double> percent;
  for (std::uint64_t sum : active)
    percent.push_back(tokens_ == 0 ? 0
                                   : 100.0 * static_cast<double>(sum) /
                                         (static_cast<double>(tokens_) * model_.neurons()));
  return percent;
}

double statistics::share(const std::vector<std::uint64_t>& active) const {
  const auto all = shares(active);
  return std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
}

void statistics::print_memory(std::uint64_t synapse_bytes, bool rounded) const {
  note(fmt::format("model {}{}, synapses {}{}, peak memory {}", shown_bytes(model_.bytes()),
                   model_.is_bfloat16() ? " (weights rounded to bfloat16)" : "",
                   shown_bytes(synapse_bytes), rounded ? " (strengths rounded to bfloat16)" : "",
                   shown_bytes(peak_memory_bytes())));
}

void statistics::print_summary(const simulator& brain, site_id sites) const {
  const auto per_second = [&](std::uint64_t count) {
    return seconds_ > 0 ? static_cast<double>(count) / seconds_ : 0.0;
  };
  note(fmt::format("{} tokens in {}: {} tokens/s, {} synaptic events/s",
                   shown_count(static_cast<double>(tokens_)), shown_seconds(seconds_),
                   shown_count(per_second(tokens_)), shown_count(per_second(synaptic_events_))));
  note(
      fmt::format("active: X {:.3g} %, Y {:.3g} % of neurons", share(active_x_), share(active_y_)));
  if (spikes_) note("spikes a token: " + shown_spikes());
  if (taught_ != 0)
    note(fmt::format(
        "learned from {} tokens: {} rows of weights changed by each",
        shown_count(static_cast<double>(taught_)),
        shown_count(static_cast<double>(rows_changed_) / static_cast<double>(taught_))));
  if (sites > 1) note(fmt::format("exchanged between sites: {}", shown_bytes(bytes_exchanged_)));
  print_memory(brain.state_bytes(), brain.rounds_synapses());
  if (const auto loss = nats_per_token())
    note(fmt::format("loss: {:.4f} nats per token over {} predictions", *loss,
                     shown_count(static_cast<double>(predictions_))));
}

void statistics::print_streams(std::size_t streams, double seconds, std::uint64_t synapse_bytes,
                               bool rounded) const {
  const auto tokens = static_cast<double>(tokens_);
  note(fmt::format("{} stream{}, {} tokens in {}: {} tokens/s in all, {} in a stream", streams,
                   streams == 1 ? "" : "s", shown_count(tokens), shown_seconds(seconds),
                   shown_count(seconds > 0 ? tokens / seconds : 0),
                   shown_count(seconds_ > 0 ? tokens / seconds_ : 0)));
  note(
      fmt::format("active: X {:.3g} %, Y {:.3g} % of neurons", share(active_x_), share(active_y_)));
  print_memory(synapse_bytes, rounded);
  if (const auto loss = nats_per_token())
    note(fmt::format("loss: {:.4f} nats per token over {} predictions", *loss,
                     shown_count(static_cast<double>(predictions_))));
}

nlohmann::ordered_json statistics::json(const simulator& brain) const {
  nlohmann::ordered_json all = json();
  all["model_bytes"] = model_.bytes();
  all["weights"] = model_.is_bfloat16() ? "bf16" : "float32";
  all["synapses"] = brain.rounds_synapses() ? "bf16" : "float32";
  all["synapse_bytes"] = brain.state_bytes();
  all["peak_memory_bytes"] = peak_memory_bytes();
  return all;
}

nlohmann::ordered_json statistics::json() const {
  const auto per_second = [&](std::uint64_t count) {
    return seconds_ > 0 ? static_cast<double>(count) / seconds_ : 0.0;
  };
  nlohmann::ordered_json all;
  all["tokens"] = tokens_;
  all["seconds"] = seconds_;
  all["tokens_per_second"] = per_second(tokens_);
  all["synaptic_events"] = synaptic_events_;
  all["synaptic_events_per_second"] = per_second(synaptic_events_);
  all["hebbian_writes"] = hebbian_writes_;
  if (spikes_) all["spikes_per_token"] = spikes_per_token();
  if (taught_ != 0) {
    all["tokens_learned"] = taught_;
    all["rows_changed_per_token"] =
        static_cast<double>(rows_changed_) / static_cast<double>(taught_);
  }
  all["active_x_percent"] = {{"mean", share(active_x_)}, {"layers", shares(active_x_)}};
  all["active_y_percent"] = {{"mean", share(active_y_)}, {"layers", shares(active_y_)}};
  all["bytes_exchanged"] = bytes_exchanged_;
  all["predictions"] = predictions_;
  if (const auto loss = nats_per_token()) all["nats_per_token"] = *loss;
  return all;
}

std::uint64_t peak_memory_bytes() {
  rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace bdh::app
