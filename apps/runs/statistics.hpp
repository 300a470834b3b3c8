// What a run did and cost, added up token by token.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include <bdh/ids.hpp>
#include <bdh/step_report.hpp>

namespace bdh {
class model;
class simulator;
}  // namespace bdh

namespace bdh::app {

class statistics {
 public:
  explicit statistics(const model& m);

  // The surprisal of the first token does not count: it rests on what was read before.
  void add(const step_report& report);
  void add(const statistics& other);  // of another stream over the same model

  std::uint64_t tokens() const { return tokens_; }
  std::optional<double> nats_per_token() const;
  // Means over tokens, of a network of spikes: by population, coincidences, clipped; else null.
  nlohmann::ordered_json spikes_per_token() const;
  std::string shown_spikes() const;  // "x 8,644, y 557"

  // Both at the end of a run; rates are per second of computing, waiting for input does not count.
  void print_summary(const simulator& brain, site_id sites) const;  // on standard error
  nlohmann::ordered_json json(const simulator& brain) const;
  // The same of several streams that ran together, `seconds` by the clock and with `synapse_bytes`
  // of synapses.
  void print_streams(std::size_t streams, double seconds, std::uint64_t synapse_bytes,
                     bool rounded) const;
  nlohmann::ordered_json json() const;  // without what belongs to the process

 private:
  void add_spikes(const std::optional<spike_counts>& more);
  void print_memory(std::uint64_t synapse_bytes, bool rounded) const;
  double share(const std::vector<std::uint64_t>& active) const;  // %, mean over layers
  std::vector<double> shares(const std::vector<std::uint64_t>& active) const;

  const model& model_;
  std::uint64_t tokens_ = 0, predictions_ = 0, synaptic_events_ = 0, hebbian_writes_ = 0,
                bytes_exchanged_ = 0, taught_ = 0, rows_changed_ = 0;
  std::vector<std::uint64_t> active_x_, active_y_;  // sums over tokens, per layer
  double nats_ = 0, seconds_ = 0;
  std::optional<spike_counts> spikes_;  // sums over tokens, in a network of spikes
};

std::uint64_t peak_memory_bytes();

}  // namespace bdh::app
