// The search for concept synapses: those whose strength at the end of a text separates two sets of
// texts, ranked among all candidates by Mann and Whitney's U.
// core/analysis/concept_confirmation.hpp puts the best to the test on other texts.
//
// The candidates through hubs are all pairs of neurons, with explicit edges the edges of gs between
// neurons. Strengths are computed from the factors of every text (core/analysis/hebbian_trace.hpp),
// a tile of targets and sources at a time; n^2 of them are never held.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "core/analysis/hebbian_trace.hpp"
#include "core/base/executor.hpp"

namespace bdh {

// Numbers of texts of the two sets.
struct text_sets {
  std::vector<std::size_t> positive, negative;
};
// How far a candidate separates the two sets.
struct separation {
  layer_id layer = 0;
  bool of_y = false;  // of neurons: Y, not X
  neuron_pair pair;   // of neurons: the same twice; of amplitudes: pre is the even neuron
  // 2 U - m n: pairs of texts (positive, negative) with the larger strength in the positive one,
  // less the others.
  std::int64_t u_balance = 0;
  float mean_difference = 0;  // positive - negative
};

bool better(const separation& a, const separation& b) noexcept;

// The best `capacity` candidates: by |2 U - m n|, of equal ones by the difference of the means,
// then the lower ids. The same whatever the order in which they are offered.
class best_separations {
 public:
  explicit best_separations(std::size_t capacity) : capacity_(capacity) {}
  // What cannot get in: |u_balance| below it.
  std::int64_t least() const noexcept { return least_.load(std::memory_order_relaxed); }
  void offer(std::span<const separation> found);  // may be called by several threads
  std::vector<separation> sorted() const;         // the best first

 private:
  std::size_t capacity_;
  mutable std::mutex busy_;
  std::vector<separation> heap_;         // the worst on top
  std::atomic<std::int64_t> least_ = 1;  // 0 separates nothing
};

// What of a synapse is compared: its strength, or the amplitude of the two that turn together.
enum class synapse_measure { strength, amplitude };

struct search_place {
  layer_id layer = 1;
  std::optional<head_id> head = {};  // only presynaptic neurons of this head
  synapse_measure measure = synapse_measure::strength;
  // Called now and then, by several threads, with the share that is done; false ends the search.
  std::function<bool(double)> go_on = {};
};

// Offers every candidate synapse of a layer to `best`. texts[t]: that layer's factors of text t. A
// target whose factor is 0 in so many texts that no strength could get in is passed over.
void search_synapses(const model& m, const search_place& where,
                     std::span<const layer_factors> texts, const text_sets& sets, executor& threads,
                     best_separations& best);
// Of a layer; of amplitudes half as many as synapses. Throws unavailable_error for amplitudes of a
// model without rotation.
std::uint64_t candidate_synapses(const model& m, std::optional<head_id> head,
                                 synapse_measure measure = synapse_measure::strength);
// Of memory for tiles.
std::size_t search_bytes(std::span<const layer_factors> texts, const text_sets& sets,
                         std::size_t threads);

// The same of neurons: values[t] (neurons) of text t.
void search_neurons(const model& m, const search_place& where, bool of_y,
                    std::span<const std::vector<float>> values, const text_sets& sets,
                    best_separations& best);

}  // namespace bdh
