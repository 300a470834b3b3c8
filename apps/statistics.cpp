#include "apps/statistics.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <numeric>

#include "apps/console.hpp"

namespace bdh::app {

void statistics::add(const token_report& report) {
  ++tokens_;
  for (std::size_t l = 0; l < active_x_.size(); ++l) {
    active_x_[l] += report.active_x[l];
    active_y_[l] += report.active_y[l];
  }
  synaptic_events_ += report.synaptic_events;
  hebbian_writes_ += report.hebbian_writes;
  bytes_exchanged_ += report.bytes_exchanged;
  seconds_ += report.seconds;
  if (report.loss) {
    nats_ += *report.loss;
    ++predictions_;
  }
}

std::optional<double> statistics::nats_per_token() const {
  if (predictions_ == 0) return std::nullopt;
  return nats_ / static_cast<double>(predictions_);
}

std::vector<double> statistics::shares(const std::vector<std::uint64_t>& active) const {
  std::vector<double> percent;
  for (std::uint64_t sum : active)
    percent.push_back(tokens_ == 0 ? 0 : 100.0 * static_cast<double>(sum) / (static_cast<double>(tokens_) * model_.neurons()));
  return percent;
}

double statistics::share(const std::vector<std::uint64_t>& active) const {
  const auto all = shares(active);
  return std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
}

void statistics::tell(const simulator& brain) const {
  const auto per_second = [&](std::uint64_t count) { return seconds_ > 0 ? static_cast<double>(count) / seconds_ : 0.0; };
  note(fmt::format("{} tokens in {}: {} tokens/s, {} synaptic events/s", shown_count(static_cast<double>(tokens_)), shown_seconds(seconds_),
                   shown_count(per_second(tokens_)), shown_count(per_second(synaptic_events_))));
  note(fmt::format("active: X {:.3g} %, Y {:.3g} % of neurons", share(active_x_), share(active_y_)));
  note(fmt::format("exchanged between sites: {}", shown_bytes(bytes_exchanged_)));
  note(fmt::format("model {}{}, synapses {}, peak memory {}", shown_bytes(model_.bytes()),
                   model_.is_bfloat16() ? " (weights rounded to bfloat16)" : "", shown_bytes(brain.state_bytes()),
                   shown_bytes(peak_memory_bytes())));
  if (const auto loss = nats_per_token())
    note(fmt::format("loss: {:.4f} nats per token over {} predictions", *loss, shown_count(static_cast<double>(predictions_))));
}

nlohmann::ordered_json statistics::json(const simulator& brain) const {
  const auto per_second = [&](std::uint64_t count) { return seconds_ > 0 ? static_cast<double>(count) / seconds_ : 0.0; };
  nlohmann::ordered_json all;
  all["tokens"] = tokens_;
  all["seconds"] = seconds_;
  all["tokens_per_second"] = per_second(tokens_);
  all["synaptic_events"] = synaptic_events_;
  all["synaptic_events_per_second"] = per_second(synaptic_events_);
  all["hebbian_writes"] = hebbian_writes_;
  all["active_x_percent"] = {{"mean", share(active_x_)}, {"layers", shares(active_x_)}};
  all["active_y_percent"] = {{"mean", share(active_y_)}, {"layers", shares(active_y_)}};
  all["bytes_exchanged"] = bytes_exchanged_;
  all["model_bytes"] = model_.bytes();
  all["weights"] = model_.is_bfloat16() ? "bf16" : "float32";
  all["synapse_bytes"] = brain.state_bytes();
  all["peak_memory_bytes"] = peak_memory_bytes();
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
