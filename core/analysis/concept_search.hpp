// Concept synapses: those whose strength at the end of a text tells two sets of texts apart. Chosen
// among all candidates on one half of the texts by Mann and Whitney's U, confirmed on the other
// half.
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
#include "core/analysis/rank_statistics.hpp"
#include "core/base/executor.hpp"

namespace bdh {

// Numbers of texts of the two sets.
struct text_sets {
  std::vector<std::size_t> positive, negative;
};
struct halves {
  text_sets choose, confirm;
};
// Each set in two halves drawn by `seed`, the larger to confirm: texts 0 .. positive - 1 are the
// positive ones, the negative follow.
halves split_texts(std::size_t positive, std::size_t negative, std::uint64_t seed);

// How far a candidate separates the two sets.
struct separation {
  layer_id layer = 0;
  bool of_y = false;          // of neurons: Y, not X
  neuron_pair pair;           // of neurons: the same twice
  std::int64_t balance = 0;   // 2 U - m n: pairs of texts (positive, negative) with the larger
                              // strength in the positive one, less the others
  float mean_difference = 0;  // positive - negative
};

bool better(const separation& a, const separation& b) noexcept;

// The best `capacity` candidates: by |2 U - m n|, of equal ones by the difference of the means,
// then the lower ids. The same whatever the order in which they are offered.
class best_separations {
 public:
  explicit best_separations(std::size_t capacity) : capacity_(capacity) {}
  // What cannot get in: |balance| below it.
  std::int64_t least() const noexcept { return least_.load(std::memory_order_relaxed); }
  void offer(std::span<const separation> found);  // may be called by several threads
  std::vector<separation> sorted() const;         // the best first

 private:
  std::size_t capacity_;
  mutable std::mutex busy_;
  std::vector<separation> heap_;         // the worst on top
  std::atomic<std::int64_t> least_ = 1;  // who does not separate at all is nobody
};

struct search_place {
  layer_id layer = 1;
  std::optional<head_id> head = {};        // only presynaptic neurons of this head
  std::function<bool(double)> go_on = {};  // asked now and then, by several threads, with the share
                                           // that is done; false ends the search
};

// Offers every candidate synapse of a layer to `best`. texts[t]: that layer's factors of text t. A
// target whose factor is 0 in so many texts that no strength could get in is passed over.
void search_synapses(const model& m, const search_place& where,
                     std::span<const layer_factors> texts, const text_sets& sets, executor& threads,
                     best_separations& best);
std::uint64_t candidate_synapses(const model& m, std::optional<head_id> head);  // of a layer
std::size_t search_bytes(std::span<const layer_factors> texts, const text_sets& sets,
                         std::size_t threads);  // of memory for tiles

// The same of neurons: values[t] (neurons) of text t.
void search_neurons(const model& m, const search_place& where, bool of_y,
                    std::span<const std::vector<float>> values, const text_sets& sets,
                    best_separations& best);

// A candidate that was chosen, and what the other half says of it.
struct finding {
  separation what;
  std::vector<float> values;    // of every text
  rank_test chosen, confirmed;  // on the two halves, positive against negative
  double corrected_p = 1;       // of `confirmed`, by Holm over all that were carried over
  bool holds = false;           // corrected_p < level, in the direction in which it was chosen
};
// values_of[k]: of every text, of chosen[k]. The smallest p first, of equal ones those that
// separate better.
std::vector<finding> confirm(std::span<const separation> chosen,
                             std::vector<std::vector<float>> values_of, const halves& texts,
                             double level);

// Texts that it takes in each set so that there is something to choose by, and the confirming
// halves can reach `level` after correction for `carried` hypotheses; and in one set, beside so
// many (2 or more) in the other.
std::size_t texts_needed(std::size_t carried, double level);
std::size_t texts_needed_beside(std::size_t others, std::size_t carried, double level);

}  // namespace bdh
