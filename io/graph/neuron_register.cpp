#include "io/graph/neuron_register.hpp"

#include <algorithm>
#include <utility>

#include <bdh/error.hpp>

#include "io/graph/graph_file_detail.hpp"

namespace bdh {
namespace {

using namespace graph_formats;

// A model of more neurons than this, of which edges touch not even a tenth, is what the user has
// to state: ids that are no numbers of neurons look like that.
constexpr neuron_id large = 10'000;
constexpr std::uint64_t sparse = 10;

// Numbers that are ids, not positions of a matrix.
bool has_numbers(const graph_nodes& nodes) { return nodes.names.empty() && !nodes.size; }

// Names that are numbers in another spelling: rounded ones are refused, for different neurons have
// become one; of whole ones with a point, as 0.0, there is a remark.
void check_spelling(const edge_list& f, std::vector<std::string>& remarks) {
  const std::vector<std::string>& names = f.source.names;
  if (names.empty() || f.how.ids != node_ids::found) return;
  bool with_point = true;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const number_spelling how = spelling_of(names[i]);
    with_point = with_point && how == number_spelling::whole_with_point;
    if (how != number_spelling::rounded) continue;
    const auto edge = std::ranges::find_if(
        f.edges, [&](const graph_edge& e) { return e.source == i || e.target == i; });
    throw input_error(edge == f.edges.end() ? f.file : f.place(edge->line),
                      "the id " + shown(names[i]) + ", a rounded number", "ids with all digits",
                      "write them as text, not as numbers of a spreadsheet; --ids names takes "
                      "them as names");
  }
  if (with_point)
    remarks.push_back(f.file + ": ids are numbers with a point, as " + shown(names.front()) +
                      ", so that they are names; written as whole numbers they count neurons");
}

}  // namespace

neuron_register::neuron_register(std::span<edge_list* const> circuits, edge_list* synapses,
                                 std::optional<neuron_id> neurons) {
  collect_names(circuits);
  collect_sizes(circuits, synapses, neurons);
  std::vector<edge_list*> files(circuits.begin(), circuits.end());
  if (synapses != nullptr) files.push_back(synapses);
  for (edge_list* f : files) {
    renumber(*f, f->source, &graph_edge::source);
    renumber(*f, f->source, &graph_edge::target);
  }
  const bool states_size =
      std::ranges::any_of(files, [](const edge_list* f) { return f->source.size.has_value(); });
  if (!named_ && !neurons && !states_size) count_touched(circuits, synapses);
}

// Of the circuits together, in their order; numbers that a file lists as ids are names where
// another has names.
void neuron_register::collect_names(std::span<edge_list* const> circuits) {
  named_ =
      std::ranges::any_of(circuits, [](const edge_list* f) { return !f->source.names.empty(); });
  if (!named_) return;
  for (const edge_list* f : circuits) {
    const neuron_id before = names_.size();
    check_spelling(*f, remarks_);
    for (const std::string& name : f->source.names) names_.add(name);
    if (has_numbers(f->source) && f->how.ids != node_ids::from_0 &&
        f->how.ids != node_ids::from_1) {
      for (const graph_edge& e : f->edges)
        for (const neuron_id end : {e.source, e.target}) names_.add(std::to_string(end));
      if (!f->edges.empty())
        remarks_.push_back(f->file + ": the ids are names, as those of another file");
    }
    size_ = names_.size();
    if (f != circuits.front() && before != 0) note_more(*f, circuits.front()->file, before);
  }
}

void neuron_register::note_more(const edge_list& f, const std::string& another, neuron_id first) {
  if (first >= size_) return;
  const neuron_id more = size_ - first;
  remarks_.push_back(
      f.file + ": " + (more == 1 ? "1 neuron that " : std::to_string(more) + " neurons that ") +
      another + " does not have" + (more == 1 ? ": " : ", the first of them ") + shown(first));
}

