#include "io/recording/reference_outputs.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include <bdh/error.hpp>

#include "io/files/sandbox.hpp"
#include "io/hdf5/file.hpp"

namespace bdh {
namespace {

constexpr std::uint64_t most_tokens = 10'000'000;
constexpr std::uint64_t max_file_bytes = std::uint64_t{4} << 30;
constexpr std::uint64_t any = 0;

// Reads datasets as long as they fit each other and, together, into max_file_bytes.
class reader {
 public:
  explicit reader(const std::filesystem::path& file)
      : file_(hdf5::file::open(file, {max_file_bytes, false})),
        root_(file_.root()),
        tokens_(committed()) {}

  std::uint64_t tokens() const { return tokens_; }
  bool has(const char* name) const { return root_.has(name); }

  // One dimension, `rows` of it or all.
  std::vector<token_id> ids(const char* name, std::uint64_t rows) {
    const hdf5::dataset set = root_.open_dataset(name);
    if (set.shape().size() != 1)
      throw shape_error(set.place(), std::to_string(set.shape().size()) + " dimensions", "1");
    if (rows == any) rows = set.shape()[0];
    if (rows > most_tokens)
      throw input_error(set.place(), std::to_string(rows) + " tokens",
                        "at most " + std::to_string(most_tokens));
    charge(set, rows, {}, 2 * sizeof(std::uint64_t));
    const array<std::uint64_t> values = set.read_integers(rows, 0xffffffffu);
    return {values.begin(), values.end()};
  }
  array<float> reals(const char* name, const std::vector<std::uint64_t*>& row) {
    return fit(name, row, sizeof(float)).read_reals(tokens_);
  }
  array<std::uint64_t> counts(const char* name, const std::vector<std::uint64_t*>& row) {
    return fit(name, row, sizeof(std::uint64_t)).read_integers(tokens_, 0xffffffffu);
  }

 private:
  // Tokens that are committed: of a recording, those before its commit marker.
  std::uint64_t committed() const {
    std::uint64_t rows = root_.open_dataset("tokens").shape()[0];
    if (!root_.has("mapping")) return rows;
    const hdf5::dataset time = root_.open_group("mapping").open_dataset("time");
    const array<double> marker = time.read<double>({3});
    if (!(marker[1] >= 0) || marker[1] > static_cast<double>(most_tokens))
      throw input_error(time.place() + "[1]", shown(marker[1]),
                        "0 to " + std::to_string(most_tokens) + " tokens");
    if (marker[0] != 0 || marker[2] != 1)
      throw input_error(time.place(),
                        "tokens from " + shown(marker[0]) + " on, every " + shown(marker[2]),
                        "every token from 0 on");
    return std::min(rows, static_cast<std::uint64_t>(marker[1]));
  }

  // Extents of a row that are 0 take the value of the file; the others must agree with it.
  hdf5::dataset fit(const char* name, const std::vector<std::uint64_t*>& row,
                    std::uint64_t element_bytes) {
    hdf5::dataset set = root_.open_dataset(name);
    const hdf5::extents& shape = set.shape();
    if (shape.size() != row.size() + 1)
      throw shape_error(set.place(), std::to_string(shape.size()) + " dimensions",
                        std::to_string(row.size() + 1));
    if (shape[0] < tokens_)
      throw shape_error(set.place(), std::to_string(shape[0]) + " rows",
                        std::to_string(tokens_) + ", one for each token");
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (shape[i + 1] == 0) throw shape_error(set.place(), "an empty extent", "at least 1");
      if (*row[i] == any) *row[i] = shape[i + 1];
      if (*row[i] != shape[i + 1])
        throw shape_error(set.place(), "extent " + std::to_string(shape[i + 1]),
                          std::to_string(*row[i]) + ", as in the other datasets");
    }
    charge(set, tokens_, {shape.begin() + 1, shape.end()}, element_bytes);
    return set;
  }

  void charge(const hdf5::dataset& set, std::uint64_t rows, const hdf5::extents& row,
              std::uint64_t element_bytes) {
    std::uint64_t bytes = element_bytes;
    bool fits = !__builtin_mul_overflow(bytes, rows, &bytes);
    for (std::uint64_t n : row) fits = fits && !__builtin_mul_overflow(bytes, n, &bytes);
    if (!fits || bytes > max_file_bytes - used_)
      throw input_error(set.place(), "too much data", "at most 4 GB in one file");
    used_ += bytes;
  }

  hdf5::file file_;
  hdf5::group root_;
  std::uint64_t tokens_ = 0, used_ = 0;
};

reference_outputs read_here(const std::filesystem::path& file) {
  reader from(file);
  reference_outputs e;
  if (from.tokens() == 0)
    throw input_error(file.string() + ":/tokens", "no tokens", "at least one");
  e.tokens = from.ids("tokens", from.tokens());
  e.logits = from.reals("logits", {&e.vocabulary});
  if (from.has("greedy")) e.greedy = from.ids("greedy", any);
  std::uint64_t levels = 0;  // L + 1
  if (from.has("x")) e.x = from.reals("x", {&e.layers, &e.neurons});
  if (from.has("y")) e.y = from.reals("y", {&e.layers, &e.neurons});
  if (from.has("active_x")) e.active_x = from.counts("active_x", {&e.layers});
  if (from.has("active_y")) e.active_y = from.counts("active_y", {&e.layers});
  if (e.layers != 0) levels = e.layers + 1;
  if (from.has("v")) e.v = from.reals("v", {&levels, &e.hubs});
  if (e.layers == 0 && levels > 1) e.layers = levels - 1;
  return e;
}

// size(n) and values(array) for each member, in one order.
template <class Expected, class Sizes, class Arrays>
void for_each_member(Expected& e, Sizes size, Arrays values) {
  size(e.vocabulary), size(e.layers), size(e.neurons), size(e.hubs);
  values(e.tokens), values(e.logits), values(e.greedy), values(e.x), values(e.y), values(e.v),
      values(e.active_x), values(e.active_y);
}

}  // namespace

reference_outputs read_reference_outputs(const std::filesystem::path& file) {
  reference_outputs e;
  const auto put = [&](value_pipe& to) {
    const reference_outputs found = read_here(file);
    for_each_member(
        found, [&](std::uint64_t n) { to.put_value(n); },
        [&](const auto& values) { to.put(std::span(values.data(), values.size())); });
  };
  read_in_child(file.string(), put, [&](value_pipe& from) {
    for_each_member(
        e, [&](std::uint64_t& n) { n = from.take_value<std::uint64_t>(); },
        [&](auto& values) { values = from.take<std::remove_reference_t<decltype(values)>>(); });
  });
  return e;
}

}  // namespace bdh
