#include "io/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <tuple>

#include "io/run_directory.hpp"

namespace bdh {
namespace {

bool same(double a, double b, double tolerance) { return a == b || (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= tolerance; }

// NaN is larger than every difference.
bool larger(double a, double b) { return std::isnan(a) ? !std::isnan(b) : a > b; }

// ---- settings

// What is compared otherwise, or changes no value.
bool is_of_no_interest(const std::string& option) {
  static const std::set<std::string> names{"model",  "threads",     "sites",           "instructions", "generate",
                                           "text",   "tokens",      "text_file",       "save_state",   "tokens_file",
                                           "record", "record_file", "checkpoint_every"};
  return names.contains(option);
}

std::vector<setting_difference> compare_settings(const nlohmann::json& a, const nlohmann::json& b) {
  std::vector<setting_difference> all;
  const auto add = [&](const std::string& name, const nlohmann::json* of_a, const nlohmann::json* of_b) {
    const auto text = [](const nlohmann::json* j) {
      return j == nullptr ? std::string() : j->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    };
    if (text(of_a) != text(of_b)) all.push_back({name, text(of_a), text(of_b)});
  };
  const auto part = [](const nlohmann::json& of, const std::string& name) -> const nlohmann::json* {
    const auto found = of.is_object() ? of.find(name) : of.end();
    return found == of.end() ? nullptr : &*found;
  };
  static const nlohmann::json none = nlohmann::json::object();
  const auto group = [&](const nlohmann::json& run, const char* name) -> const nlohmann::json& {
    const auto* found = part(run, name);
    return found != nullptr && found->is_object() ? *found : none;
  };
  add("model", part(group(a, "model"), "content_sha256"), part(group(b, "model"), "content_sha256"));
  add("first position", part(a, "first_position"), part(b, "first_position"));
  std::set<std::string> names;
  for (const auto* run : {&a, &b})
    for (const auto& item : group(*run, "options").items())
      if (!is_of_no_interest(item.key())) names.insert(item.key());
  for (const std::string& name : names) add(name, part(group(a, "options"), name), part(group(b, "options"), name));
  add("program", part(a, "creator"), part(b, "creator"));
  return all;
}

// ---- rows of both

// The first position of both reports that is not below this one.
std::optional<std::uint64_t> common_from(const report_reader& a, const report_reader& b, std::uint64_t position) {
  for (;;) {
    const auto at_a = a.row_from(position), at_b = b.row_from(position);
    if (!at_a || !at_b) return std::nullopt;
    position = std::max(a.position(*at_a), b.position(*at_b));
    if (a.position(*at_a) == b.position(*at_b)) return position;
  }
}

std::optional<std::uint64_t> last_common(const report_reader& a, const report_reader& b, std::uint64_t first, std::uint64_t until) {
  std::optional<std::uint64_t> last;
  for (auto at = common_from(a, b, first); at && *at < until; at = common_from(a, b, *at + 1)) last = at;
  return last;
}

report_row row_at(report_reader& from, std::uint64_t position) {
  report_row row;
  from.seek(*from.row_from(position));
  from.next(row);
  return row;
}

// Calls use(position, row of a, row of b) for each position of both in [first, until), ascending, until it says false.
template <class Use>
void for_each_common(report_reader& a, report_reader& b, std::uint64_t first, std::uint64_t until, Use use) {
  for (auto at = common_from(a, b, first); at && *at < until; at = common_from(a, b, *at + 1))
    if (!use(*at, row_at(a, *at), row_at(b, *at))) return;
}

// Calls use(reader of a, reader of b) for each pair of reports, one of each run, that start so and are of the same layer.
template <class Use>
void for_each_pair(const recorded_run& a, const recorded_run& b, std::initializer_list<const char*> kinds, Use use) {
  const auto is_one = [&](const listed_report& r) {
    return std::any_of(kinds.begin(), kinds.end(), [&](const char* kind) { return r.request.starts_with(kind); });
  };
  for (const listed_report& of_a : a.reports)
    for (const listed_report& of_b : b.reports) {
      if (!is_one(of_a) || !is_one(of_b) || of_a.layer != of_b.layer) continue;
      report_reader reader_a = a.open(of_a), reader_b = b.open(of_b);
      if (reader_a.what().what == reader_b.what().what) use(reader_a, reader_b);
    }
}

// ---- activity

// What one row of a report tells of the neurons, by ascending id.
class known_neurons {
 public:
  known_neurons(const report_description& d, const report_row& row)
      : ids_(d.layout == report_layout::frames ? d.node_ids : row.nodes),
        values_(row.values),
        others_(d.layout == report_layout::frames          ? others::unknown
                : d.top != 0 && row.values.size() >= d.top ? others::at_most_the_least
                                                           : others::zero) {
    if (others_ == others::at_most_the_least) least_ = *std::min_element(values_.begin(), values_.end());
  }

  std::size_t size() const { return ids_.size(); }
  std::uint64_t id(std::size_t k) const { return k < ids_.size() ? ids_[k] : std::numeric_limits<std::uint64_t>::max(); }
  double value(std::size_t k) const { return values_[k]; }
  // Of a neuron that is not listed. Whether a value of another run may be the same: yes where nothing is known.
  std::optional<double> other() const { return others_ == others::zero ? std::optional(0.0) : std::nullopt; }
  bool may_have(double value) const { return others_ == others::unknown || (others_ == others::at_most_the_least && !(value > least_)); }

 private:
  enum class others { zero, unknown, at_most_the_least };
  const std::vector<std::uint64_t>& ids_;
  const std::vector<float>& values_;
  others others_;
  double least_ = 0;
};

struct neuron_difference {
  std::uint64_t neuron;
  std::optional<double> a, b;
};

// The first neuron that surely differs.
std::optional<neuron_difference> first_difference(const known_neurons& a, const known_neurons& b, double tolerance, std::uint64_t& values) {
  for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    const std::uint64_t neuron = std::min(a.id(i), b.id(j));
    const bool in_a = a.id(i) == neuron && i < a.size(), in_b = b.id(j) == neuron && j < b.size();
    const std::optional<double> of_a = in_a ? std::optional(a.value(i)) : a.other(), of_b = in_b ? std::optional(b.value(j)) : b.other();
    i += in_a;
    j += in_b;
    const bool sure = (of_a && of_b) || (of_a && !b.may_have(*of_a)) || (of_b && !a.may_have(*of_b));
    if (!sure) continue;
    ++values;
    if (!of_a || !of_b || !same(*of_a, *of_b, tolerance)) return neuron_difference{neuron, of_a, of_b};
  }
  return std::nullopt;
}

auto order(const activity_comparison::difference& d) { return std::tuple(d.position, d.layer, d.what); }

activity_comparison compare_neurons(const recorded_run& a, const recorded_run& b, std::uint64_t first, std::uint64_t until,
                                    double tolerance) {
  activity_comparison made;
  if (a.neurons != b.neurons) return made;
  for_each_pair(a, b, {"x:", "y:", "events"}, [&](report_reader& of_a, report_reader& of_b) {
    const std::uint64_t end = made.first ? made.first->position + 1 : until;
    for_each_common(of_a, of_b, first, end, [&](std::uint64_t position, const report_row& row_a, const report_row& row_b) {
      made.from = activity_comparison::basis::neurons;
      const auto found = first_difference(known_neurons(of_a.what(), row_a), known_neurons(of_b.what(), row_b), tolerance, made.values);
      if (!found) return true;
      const activity_comparison::difference d{position, of_a.what().layer, of_a.what().what, found->neuron, found->a, found->b};
      if (!made.first || order(d) < order(*made.first) || (order(d) == order(*made.first) && d.particle < made.first->particle))
        made.first = d;
      return false;
    });
  });
  return made;
}

activity_comparison compare_summaries(const recorded_run& a, const recorded_run& b, std::uint64_t first, std::uint64_t until,
                                      double tolerance) {
  activity_comparison made;
  const run_record of_a = read_run(a.folder), of_b = read_run(b.folder);
  until = std::min({until, a.first + of_a.tokens.size(), b.first + of_b.tokens.size()});
  if (a.layers != b.layers || of_a.columns != of_b.columns || of_a.columns.size() < 2 + std::size_t{2} * a.layers || first >= until)
    return made;
  made.from = activity_comparison::basis::summary;
  for (std::uint64_t position = first; position < until; ++position) {
    const double* const row_a = of_a.summary.data() + (position - a.first) * of_a.columns.size() + 2;
    const double* const row_b = of_b.summary.data() + (position - b.first) * of_b.columns.size() + 2;
    for (layer_id l = 0; l < a.layers; ++l)
      for (const auto& [what, column] : {std::pair(quantity::x, l), std::pair(quantity::y, l + a.layers)}) {
        ++made.values;
        if (same(row_a[column], row_b[column], tolerance)) continue;
        made.first = {position, l + 1, what, 0, row_a[column], row_b[column]};
        return made;
      }
  }
  return made;
}

// ---- output

// log softmax, in double.
std::vector<double> log_probabilities(const std::vector<float>& logits) {
  const double most = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float z : logits) sum += std::exp(z - most);
  std::vector<double> all;
  for (float z : logits) all.push_back(z - most - std::log(sum));
  return all;
}

double kullback_leibler(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k)
    if (const double p = std::exp(a[k]); p > 0) sum += p * (a[k] - b[k]);
  return std::max(sum, 0.0);  // rounding
}

