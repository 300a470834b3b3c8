#include "graph/structure/heavy_tail.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "core/base/random.hpp"
#include "graph/structure/optional_igraph.hpp"
#include "graph/structure/power_law_fit.hpp"

namespace bdh {
namespace {

// Distinct values, ascending, and how often each occurs.
using tally = std::vector<std::pair<double, double>>;

tally tally_of(std::span<const std::uint32_t> values, std::uint32_t least) {
  std::map<std::uint32_t, std::uint64_t> count;
  for (const std::uint32_t v : values)
    if (v >= least) ++count[v];
  return {count.begin(), count.end()};
}

double total(const tally& t) {
  double n = 0;
  for (const auto& [x, count] : t) n += count;
  return n;
}

// ln F(z) of the standard normal distribution.
double log_normal_cdf(double z) {
  if (z > -35) return std::log(0.5 * std::erfc(-z / std::numbers::sqrt2));
  return -0.5 * z * z - std::log(-z * std::sqrt(2 * std::numbers::pi)) + std::log1p(-1 / (z * z));
}

// ln [F(b) - F(a)], a < b; in the lower tail, where the difference of two numbers near 1 is not
// lost.
double log_normal_between(double a, double b) {
  if (a > 0) std::tie(a, b) = std::pair(-b, -a);
  const double below = log_normal_cdf(a), above = log_normal_cdf(b);
  return above + std::log(-std::expm1(below - above));
}

// ln p(x) of each value of the tail.
using log_probabilities = std::vector<double>;

log_probabilities of_power_law(const tally& tail, double alpha) {
  const double norm = log_hurwitz_zeta(alpha, tail.front().first);
  log_probabilities p;
  for (const auto& [x, count] : tail) p.push_back(-alpha * std::log(x) - norm);
  return p;
}

log_probabilities of_exponential(const tally& tail) {
  const double xmin = tail.front().first;
  double sum = 0;
  for (const auto& [x, count] : tail) sum += count * (x - xmin);
  const double lambda = std::log1p(total(tail) / sum);  // the likelihood is largest there
  log_probabilities p;
  for (const auto& [x, count] : tail)
    p.push_back(std::log(-std::expm1(-lambda)) - lambda * (x - xmin));
  return p;
}

log_probabilities of_lognormal(const tally& tail, double mu, double sigma) {
  const auto z = [&](double x) { return (std::log(x) - mu) / sigma; };
  const double norm = log_normal_cdf(-z(tail.front().first - 0.5));
  log_probabilities p;
  for (const auto& [x, count] : tail)
    p.push_back(log_normal_between(z(x - 0.5), z(x + 0.5)) - norm);
  return p;
}

double likelihood(const tally& tail, const log_probabilities& p) {
  double sum = 0;
  for (std::size_t i = 0; i < tail.size(); ++i) sum += tail[i].second * p[i];
  return std::isnan(sum) ? -std::numeric_limits<double>::infinity() : sum;
}

// The point where f is smallest (Nelder and Mead 1965), from a start and a step.
template <class F>
std::array<double, 2> minimise(F f, std::array<double, 2> start, double step) {
  using point = std::array<double, 2>;
  const auto between = [](const point& a, const point& b, double t) {
    return point{a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])};
  };
  std::array<std::pair<double, point>, 3> corner;
  for (int i = 0; i < 3; ++i) {
    point at = start;
    if (i != 0) at[static_cast<std::size_t>(i - 1)] += step;
    corner[static_cast<std::size_t>(i)] = {f(at), at};
  }
  for (int steps = 0; steps < 500; ++steps) {
    std::sort(corner.begin(), corner.end());
    if (!(corner[2].first - corner[0].first > 1e-10 * std::abs(corner[0].first))) break;
    const point middle = between(corner[0].second, corner[1].second, 0.5);
    const auto try_at = [&](double t) {
      const point at = between(middle, corner[2].second, t);
      return std::pair(f(at), at);
    };
    auto next = try_at(-1);
    if (next.first < corner[0].first) {
      const auto farther = try_at(-2);
      if (farther.first < next.first) next = farther;
    } else if (next.first >= corner[1].first) {
      next = try_at(next.first < corner[2].first ? -0.5 : 0.5);
    }
    if (next.first < corner[2].first) {
      corner[2] = next;
      continue;
    }
    for (int i = 1; i < 3; ++i) {
      auto& c = corner[static_cast<std::size_t>(i)];
      c.second = between(corner[0].second, c.second, 0.5);
      c.first = f(c.second);
    }
  }
  return std::min_element(corner.begin(), corner.end())->second;
}

