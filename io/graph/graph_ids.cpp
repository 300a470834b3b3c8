#include "io/graph/graph_ids.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include <bdh/error.hpp>

#include "core/base/utf8.hpp"
#include "io/graph/graph_file_detail.hpp"

namespace bdh::graph_formats {
namespace {

constexpr neuron_id no_number = ~neuron_id{0};
// Numbers that leave more than nine of ten below the largest without an edge do not count neurons.
constexpr std::uint64_t sparse = 10;

std::uint64_t hash_of(std::string_view text) noexcept {
  std::uint64_t h = text.size() * 0x9e3779b97f4a7c15u;
  while (!text.empty()) {
    std::uint64_t word = 0;
    const std::size_t bytes = std::min<std::size_t>(8, text.size());
    std::memcpy(&word, text.data(), bytes);
    text.remove_prefix(bytes);
    h = (h ^ word) * 0xd6e8feb86659fd93u;
    h ^= h >> 32;
  }
  h *= 0xd6e8feb86659fd93u;
  return h ^ h >> 32;
}

std::string shown_nodes(neuron_id count) {
  return count == 1 ? "the id of the only node is a name"
                    : "the ids of all " + std::to_string(count) + " nodes are names";
}

}  // namespace

std::uint64_t most_nodes(std::uint64_t file_bytes) noexcept {
  return std::clamp<std::uint64_t>(file_bytes, always_accepted, 0xfffffffeu);
}

bool is_name(std::string_view text) noexcept {
  const auto controls = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  return !text.empty() && text.size() <= longest_name && std::ranges::none_of(text, controls) &&
         is_utf8(text);
}

number_spelling spelling_of(std::string_view text) noexcept {
  const auto take_digits = [&] {
    const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
    const std::string_view digits = text.substr(0, end);
    text.remove_prefix(end);
    return digits;
  };
  const auto take = [&](std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == any_of.npos) return false;
    text.remove_prefix(1);
    return true;
  };
  if (take_digits().empty()) return number_spelling::other;
  const bool point = take(".");
  const std::string_view decimals = point ? take_digits() : std::string_view();
  std::uint64_t exponent = 0;
  if (take("eE")) {
    const bool plus = take("+");
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (failed != std::errc() || end != text.data() + text.size()) return number_spelling::other;
    if ((plus || point) && exponent > decimals.size()) return number_spelling::rounded;
    if (!plus && !point) return number_spelling::other;  // 1E5 is a name as others
  } else if (!text.empty() || !point) {
    return number_spelling::other;
  }
  const std::string_view fraction = decimals.substr(std::min(exponent, decimals.size()));
  return fraction.find_first_not_of('0') == fraction.npos ? number_spelling::whole_with_point
                                                          : number_spelling::other;
}

std::optional<std::uint64_t> canonical_number(std::string_view text) noexcept {
  if (text.empty() || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  return whole_number(text);
}

// ---- names

std::string_view name_table::name(neuron_id number) const noexcept {
  const std::uint64_t first = number == 0 ? 0 : ends_[number - 1];
  return std::string_view(text_).substr(first, ends_[number] - first);
}

name_table::key name_table::key_of(std::string_view text, std::uint64_t hash) noexcept {
  char bytes[16] = {};
  if (text.size() > 15) return {hash, 0xffull << 56};
  std::memcpy(bytes, text.data(), text.size());
  bytes[15] = static_cast<char>(text.size());
  key k;
  std::memcpy(&k.first, bytes, 8);
  std::memcpy(&k.second, bytes + 8, 8);
  return k;
}

std::size_t name_table::slot_of(std::string_view text, std::uint64_t hash) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  const key k = key_of(text, hash);
  std::size_t at = hash & mask;
  while (slots_[at].number != no_number && !holds(slots_[at], k, text)) at = (at + 1) & mask;
  return at;
}

void name_table::grow() {
  slots_.assign(std::max<std::size_t>(64, slots_.size() * 2), {});
  recent_ = {};
  for (neuron_id i = 0; i < size(); ++i) {
    const std::uint64_t hash = hash_of(name(i));
    slots_[slot_of(name(i), hash)] = {key_of(name(i), hash), i};
  }
}

std::optional<neuron_id> name_table::find(std::string_view text) const noexcept {
  if (slots_.empty()) return std::nullopt;
  const neuron_id number = slots_[slot_of(text, hash_of(text))].number;
  return number == no_number ? std::nullopt : std::optional(number);
}