std::optional<divergence> compare_outputs(const recorded_run& a, const recorded_run& b, std::uint64_t first, std::uint64_t until) {
  std::optional<divergence> best;
  for_each_pair(a, b, {"logits"}, [&](report_reader& of_a, report_reader& of_b) {
    if (of_a.what().width != of_b.what().width) return;
    divergence made;
    for_each_common(of_a, of_b, first, until, [&](std::uint64_t position, const report_row& row_a, const report_row& row_b) {
      double largest = 0;
      std::size_t of = 0;
      for (std::size_t k = 0; k < row_a.values.size(); ++k) {
        const double d = std::abs(double{row_a.values[k]} - row_b.values[k]);
        if (larger(d, largest)) largest = d, of = k;
      }
      made.positions.push_back(position);
      made.nats.push_back(largest == 0 ? 0 : kullback_leibler(log_probabilities(row_a.values), log_probabilities(row_b.values)));
      made.largest.push_back(largest);
      made.of.push_back(static_cast<token_id>(of));
      return true;
    });
    if (!best || made.positions.size() > best->positions.size()) best = std::move(made);
  });
  return best;
}

activity_comparison first_of_outputs(const divergence& d, double tolerance) {
  activity_comparison made;
  made.from = activity_comparison::basis::logits;
  for (std::size_t k = 0; k < d.positions.size(); ++k) {
    ++made.values;
    if (d.largest[k] <= tolerance) continue;
    made.first = {d.positions[k], 0, quantity::logits, d.of[k], std::nullopt, std::nullopt};
    break;
  }
  return made;
}