void neuron_register::collect_sizes(std::span<edge_list* const> circuits, const edge_list* synapses,
                                    std::optional<neuron_id> neurons) {
  std::vector<const edge_list*> files(circuits.begin(), circuits.end());
  if (synapses != nullptr) files.push_back(synapses);
  // By the edges alone.
  const auto size_by = [](const edge_list& f) {
    neuron_id size = 0;
    for (const graph_edge& e : f.edges) size = std::max({size, e.source + 1, e.target + 1});
    return size;
  };
  for (const edge_list* f : files) {
    if (!f->source.size) continue;
    if (size_ != 0 && *f->source.size != size_)
      throw shape_error(f->file, std::to_string(*f->source.size) + " neurons",
                        std::to_string(size_) + ", as the files before have");
    size_ = *f->source.size;
  }
  const edge_list& first = *circuits.front();
  const bool stated_by_circuits = named_ || std::ranges::any_of(circuits, [](const edge_list* f) {
                                    return f->source.size.has_value();
                                  });
  if (neurons && size_ != 0 && *neurons != size_)
    throw shape_error("--neurons", std::to_string(*neurons),
                      std::to_string(size_) + ", as " + first.file + " has");
  if (neurons) size_ = *neurons;
  if (stated_by_circuits && !named_ && !neurons && !first.source.size && size_by(first) != 0)
    note_more(*circuits.back(), first.file, size_by(first));
  if (stated_by_circuits || neurons) return;
  const neuron_id stated = size_;  // by the synapses, or not at all
  size_ = 0;
  for (const edge_list* f : circuits) {
    const neuron_id before = size_;
    size_ = std::max(size_, size_by(*f));
    if (f != circuits.front() && before != 0) note_more(*f, first.file, before);
  }
  if (stated > size_) {
    const neuron_id before = std::exchange(size_, stated);
    note_more(*synapses, "the circuits", before);
  }
  if (size_ == 0)
    throw input_error(first.file, "no edges", "at least one, or the number of neurons",
                      "--neurons N states it");
}

void neuron_register::count_touched(std::span<edge_list* const> circuits,
                                    const edge_list* synapses) {
  std::vector<bool> touched(size_);
  const auto touch = [&](const edge_list& f) {
    for (const graph_edge& e : f.edges) touched[e.source] = touched[e.target] = true;
    return static_cast<neuron_id>(std::ranges::count(touched, true));
  };
  neuron_id count = 0;
  for (const edge_list* f : circuits) count = touch(*f);
  if (count == size_) return;
  const auto first = static_cast<std::size_t>(std::ranges::find(touched, false) - touched.begin());
  const neuron_id with_synapses = synapses == nullptr ? count : touch(*synapses);
  const std::string& file = circuits.front()->file;
  const std::string all = std::to_string(size_);
  if (size_ > large && with_synapses < size_ / sparse)
    throw input_error(file, all + " neurons, " + std::to_string(size_ - count) + " without an edge",
                      "ids that count neurons",
                      "--neurons " + all + " if they do, --ids names if they are names");
  if (first == 0 && count + 1 == size_ && circuits.front()->how.ids == node_ids::found)
    remarks_.push_back(file + ": no edge touches neuron 0: ids count from 0; --ids from-1?");
  else
    remarks_.push_back(file + ": no edge touches " + std::to_string(size_ - count) + " of " + all +
                       " neurons, the first of them " + std::to_string(first) +
                       ": ids count from " +
                       (circuits.front()->how.ids == node_ids::from_1 ? "1" : "0") +
                       "; --neurons " + all + " if they are meant");
}

std::string neuron_register::shown(neuron_id i) const {
  return named_ ? "'" + std::string(names_.name(i)) + "'" : std::to_string(i);
}

neuron_id neuron_register::number_of(std::string_view name, const edge_list& f) const {
  std::optional<std::uint64_t> found;
  if (named_) {
    found = names_.find(name);
  } else {
    found = canonical_number(name);
    if (found && *found >= size_) found.reset();
  }
  if (!found)
    throw input_error(f.file, "node '" + std::string(name) + "'", "a neuron of the circuits");
  return static_cast<neuron_id>(*found);
}

void neuron_register::renumber(edge_list& f, const graph_nodes& nodes,
                               neuron_id graph_edge::*end) const {
  if (nodes.size && *nodes.size != size_)
    throw shape_error(f.file, std::to_string(*nodes.size) + " neurons",
                      std::to_string(size_) + ", as the circuits have");
  if (nodes.size && named_ && nodes.names.empty())
    f.remarks.push_back(f.file +
                        ": its positions are those of the neurons in the circuits' files; "
                        "the first one is " +
                        shown(0));
  std::vector<neuron_id> number;
  number.reserve(nodes.names.size());
  for (const std::string& name : nodes.names) number.push_back(number_of(name, f));
  // Ids that are numbers are looked up by their text, where neurons have names.
  const bool look_up = named_ && has_numbers(nodes) && f.how.ids != node_ids::from_0 &&
                       f.how.ids != node_ids::from_1;
  for (graph_edge& e : f.edges) {
    if (!number.empty())
      e.*end = number[e.*end];
    else if (look_up)
      e.*end = number_of(std::to_string(e.*end), f);
    if (e.*end >= size_)
      throw input_error(f.place(e.line), "neuron " + std::to_string(e.*end),
                        "below " + std::to_string(size_));
  }
}

}  // namespace bdh