std::pair<neuron_id, bool> name_table::add(std::string_view text) {
  if ((std::size_t{size()} + 1) * 2 > slots_.size()) grow();
  const std::uint64_t hash = hash_of(text);
  slot& s = slots_[slot_of(text, hash)];
  if (s.number != no_number) return {s.number, false};
  s = {key_of(text, hash), size()};
  text_ += text;
  ends_.push_back(text_.size());
  return {s.number, true};
}

neuron_id name_table::number_of(std::string_view text, const edge_list& file, std::uint64_t line) {
  if (slots_.empty()) grow();
  const std::uint64_t hash = hash_of(text);
  // Most lists of edges go source by source, so that every other name is the one before the last.
  std::swap(recent_[0], recent_[1]);
  std::size_t& at = recent_[0];
  if (slots_[at].number == no_number || !holds(slots_[at], key_of(text, hash), text))
    at = slot_of(text, hash);
  if (slots_[at].number != no_number) return slots_[at].number;
  if (!is_name(text))
    throw input_error(
        file.place(line),
        text.empty() ? "a node without a name"
                     : "a name of " + std::to_string(text.size()) + " bytes",
        "1 to " + std::to_string(longest_name) + " bytes of UTF-8 without control characters",
        is_utf8(text) ? "" : "is it Latin-1? save the file as UTF-8");
  return add(text).first;
}

std::vector<std::string> name_table::take() {
  std::vector<std::string> names;
  names.reserve(size());
  for (neuron_id i = 0; i < size(); ++i) names.emplace_back(name(i));
  *this = {};
  return names;
}

// ---- edges

edge_collector::edge_collector(edge_list& to, std::uint64_t file_bytes)
    : to_(to), most_(most_nodes(file_bytes)) {
  if (to.how.neurons) most_ = std::max<std::uint64_t>(most_, *to.how.neurons);
  source_.tokens = to.how.ends == edge_ends::tokens_to_neurons;
  target_.tokens = to.how.ends == edge_ends::neurons_to_tokens;
  for (nodes* of : {&source_, &target_}) of->numbers = of->tokens || to.how.ids != node_ids::names;
}

// f(edge, end) for every end of an edge that is one of these nodes, in the order of the file.
template <class F>
void edge_collector::for_each_end(const nodes& of, F f) {
  for (graph_edge& e : to_.edges) {
    if (&of == &source_) f(e, e.source);
    if (&of == &target()) f(e, e.target);
  }
}

void edge_collector::make_names(nodes& of) {
  of.numbers = false;
  char digits[10];
  for_each_end(of, [&](const graph_edge&, neuron_id& end) {
    const char* const last = std::to_chars(std::begin(digits), std::end(digits), end).ptr;
    end = of.names.add({digits, static_cast<std::size_t>(last - digits)}).first;
  });
}

neuron_id edge_collector::number_of(nodes& of, id text, std::uint64_t line) {
  if (!of.numbers) return of.names.number_of(text.text, to_, line);
  const node_ids ids = of.tokens ? node_ids::from_0 : to_.how.ids;
  const auto number = canonical_number(text.text);
  const bool is_text = text.is_text && ids == node_ids::found;
  if (number && *number < 0xffffffffu && !is_text) {
    if (ids == node_ids::from_1 && *number == 0)
      throw input_error(to_.place(line), "neuron 0", "ids from 1, as --ids from-1 states");
    of.largest = std::max(of.largest, *number);
    return static_cast<neuron_id>(*number);
  }
  if (of.tokens)
    throw input_error(to_.place(line), "token " + shown(text.text), "token ids, 0, 1, 2, ...");
  if (ids != node_ids::found)
    throw input_error(to_.place(line), "node " + shown(text.text),
                      "a number below " + std::to_string(most_), "--ids names takes ids as names");
  make_names(of);
  of.only_text = !number;
  of.reason = to_.place(line) + ": " + shown(text.text);
  if (!number)
    of.reason += " is no number";
  else
    of.reason += is_text ? " is text, in quotes" : " is too large for a number of a neuron";
  return of.names.number_of(text.text, to_, line);
}

void edge_collector::add(id source, id target_id, float weight, std::uint64_t line) {
  if (line > most_lines)
    throw unavailable_error(to_.place(line), "more than " + std::to_string(most_lines) + " lines",
                            "fewer");
  const neuron_id from = number_of(source_, source, line);
  const bool were_numbers = source_.numbers;
  graph_edge e{from, number_of(target(), target_id, line), weight,
               static_cast<std::uint32_t>(line)};
  // The target has made names of all ids before it: of this edge's source, too.
  if (were_numbers && !source_.numbers) e.source = number_of(source_, source, line);
  to_.edges.push_back(e);
}