log_probabilities of_best_lognormal(const tally& tail) {
  const double n = total(tail);
  double mean = 0, variance = 0;
  for (const auto& [x, count] : tail) mean += count * std::log(x) / n;
  for (const auto& [x, count] : tail)
    variance += count * (std::log(x) - mean) * (std::log(x) - mean) / n;
  const auto cost = [&](const std::array<double, 2>& at) {
    return -likelihood(tail, of_lognormal(tail, at[0], std::exp(at[1])));
  };
  auto best = minimise(cost, {mean, 0.5 * std::log(std::max(variance, 1e-6))}, 0.5);
  // Anew from there: the first corners may have closed in too early.
  best = minimise(cost, best, 0.1);
  return of_lognormal(tail, best[0], std::exp(best[1]));
}

likelihood_ratio compare(const tally& tail, const log_probabilities& a,
                         const log_probabilities& b) {
  const double n = total(tail);
  likelihood_ratio r;
  for (std::size_t i = 0; i < tail.size(); ++i) r.log_ratio += tail[i].second * (a[i] - b[i]);
  double variance = 0;
  for (std::size_t i = 0; i < tail.size(); ++i)
    variance += tail[i].second * std::pow(a[i] - b[i] - r.log_ratio / n, 2) / n;
  if (variance > 0) r.p = std::erfc(std::abs(r.log_ratio) / std::sqrt(2 * n * variance));
  return r;
}

// Numbers from the tail of a fit, by inverting P(X >= x) = zeta(alpha, x) / zeta(alpha, xmin).
class tail_numbers {
 public:
  explicit tail_numbers(const tail_fit& f)
      : alpha_(f.alpha), xmin_(f.xmin), norm_(log_hurwitz_zeta(f.alpha, f.xmin)) {
    for (std::uint32_t i = 0; i < 4096; ++i)
      at_least_.push_back(at_least(std::uint64_t{xmin_} + i));
  }
  std::uint32_t draw(random_stream& random) const {
    const double u = 1 - random.unit();
    if (u > at_least_.back())
      return xmin_ + static_cast<std::uint32_t>(
                         std::upper_bound(at_least_.begin(), at_least_.end(), u, std::greater<>()) -
                         at_least_.begin() - 1);
    std::uint64_t low = std::uint64_t{xmin_} + at_least_.size() - 1, high = 2 * low;
    while (high < most && at_least(high) >= u) low = high, high *= 2;
    high = std::min(high, most);
    while (high - low > 1) {
      const std::uint64_t middle = low + (high - low) / 2;
      (at_least(middle) >= u ? low : high) = middle;
    }
    return static_cast<std::uint32_t>(low);
  }

 private:
  static constexpr std::uint64_t most = std::uint64_t{1} << 31;
  double at_least(std::uint64_t x) const {
    return std::exp(log_hurwitz_zeta(alpha_, static_cast<double>(x)) - norm_);
  }

  double alpha_;
  std::uint32_t xmin_;
  double norm_;
  std::vector<double> at_least_;  // of xmin, xmin + 1, ...
};

std::vector<std::uint32_t> above_zero(std::span<const std::uint32_t> values) {
  std::vector<std::uint32_t> v;
  std::copy_if(values.begin(), values.end(), std::back_inserter(v),
               [](std::uint32_t x) { return x != 0; });
  return v;
}

}  // namespace

