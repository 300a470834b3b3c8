// Rotation of synapses (RoPE) as data of the model: neurons 2m and 2m+1 of a head are a pair, and
// pair m turns by frequency[m] turns per token. All heads share one table.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include <bdh/array.hpp>

namespace bdh {

// Which neurons of a head, with N neurons, turn together: (2m, 2m+1) or (m, m+N/2). A model has
// them interleaved; files have both.
enum class pairing { interleaved, half_split };

class rotation {
 public:
  rotation() = default;  // none

  // frequency (N/2): turns per token of each pair, N neurons per head. Throws input_error for a
  // value that is not finite.
  explicit rotation(const std::vector<double>& frequency);
  static rotation keeping(array<double> frequency);  // the same without a copy

  // The released code's table for N neurons per head (even): frequency[m] = theta^(-2m/N) / (2 pi).
  static rotation geometric(double theta, std::size_t neurons_per_head);

  bool present() const noexcept { return frequency_ != nullptr; }
  std::span<const double> frequency() const noexcept {
    return present() ? std::span<const double>(*frequency_) : std::span<const double>();
  }

 private:
  std::shared_ptr<const array<double>> frequency_;  // shared by copies; perhaps pages of a file
};

}  // namespace bdh