bool edge_collector::add_numbers(std::uint64_t source, std::uint64_t target_number, float weight,
                                 std::uint64_t line) {
  const std::uint64_t least = to_.how.ids == node_ids::from_1 ? 1 : 0;
  if (source >= 0xffffffffu || target_number >= 0xffffffffu || source < least ||
      target_number < least || line > most_lines)
    return false;
  source_.largest = std::max(source_.largest, source);
  target().largest = std::max(target().largest, target_number);
  to_.edges.push_back({static_cast<neuron_id>(source), static_cast<neuron_id>(target_number),
                       weight, static_cast<std::uint32_t>(line)});
  return true;
}

bool edge_collector::is_sparse(const nodes& of) const {
  const std::uint64_t ends = to_.edges.size() * (to_.one_population ? 2 : 1);
  if (of.largest < always_accepted) return false;
  if (of.largest / sparse > ends) return true;
  std::vector<bool> used(of.largest + 1);
  std::uint64_t distinct = 0;
  const auto count = [&](neuron_id i) {
    distinct += !used[i];
    used[i] = true;
  };
  for (const graph_edge& e : to_.edges) {
    if (&of == &source_) count(e.source);
    if (&of == &target()) count(e.target);
  }
  return of.largest / sparse > distinct;
}

void edge_collector::finish(nodes& of, graph_nodes& to) {
  const node_ids ids = of.tokens ? node_ids::from_0 : to_.how.ids;
  const std::uint64_t first = ids == node_ids::from_1 ? 1 : 0;
  if (of.numbers && ids == node_ids::found && !to_.how.neurons &&
      (of.largest >= most_ || is_sparse(of))) {
    of.reason = to_.file + ": numbers up to " + std::to_string(of.largest) + " do not count nodes";
    make_names(of);
  }
  if (of.numbers) {
    if (first == 0 && of.largest < most_) return;
    for_each_end(of, [&](const graph_edge& e, neuron_id& end) {
      if (end - first >= most_)
        throw input_error(to_.place(e.line), "node " + std::to_string(end),
                          "below " + std::to_string(most_),
                          "--neurons " + std::to_string(end - first + 1) + " takes it");
      end -= static_cast<neuron_id>(first);
    });
    return;
  }
  if (!of.reason.empty()) {
    // Where all are words, that they are names goes without saying.
    neuron_id number = 0;
    while (number < of.names.size() && !canonical_number(of.names.name(number))) ++number;
    std::string remark = of.reason + ", so that " + shown_nodes(of.names.size());
    if (of.only_text && number < of.names.size())
      remark += ", " + shown(of.names.name(number)) + " as well";
    if (!of.only_text || number < of.names.size()) to_.remarks.push_back(std::move(remark));
  }
  to.names = of.names.take();
}

void edge_collector::finish() {
  finish(source_, to_.source);
  if (!to_.one_population) finish(target_, to_.target);
}

void take_numbers(edge_list& list, std::uint64_t file_bytes) {
  if (list.how.ids != node_ids::from_0 && list.how.ids != node_ids::from_1) return;
  const std::uint64_t first = list.how.ids == node_ids::from_1 ? 1 : 0;
  const std::uint64_t most =
      std::max<std::uint64_t>(most_nodes(file_bytes), list.how.neurons.value_or(0));
  const auto take = [&](graph_nodes& nodes, neuron_id graph_edge::*end, bool both) {
    if (nodes.names.empty()) return;
    std::vector<neuron_id> numbers;
    std::uint64_t size = 0;
    for (const std::string& name : nodes.names) {
      const auto number = canonical_number(name);
      if (!number || *number < first || *number - first >= most)
        throw input_error(list.file, "node " + shown(name),
                          "numbers from " + std::to_string(first) + ", as --ids states",
                          "--ids names takes ids as names");
      numbers.push_back(static_cast<neuron_id>(*number - first));
      size = std::max(size, *number - first + 1);
    }
    for (graph_edge& e : list.edges) {
      e.*end = numbers[e.*end];
      if (both) e.target = numbers[e.target];
    }
    nodes.names.clear();
    if (!list.how.neurons) nodes.size = static_cast<neuron_id>(size);
  };
  take(list.source, &graph_edge::source, list.one_population);
  if (!list.one_population) take(list.target, &graph_edge::target, false);
}

}  // namespace bdh::graph_formats
