// Which of the paper's dynamics a model follows, as a validated value. The rest of the code
// depends on the single rules below, never on the variant's name.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/array.hpp>

namespace bdh {

// How X follows from the drive (Gx W)_+.
enum class x_rule { accumulate, replace };

// How W follows from Y at the end of a layer; g is the gain of the hub pool (divisive
// normalisation).
enum class w_rule {
  y,         // W = y                          Eq. 6, 7
  gain_y,    // W = g(y) y                     Eq. 8
  leaky_sum  // W <- W + g(y) y, W <- g(W) W   the paper's listing and the released code
};

class dynamics {
 public:
  // "bdh" (Eq. 6), "normfree" (Eq. 7), "gpu-paper" (Eq. 8), "gpu-release" (the paper's listing and
  // the released code). epsilon > 0 is the constant under the root of the gain. Throws input_error
  // for another name or a bad epsilon.
  static dynamics named(std::string_view name, double epsilon = 1e-5);

  const std::string& name() const noexcept { return name_; }
  const char* equation() const noexcept { return equation_; }
  x_rule x() const noexcept { return x_; }
  w_rule w() const noexcept { return w_; }
  bool token_gain() const noexcept { return token_gain_; }  // the token enters as g(e) e, not e
  // How W is set, by a token or by a layer's Y (kernels/source_update.hpp): whether by its gain,
  // and whether on top of what W was.
  bool scales_w(bool by_token) const noexcept { return by_token ? token_gain_ : w_ != w_rule::y; }
  bool accumulates_w(bool by_token) const noexcept { return !by_token && w_ == w_rule::leaky_sum; }
  // A is scaled by g(A), per head, before it drives Gy.
  bool attention_gain() const noexcept { return attention_gain_; }
  // Hubs subtract their pool's mean: Gx = Dx C B.
  bool centred() const noexcept { return centred_; }
  bool heads() const noexcept { return heads_; }  // more than one head is defined
  double epsilon() const noexcept { return epsilon_; }

 private:
  std::string name_;
  const char* equation_ = "";
  x_rule x_ = x_rule::replace;
  w_rule w_ = w_rule::leaky_sum;
  bool token_gain_ = true, attention_gain_ = true, centred_ = true, heads_ = true;
  double epsilon_ = 1e-5;
};

// Rotation of synapses (RoPE) as data of the model: neurons 2m and 2m+1 of a head are a pair, and
// pair m turns by frequency[m] turns per token. All heads share one table.

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
