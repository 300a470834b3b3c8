// The kept variables of a state, part by part: in which order a state file has them, how they are
// checked and hashed. So that no layer need be in memory twice, nor at one process of several.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <bdh/model.hpp>
#include <bdh/state.hpp>

#include "io/files/sha256.hpp"

namespace bdh {

// Fills a part with values, or uses those that it has. Layer 0: of variables that no layer has.
using part_function = std::function<void(layer_id, const kept_part&)>;

// All kept variables of a model in the order of the file, in memory that is the same for every
// part: 16 MiB at most, whole rows where all neurons have a synapse to every hub. One that has no
// values is one empty part.
void for_kept_parts(const model& m, const part_function& use);

// Its name in a file of this version: of version 1 synapses were "stored".
std::string dataset_name(variable v, std::uint64_t version);
// "file.h5:/layers/2/", or "file.h5:/network/" for layer 0; `place` is what comes before.
std::string place_of(const std::string& place, layer_id layer);
std::string entry_of(const std::string& place, const char* what, std::size_t i);

// Throws input_error for a value that is not finite or no bfloat16 where all are, and for a time
// stamp later than the clock. Parts come in order.
class state_checks {
 public:
  state_checks(bool rounded, std::uint64_t version, std::string place)
      : rounded_(rounded), version_(version), place_(std::move(place)) {}
  void add(layer_id layer, const kept_part& part);

 private:
  const bool rounded_;
  const std::uint64_t version_;
  const std::string place_;
  std::uint64_t clock_ = 0;
};

// Of a state all but its kept variables is in `head`.
class state_hash {
 public:
  state_hash(const run_state& head, const model& m, std::uint64_t version);
  void add(layer_id layer, const kept_part& part);
  std::string finish(const run_state& head);  // after the last part

 private:
  template <class T>
  void add_value(const T& value) {
    sum_.update(std::as_bytes(std::span(&value, 1)));
  }
  void add_text(std::string_view text) { sum_.update(std::as_bytes(std::span(text))); }

  const std::uint64_t version_;
  const std::vector<variable_info> list_;
  sha256 sum_;
};

}  // namespace bdh
