// The weights of a model through hubs as they are after learning: copies, of which every site
// changes the rows that are its own.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <bdh/engine.hpp>
#include <bdh/model.hpp>
#include <bdh/state.hpp>

namespace bdh {

class learned_weights {
 public:
  learned_weights(const model& m, const learning& how);
  learned_weights(const learned_weights&) = delete;
  learned_weights& operator=(const learned_weights&) = delete;

  struct matrix {
    bool changes = false;
    float* weights = nullptr;       // (rows x width)
    const float* origin = nullptr;  // the model's own
    neuron_id rows = 0;
    array<float> mean_squares;  // (rows): of a row's gradient; -1: it has never changed
    // Of the token that learns, by block of rows: how many changed, and the sum of the squares.
    std::vector<double> squares;
    std::vector<std::uint32_t> changed;
  };
  matrix& of(learned_circuit c) noexcept { return matrices_[static_cast<std::size_t>(c)]; }
  const matrix& of(learned_circuit c) const noexcept {
    return matrices_[static_cast<std::size_t>(c)];
  }

  const model& base() const noexcept { return base_; }
  const learning& how() const noexcept { return how_; }
  const hub_circuits& circuits() const noexcept { return now_; }
  void reset();  // to the model's own weights
  void begin_token() noexcept;
  std::size_t bytes() const noexcept;

 private:
  const model& base_;
  const learning how_;
  hub_circuits now_;
  std::array<matrix, learned_circuits> matrices_;
};

}  // namespace bdh
