// Are degrees distributed as a power law, and if so, with which exponent? After Clauset, Shalizi
// and Newman, SIAM Review 51, 661 (2009); section and equation numbers are theirs. Degrees are
// whole numbers, so all distributions here are discrete, over x >= xmin:
//
//   power law     p(x) = x^-alpha / zeta(alpha, xmin)
//   exponential   p(x) = (1 - e^-lambda) e^(-lambda (x - xmin))
//   lognormal     p(x) = [F(x + 1/2) - F(x - 1/2)] / [1 - F(xmin - 1/2)]
//
// with F the cumulative lognormal of mu and sigma.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace bdh {

// Two distributions on the same values (Vuong 1989; appendix C): the logarithm of the ratio of
// their likelihoods, and the probability of one at least as far from 0 if both were as good. Above
// 0 the power law is the more likely one.
struct likelihood_ratio {
  double log_ratio = 0, p = 1;
};

struct tail_fit {
  double alpha = 0;
  std::uint32_t xmin = 1;     // chosen to make ks smallest (section 3.3)
  std::uint64_t values = 0;   // all that are not 0; zeros are left out, a power law has none
  std::uint64_t tail = 0;     // those >= xmin
  double ks = 0;              // Kolmogorov-Smirnov distance of the tail
  double log_likelihood = 0;  // of the tail
  likelihood_ratio exponential, lognormal;
};

// A power law of fewer values says nothing: the far end of most distributions looks like one.
inline constexpr std::uint64_t smallest_tail = 50;

struct tail_search {
  std::optional<tail_fit> fit;
  // "tail of 12 nodes, 50 are needed", "this build is without igraph"; empty where there is a fit
  std::string why_not;
};

// Maximum likelihood by igraph (plfit). Nothing where fewer than `smallest_tail` values are above
// 0, or in the tail that fits best, or where these are all the same. `interrupt` is called now and
// then, and may throw.
tail_search find_tail(std::span<const std::uint32_t> values,
                      const std::function<void()>& interrupt = {});
std::optional<tail_fit> fit_tail(std::span<const std::uint32_t> values,
                                 const std::function<void()>& interrupt = {});

// The share of samples drawn from the fit, fitted anew, that lie as far from their own fit as the
// values do from theirs, or farther (section 4.1: below the tail they are drawn from the values).
// Below 0.1 a power law is ruled out. Its standard error is sqrt(p (1 - p) / samples). The same for
// the same seed. `after_sample` may throw.
double tail_p_value(std::span<const std::uint32_t> values, const tail_fit& fit,
                    std::uint32_t samples, std::uint64_t seed,
                    const std::function<void()>& after_sample = {});

// ln zeta(s, q), zeta(s, q) = sum over k >= 0 of (q + k)^-s, for s > 1, q >= 1.
double log_hurwitz_zeta(double s, double q);

}  // namespace bdh