// ---- synapses

class largest_differences {
 public:
  largest_differences(double tolerance, std::uint64_t top) : tolerance_(tolerance), top_(top) {}

  // `made` describes the synapse, where it is needed.
  template <class Describe>
  void add(double a, double b, Describe describe) {
    ++all_.compared;
    if (same(a, b, tolerance_)) return;
    ++all_.differing;
    if (top_ == 0) return;
    synapse_difference d = describe();
    d.a = a;
    d.b = b;
    all_.largest.push_back(std::move(d));
    if (all_.largest.size() >= 2 * top_ + 1024) trim();
  }
  synapse_comparison take() {
    trim();
    return std::move(all_);
  }

 private:
  void trim() {
    const auto size = [](const synapse_difference& d) { return std::abs(d.a - d.b); };
    std::stable_sort(all_.largest.begin(), all_.largest.end(),
                     [&](const synapse_difference& x, const synapse_difference& y) { return larger(size(x), size(y)); });
    if (all_.largest.size() > top_) all_.largest.resize(top_);
  }

  double tolerance_;
  std::uint64_t top_;
  synapse_comparison all_;
};

struct pair_of_rows {
  const report_description &of_a, &of_b;
  std::uint64_t position;
  report_row a, b;

  synapse_difference described() const {
    synapse_difference d;
    d.report = of_a.name;
    d.layer = of_a.layer;
    d.position = position;
    return d;
  }
};

void compare_snapshots(const pair_of_rows& rows, neuron_id neurons, largest_differences& to) {
  const report_description& d = rows.of_a;
  if (d.width != rows.of_b.width || d.index_pointers != rows.of_b.index_pointers || d.element_ids != rows.of_b.element_ids) return;
  for (std::size_t target = 0; target < d.node_ids.size(); ++target) {
    const std::uint64_t first = d.index_pointers[target], last = d.index_pointers[target + 1];
    for (std::uint64_t k = first; k < last; ++k)
      to.add(rows.a.values[k], rows.b.values[k], [&] {
        synapse_difference s = rows.described();
        s.post = static_cast<neuron_id>(d.node_ids[target]);
        s.to_hub = d.population == "hubs";
        if (!s.to_hub) s.edge = d.element_ids[k];
        if (last - first == neurons) s.pre = static_cast<neuron_id>(k - first);
        return s;
      });
  }
}