// Euler and Maclaurin: n terms one by one, the rest as an integral with corrections. All terms
// divided by q^-s, which may underflow.
double log_hurwitz_zeta(double s, double q) {
  static constexpr double coefficient[] = {
      1.0 / 12, -1.0 / 720, 1.0 / 30240, -1.0 / 1209600, 1.0 / 47900160, -691.0 / 1307674368000.0};
  const int n = std::max(10, static_cast<int>(std::min(s + 10 - q, 1e4)));
  double sum = 0;
  for (int k = 0; k < n; ++k) sum += std::pow(1 + k / q, -s);
  const double end = q + n, scale = std::pow(end / q, -s);
  double rest = end / (s - 1) + 0.5, factor = s / end;
  for (int j = 0; j < 6; ++j) {
    rest += coefficient[j] * factor;
    factor *= (s + 2 * j + 1) * (s + 2 * j + 2) / (end * end);
  }
  return -s * std::log(q) + std::log(sum + scale * rest);
}

tail_search find_tail(std::span<const std::uint32_t> values,
                      const std::function<void()>& interrupt) {
  const auto none = [](std::string why) { return tail_search{std::nullopt, std::move(why)}; };
  const std::string needed = std::to_string(smallest_tail) + " are needed";
  const std::vector<std::uint32_t> positive = above_zero(values);
  if (positive.size() < smallest_tail)
    return none(std::to_string(positive.size()) + " nodes with edges, " + needed);
  if (std::equal(positive.begin() + 1, positive.end(), positive.begin()))
    return none("all nodes with edges have equally many");
  if (!has_igraph()) return none("this build is without igraph");
  const power_law_fit found = fit_power_law(positive, interrupt);
  const tally tail = tally_of(positive, static_cast<std::uint32_t>(found.xmin));
  const double size = total(tail);
  if (size < static_cast<double>(smallest_tail))
    return none("tail of " + std::to_string(static_cast<std::uint64_t>(size)) + " nodes, " +
                needed);
  if (!(found.alpha > 1) || !std::isfinite(found.alpha) || tail.size() < 2)
    return none("all nodes of the tail have equally many edges");
  tail_fit f;
  f.alpha = found.alpha;
  f.xmin = static_cast<std::uint32_t>(found.xmin);
  f.values = positive.size();
  f.tail = static_cast<std::uint64_t>(size);
  f.ks = found.ks;
  const log_probabilities power = of_power_law(tail, f.alpha);
  f.log_likelihood = likelihood(tail, power);
  f.exponential = compare(tail, power, of_exponential(tail));
  f.lognormal = compare(tail, power, of_best_lognormal(tail));
  return {f, {}};
}

std::optional<tail_fit> fit_tail(std::span<const std::uint32_t> values,
                                 const std::function<void()>& interrupt) {
  return find_tail(values, interrupt).fit;
}

double tail_p_value(std::span<const std::uint32_t> values, const tail_fit& f, std::uint32_t samples,
                    std::uint64_t seed, const std::function<void()>& after_sample) {
  std::vector<std::uint32_t> positive = above_zero(values), body;
  std::copy_if(positive.begin(), positive.end(), std::back_inserter(body),
               [&](std::uint32_t x) { return x < f.xmin; });
  const tail_numbers numbers(f);
  std::uint32_t as_far = 0;
  for (std::uint32_t sample = 0; sample < samples; ++sample) {
    random_stream random(seed, purpose::sampling, sample);
    for (std::uint32_t& x : positive) {
      const bool in_tail = body.empty() || random.unit() * static_cast<double>(f.values) <
                                               static_cast<double>(f.tail);
      x = in_tail ? numbers.draw(random)
                  : body[random.below(static_cast<std::uint32_t>(body.size()))];
    }
    // A sample of one value only fits itself.
    if (!std::equal(positive.begin() + 1, positive.end(), positive.begin()))
      as_far += fit_power_law(positive).ks >= f.ks;
    if (after_sample) after_sample();
  }
  return static_cast<double>(as_far) / samples;
}

}  // namespace bdh
