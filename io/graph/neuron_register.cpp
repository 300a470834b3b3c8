#include "io/graph/neuron_register.hpp"

#include <algorithm>
#include <utility>

#include <bdh/error.hpp>

namespace bdh {
namespace {

// A model of more neurons than this, of which edges touch not even a tenth, is what the user has
// to state: ids that are no numbers of neurons look like that.
constexpr neuron_id large = 10'000;
constexpr std::uint64_t sparse = 10;

// Numbers that are ids, not positions of a matrix.
bool has_numbers(const graph_nodes& nodes) { return nodes.names.empty() && !nodes.size; }

}  // namespace

neuron_register::neuron_register(std::span<edge_list* const> files,
                                 std::optional<neuron_id> neurons) {
  collect_names(files);
  collect_sizes(files, neurons);
  for (edge_list* f : files) {
    renumber(*f, f->source, &graph_edge::source);
    renumber(*f, f->source, &graph_edge::target);
  }
  const bool states_size =
      std::ranges::any_of(files, [](const edge_list* f) { return f->source.size.has_value(); });
  if (!named_ && !neurons && !states_size) count_touched(files);
}

// Of the files together, in their order; numbers that a file lists as ids are names where another
// has names.
void neuron_register::collect_names(std::span<edge_list* const> files) {
  named_ = std::ranges::any_of(files, [](const edge_list* f) { return !f->source.names.empty(); });
  if (!named_) return;
  for (const edge_list* f : files) {
    for (const std::string& name : f->source.names) names_.add(name);
    if (!has_numbers(f->source) || f->how.ids == node_ids::from_0 || f->how.ids == node_ids::from_1)
      continue;
    for (const graph_edge& e : f->edges)
      for (const neuron_id end : {e.source, e.target}) names_.add(std::to_string(end));
    if (!f->edges.empty())
      remarks_.push_back(f->file + ": the ids are names, as those of another file");
  }
  size_ = names_.size();
}

void neuron_register::collect_sizes(std::span<edge_list* const> files,
                                    std::optional<neuron_id> neurons) {
  for (const edge_list* f : files) {
    if (!f->source.size) continue;
    if (size_ != 0 && *f->source.size != size_)
      throw shape_error(f->file, std::to_string(*f->source.size) + " neurons",
                        std::to_string(size_) + ", as the files before have");
    size_ = *f->source.size;
  }
  if (neurons && size_ != 0 && *neurons != size_)
    throw shape_error("--neurons", std::to_string(*neurons),
                      std::to_string(size_) + ", as " + files.front()->file + " has");
  if (neurons) size_ = *neurons;
  if (size_ != 0) return;
  for (const edge_list* f : files)
    for (const graph_edge& e : f->edges) size_ = std::max({size_, e.source + 1, e.target + 1});
  if (size_ == 0)
    throw input_error(files.front()->file, "no edges", "at least one, or the number of neurons",
                      "--neurons N states it");
}

void neuron_register::count_touched(std::span<edge_list* const> files) {
  std::vector<bool> touched(size_);
  for (const edge_list* f : files)
    for (const graph_edge& e : f->edges) touched[e.source] = touched[e.target] = true;
  const auto count = static_cast<neuron_id>(std::ranges::count(touched, true));
  if (count == size_) return;
  const std::string& file = files.front()->file;
  const std::string all = std::to_string(size_);
  if (size_ > large && count < size_ / sparse)
    throw input_error(file, all + " neurons, " + std::to_string(size_ - count) + " without an edge",
                      "ids that count neurons",
                      "--neurons " + all + " if they do, --ids names if they are names");
  const auto first = static_cast<std::size_t>(std::ranges::find(touched, false) - touched.begin());
  if (first == 0 && count + 1 == size_ && files.front()->how.ids == node_ids::found)
    remarks_.push_back(file + ": no edge touches neuron 0: ids count from 0; --ids from-1?");
  else
    remarks_.push_back(file + ": no edge touches " + std::to_string(size_ - count) + " of " + all +
                       " neurons, the first of them " + std::to_string(first) +
                       ": ids count from " +
                       (files.front()->how.ids == node_ids::from_1 ? "1" : "0") + "; --neurons " +
                       all + " if they are meant");
}

std::string neuron_register::shown(neuron_id i) const {
  return named_ ? "'" + std::string(names_.name(i)) + "'" : std::to_string(i);
}

void neuron_register::renumber(edge_list& f, const graph_nodes& nodes,
                               neuron_id graph_edge::*end) const {
  if (nodes.size && *nodes.size != size_)
    throw shape_error(f.file, std::to_string(*nodes.size) + " neurons",
                      std::to_string(size_) + ", as the circuits have");
  if (nodes.size && named_ && nodes.names.empty())
    f.remarks.push_back(f.file + ": its positions are those of the neurons in the circuits' files; "
                                 "the first one is " + shown(0));
  const auto number_of = [&](std::string_view name) {
    const auto found = names_.find(name);
    if (!found)
      throw input_error(f.file, "node '" + std::string(name) + "'", "a neuron of the circuits");
    return *found;
  };
  std::vector<neuron_id> number;
  number.reserve(nodes.names.size());
  for (const std::string& name : nodes.names) number.push_back(number_of(name));
  // Ids that are numbers are looked up by their text, where neurons have names.
  const bool look_up = named_ && has_numbers(nodes) && f.how.ids != node_ids::from_0 &&
                       f.how.ids != node_ids::from_1;
  for (graph_edge& e : f.edges) {
    if (!number.empty())
      e.*end = number[e.*end];
    else if (look_up)
      e.*end = number_of(std::to_string(e.*end));
    if (e.*end >= size_)
      throw input_error(f.place(e.line), "neuron " + std::to_string(e.*end),
                        "below " + std::to_string(size_));
  }
}

}  // namespace bdh