void compare_chosen(const pair_of_rows& rows, largest_differences& to) {
  const auto before = [](const recorded_synapse& x, const recorded_synapse& y) {
    return std::tie(x.post, x.pre) < std::tie(y.post, y.pre);
  };
  const auto &a = rows.of_a.synapses, &b = rows.of_b.synapses;
  if (!std::is_sorted(b.begin(), b.end(), before)) return;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const auto found = std::lower_bound(b.begin(), b.end(), a[k], before);
    if (found == b.end() || before(a[k], *found)) continue;
    to.add(rows.a.values[k], rows.b.values[static_cast<std::size_t>(found - b.begin())], [&] {
      synapse_difference s = rows.described();
      s.pre = a[k].pre;
      s.post = a[k].post;
      if (a[k].edge != recorded_synapse::no_edge) s.edge = a[k].edge;
      return s;
    });
  }
}

// Those that both list.
void compare_strongest(const pair_of_rows& rows, largest_differences& to) {
  std::vector<std::pair<edge_id, std::size_t>> of_b;
  for (std::size_t k = 0; k < rows.b.edges.size(); ++k) of_b.emplace_back(rows.b.edges[k], k);
  std::sort(of_b.begin(), of_b.end());
  for (std::size_t k = 0; k < rows.a.edges.size(); ++k) {
    const auto found = std::lower_bound(of_b.begin(), of_b.end(), std::pair(rows.a.edges[k], std::size_t{0}));
    if (found == of_b.end() || found->first != rows.a.edges[k]) continue;
    to.add(rows.a.values[k], rows.b.values[found->second], [&] {
      synapse_difference s = rows.described();
      s.post = static_cast<neuron_id>(rows.a.nodes[k]);
      s.edge = rows.a.edges[k];
      return s;
    });
  }
}

synapse_comparison compare_synapses(const recorded_run& a, const recorded_run& b, std::uint64_t first, std::uint64_t until,
                                    double tolerance, std::uint64_t top) {
  largest_differences all(tolerance, top);
  for_each_pair(a, b, {"synapses:", "snapshot"}, [&](report_reader& of_a, report_reader& of_b) {
    const report_description &in_a = of_a.what(), &in_b = of_b.what();
    if (in_a.layout != in_b.layout || in_a.population != in_b.population) return;
    const auto last = last_common(of_a, of_b, first, until);
    if (!last) return;
    const pair_of_rows rows{in_a, in_b, *last, row_at(of_a, *last), row_at(of_b, *last)};
    if (in_a.what == quantity::snapshot)
      compare_snapshots(rows, a.neurons, all);
    else if (in_a.layout == report_layout::frames)
      compare_chosen(rows, all);
    else
      compare_strongest(rows, all);
  });
  return all.take();
}

}  // namespace

bool run_comparison::differ() const {
  const bool output_differs =
      output && std::any_of(output->largest.begin(), output->largest.end(), [&](double d) { return !(d <= tolerance); });
  return token || only_a != 0 || only_b != 0 || activity.first || output_differs || synapses.differing != 0;
}

run_comparison compare(const recorded_run& a, const recorded_run& b, double tolerance, std::uint64_t top) {
  run_comparison made;
  made.tolerance = tolerance;
  made.settings = compare_settings(a.run, b.run);
  made.first = std::max(a.first, b.first);
  const std::uint64_t end = std::max(made.first, std::min(a.end(), b.end()));
  made.only_a = a.tokens.size() - (end - made.first);
  made.only_b = b.tokens.size() - (end - made.first);
  for (made.until = made.first; made.until < end; ++made.until)
    if (a.tokens[made.until - a.first] != b.tokens[made.until - b.first]) {
      made.token = made.until;
      break;
    }
  made.output = compare_outputs(a, b, made.first, made.until);
  made.activity = compare_neurons(a, b, made.first, made.until, tolerance);
  // Where the neurons that both recorded agree, others may not.
  const auto look_further = [&](activity_comparison further) {
    if (further.first || made.activity.from == activity_comparison::basis::none) made.activity = std::move(further);
  };
  if (!made.activity.first) look_further(compare_summaries(a, b, made.first, made.until, tolerance));
  if (!made.activity.first && made.output) look_further(first_of_outputs(*made.output, tolerance));
  made.synapses = compare_synapses(a, b, made.first, made.until, tolerance, top);
  return made;
}

}  // namespace bdh
