#include <algorithm>
#include <charconv>
#include <functional>
#include <numeric>
#include <optional>
#include <set>

#include <bdh/error.hpp>
#include <bdh/selection.hpp>

#include "core/base/random.hpp"
#include "core/base/sort_unique.hpp"
#include "core/selection/layers.hpp"
#include "core/selection/quoting.hpp"

namespace bdh {
namespace {

constexpr std::uint64_t most_random = std::uint64_t{1} << 24;
constexpr std::string_view token_prefix = "token:";

std::optional<std::uint64_t> digits(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || failed != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() > 1 && text.front() == '"' && text.back() == '"';
  return quoted ? text.substr(1, text.size() - 2) : text;
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// Whether a bare number would be a name rather than a neuron's own number.
bool numbers_are_names(const model& m) {
  return std::any_of(m.neuron_names().begin(), m.neuron_names().end(),
                     [](const std::string& n) { return all_digits(n); });
}

[[noreturn]] void refuse(std::string_view what, std::string_view text, const std::string& expected,
                         const std::string& hint = {}) {
  throw input_error(std::string(what), "'" + std::string(text) + "'", expected, hint);
}

std::string valid_neurons(const model& m) { return "0 to " + std::to_string(m.neurons() - 1); }

// Parses the neurons of one model; numbers are checked against its size.
class selection_parser {
 public:
  explicit selection_parser(const model& m) : m_(m), named_(numbers_are_names(m)) {}

  std::optional<neuron_id> by_name(std::string_view text) const {
    const auto named = m_.neuron_named(text);
    return named ? named : m_.neuron_named(unquoted(text));
  }

  neuron_id neuron(std::string_view text) {
    if (const auto named = by_name(text)) {
      has_names_ = true;
      return *named;
    }
    std::string_view number = text;
    const bool own_number = !number.empty() && number.front() == '#';
    if (own_number) number.remove_prefix(1);
    const auto value = digits(number);
    if (!value || (named_ && !own_number)) {
      std::string hint;
      if (named_ && value)
        hint = "neurons of this model have numbers as names";
      else if (quotes_are_needed())
        hint = "names with blanks, commas or -> in them go between double quotes";
      refuse("neuron", text,
             m_.neuron_names().empty()
                 ? valid_neurons(m_)
                 : "a name of the model, or #N with N from " + valid_neurons(m_),
             hint);
    }
    if (*value >= m_.neurons()) refuse("neuron", text, valid_neurons(m_));
    has_bare_numbers_ = has_bare_numbers_ || !own_number;
    return static_cast<neuron_id>(*value);
  }

  neuron_id source(std::string_view text) {
    if (!text.starts_with(token_prefix) || by_name(text)) return neuron(text);
    if (!m_.sensory_are_sources())
      refuse("source", text, "a neuron", "sensory nodes of this model have no synapses");
    const auto token = digits(text.substr(token_prefix.size()));
    if (!token || *token >= m_.sensory_nodes())
      refuse("token", text, "token:0 to token:" + std::to_string(m_.sensory_nodes() - 1));
    return m_.neurons() + static_cast<neuron_id>(*token);
  }

  // "5-9" or "#5-#9": both ends; nothing when the text is not a range of numbers.
  std::optional<std::pair<neuron_id, neuron_id>> range(std::string_view text) {
    if (by_name(text)) return std::nullopt;
    const std::size_t dash = text.find('-');
    if (dash == text.npos || dash == 0) return std::nullopt;
    const std::string_view low = text.substr(0, dash), high = text.substr(dash + 1);
    const auto bare = [](std::string_view t) { return t.starts_with('#') ? t.substr(1) : t; };
    if (!all_digits(bare(low)) || !all_digits(bare(high))) return std::nullopt;
    const std::pair ends{neuron(low), neuron(high)};
    if (ends.first > ends.second) refuse("neurons", text, "a range from low to high");
    return ends;
  }

  // "3->7", with the sides read by the given parsers.
  template <class Pre, class Post>
  neuron_pair pair(std::string_view text, Pre pre, Post post) const {
    const std::size_t arrow = find_unquoted(text, "->");
    if (arrow == text.npos) refuse("pair", text, "SOURCE->TARGET, for example 3->7");
    return {pre(text.substr(0, arrow)), post(text.substr(arrow + 2))};
  }

  // After a list: a number among names is a neuron's own number to one reader, and a name that is
  // missing to another.
  void expect_one_kind(std::string_view what, std::string_view list) const {
    if (has_names_ && has_bare_numbers_)
      refuse(what, list, "names alone, or numbers alone",
             "a neuron's own number is written #N beside names");
  }

 private:
  bool quotes_are_needed() const {
    return std::ranges::any_of(m_.neuron_names(), [](const std::string& n) {
      return n.find_first_of(" ,") != n.npos || n.find("->") != n.npos;
    });
  }

  const model& m_;
  bool named_;
  bool has_names_ = false, has_bare_numbers_ = false;  // of the neurons read so far
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

void for_each_item(std::string_view what, std::string_view list,
                   const std::function<void(std::string_view)>& use) {
  for (std::string_view rest = list;;) {
    const std::size_t end = find_unquoted(rest, ",");
    const std::string_view item = trimmed(rest.substr(0, end));
    if (item.empty()) refuse(what, list, "items separated by commas, none of them empty");
    use(item);
    if (end == rest.npos) return;
    rest.remove_prefix(end + 1);
  }
}

std::optional<std::string_view> after(std::string_view prefix, std::string_view text) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return text.substr(prefix.size());
}

std::uint64_t count_of(std::string_view text, std::string_view item, std::uint64_t most) {
  const auto count = digits(text);
  if (!count || *count == 0 || *count > most)
    refuse("selection", item, "a number from 1 to " + std::to_string(most));
  return *count;
}

// "K@seed" of `from` things: K different numbers below `from`, ascending. By Floyd's method, each
// draw keyed by its turn.
std::vector<std::uint64_t> random_numbers(std::string_view text, std::string_view item,
                                          std::uint64_t from) {
  const std::size_t at = text.find('@');
  const auto seed = at == text.npos ? std::optional<std::uint64_t>(0) : digits(text.substr(at + 1));
  if (!seed) refuse("selection", item, "random:K@SEED with a seed below 2^64");
  const std::uint64_t count = count_of(text.substr(0, at), item, std::min(from, most_random));
  std::set<std::uint64_t> drawn;
  for (std::uint64_t k = from - count; k < from; ++k) {
    const auto r = static_cast<std::uint64_t>(uniform(*seed, purpose::selection, k, 0) *
                                              static_cast<double>(k + 1));
    if (!drawn.insert(std::min(r, k)).second) drawn.insert(k);
  }
  return {drawn.begin(), drawn.end()};
}

void add_incoming(const model& m, neuron_id target, std::vector<neuron_pair>& to) {
  for (neuron_id i = 0; i < m.neurons(); ++i)
    if (!m.is_direct() || m.direct().gs.find(i, target)) to.push_back({i, target});
}

void add_outgoing(const model& m, neuron_id source, std::vector<neuron_pair>& to) {
  if (!m.is_direct()) {
    for (neuron_id j = 0; j < m.neurons(); ++j) to.push_back({source, j});
    return;
  }
  const auto [first, last] = m.synapses_of(source);
  for (edge_id e = first; e < last; ++e) to.push_back({source, m.direct().gs.indices()[e]});
}

// Synapse number e of a model: an edge of gs, or pair e of n x n.
neuron_pair numbered(const model& m, std::uint64_t e) {
  if (!m.is_direct())
    return {static_cast<neuron_id>(e / m.neurons()), static_cast<neuron_id>(e % m.neurons())};
  const auto rows = m.direct().gs.indptr();
  const auto row = std::upper_bound(rows.begin(), rows.end(), e) - rows.begin() - 1;
  return {static_cast<neuron_id>(row), m.direct().gs.indices()[e]};
}

}  // namespace

neuron_id select_neuron(const model& m, std::string_view text) {
  return selection_parser(m).neuron(trimmed(text));
}
neuron_id select_source(const model& m, std::string_view text) {
  return selection_parser(m).source(trimmed(text));
}

neuron_choice select_neurons(const model& m, std::string_view text) {
  selection_parser parser(m);
  neuron_choice chosen;
  for_each_item("neurons", text, [&](std::string_view item) {
    if (parser.by_name(item)) return chosen.neurons.push_back(parser.neuron(item));
    if (item == "all") {
      for (neuron_id i = 0; i < m.neurons(); ++i) chosen.neurons.push_back(i);
    } else if (const auto top = after("top:", item)) {
      chosen.top = count_of(*top, item, m.neurons());
    } else if (const auto random = after("random:", item)) {
      for (std::uint64_t i : random_numbers(*random, item, m.neurons()))
        chosen.neurons.push_back(static_cast<neuron_id>(i));
    } else if (const auto ends = parser.range(item)) {
      for (neuron_id i = ends->first; i <= ends->second; ++i) chosen.neurons.push_back(i);
    } else {
      chosen.neurons.push_back(parser.neuron(item));
    }
  });
  if (chosen.top != 0 && !chosen.neurons.empty()) refuse("neurons", text, "top:K alone");
  parser.expect_one_kind("neurons", text);
  sort_unique(chosen.neurons);
  return chosen;
}

neuron_pair select_synapse(const model& m, std::string_view text) {
  selection_parser parser(m);
  const neuron_pair chosen = parser.pair(
      trimmed(text), [&](std::string_view t) { return parser.neuron(trimmed(t)); },
      [&](std::string_view t) { return parser.source(trimmed(t)); });
  parser.expect_one_kind("pair", text);
  return chosen;
}

synapse_choice select_synapses(const model& m, std::string_view text) {
  selection_parser parser(m);
  synapse_choice chosen;
  const auto needs_edges = [&](std::string_view item) {
    if (!m.is_direct())
      throw unavailable_error(
          "synapses",
          "'" + std::string(item) +
              "' of circuits through hubs, which store no synapse of a neuron pair",
          "pairs i->j, in:j, out:i or random:K@SEED");
  };
  const auto needs_synapses = [&](std::string_view item) {
    if (m.synapses() == 0)
      throw input_error("synapses", "'" + std::string(item) + "': the model has no synapses",
                        "a model with synapses");
  };
  for_each_item("synapses", text, [&](std::string_view item) {
    if (item == "all") {
      needs_edges(item);
      needs_synapses(item);
      for (neuron_id i = 0; i < m.neurons(); ++i) add_outgoing(m, i, chosen.pairs);
    } else if (const auto top = after("top:", item)) {
      needs_edges(item);
      needs_synapses(item);
      chosen.top = count_of(*top, item, m.synapses());
    } else if (const auto random = after("random:", item)) {
      const std::uint64_t from =
          m.is_direct() ? m.synapses() : std::uint64_t{m.neurons()} * m.neurons();
      if (from == 0) refuse("synapses", item, "a model with synapses");
      for (std::uint64_t e : random_numbers(*random, item, from))
        chosen.pairs.push_back(numbered(m, e));
    } else if (const auto target = after("in:", item)) {
      add_incoming(m, parser.source(*target), chosen.pairs);
    } else if (const auto source = after("out:", item)) {
      add_outgoing(m, parser.neuron(*source), chosen.pairs);
    } else {
      chosen.pairs.push_back(parser.pair(
          item, [&](std::string_view t) { return parser.neuron(trimmed(t)); },
          [&](std::string_view t) { return parser.source(trimmed(t)); }));
    }
  });
  parser.expect_one_kind("synapses", text);
  if (chosen.top != 0 && !chosen.pairs.empty()) refuse("synapses", text, "top:K alone");
  if (chosen.top == 0 && chosen.pairs.empty())
    refuse("synapses", text, "a choice that is not empty");
  sort_unique(chosen.pairs);
  return chosen;
}

std::vector<neuron_pair> select_edges(const model& m, std::string_view text) {
  selection_parser parser(m);
  std::vector<neuron_pair> chosen;
  for_each_item("edges", text, [&](std::string_view item) {
    chosen.push_back(parser.pair(
        item, [&](std::string_view t) { return parser.source(trimmed(t)); },
        [&](std::string_view t) { return parser.neuron(trimmed(t)); }));
  });
  parser.expect_one_kind("edges", text);
  sort_unique(chosen);
  return chosen;
}

std::vector<layer_id> select_layers(const model& m, std::string_view text) {
  return layers_within(m.layers(), text);
}

std::vector<layer_id> layers_within(layer_id count, std::string_view text) {
  std::vector<layer_id> chosen;
  const std::string valid = "1 to " + std::to_string(count);
  const auto layer = [&](std::string_view t) {
    const auto l = digits(t);
    if (!l || *l < 1 || *l > count) refuse("layer", t, valid);
    return static_cast<layer_id>(*l);
  };
  for_each_item("layers", text, [&](std::string_view item) {
    const std::size_t dash = item.find('-');
    const layer_id first = layer(item.substr(0, dash)),
                   last = dash == item.npos ? first : layer(item.substr(dash + 1));
    if (first > last) refuse("layers", item, "a range from low to high");
    for (layer_id l = first; l <= last; ++l) chosen.push_back(l);
  });
  sort_unique(chosen);
  return chosen;
}

std::size_t find_unquoted(std::string_view text, std::string_view what) noexcept {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text.substr(at).starts_with(what)) return at;
    const bool opens =
        text[at] == '"' && (at == 0 || std::string_view(" ,:>").find(text[at - 1]) != text.npos);
    if (const std::size_t closed = opens ? text.find('"', at + 1) : text.npos; closed != text.npos)
      at = closed;
  }
  return text.npos;
}

std::string shown_neuron(const model& m, neuron_id neuron) {
  return m.neuron_names().empty() ? std::to_string(neuron) : m.neuron_names()[neuron];
}

std::string shown_source(const model& m, neuron_id source) {
  return source < m.neurons() ? shown_neuron(m, source)
                              : std::string(token_prefix) + std::to_string(source - m.neurons());
}

std::string shown_pair(const model& m, const neuron_pair& pair) {
  return shown_source(m, pair.pre) + "->" + shown_source(m, pair.post);
}

}  // namespace bdh
