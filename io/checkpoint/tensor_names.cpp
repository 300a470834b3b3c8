#include "io/checkpoint/tensor_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <optional>
#include <unordered_map>

#include <bdh/error.hpp>

namespace bdh {
namespace {

constexpr std::uint64_t max_layers = 1024;

// What AveragedModel and BatchNorm-like modules count.
bool is_counter(std::string_view name) {
  return name == "n_averaged" || name.ends_with(".n_averaged") || name == "step" ||
         name.ends_with(".num_batches_tracked");
}

// The longest "a.b." that all names have and that leaves each a name.
std::size_t shared_prefix(const std::vector<std::pair<std::string, const tensor*>>& all) {
  if (all.size() < 2) return 0;
  std::string_view prefix = all.front().first;
  for (const auto& [name, t] : all) {
    const auto [end, other] = std::mismatch(prefix.begin(), prefix.end(), name.begin(), name.end());
    prefix = prefix.substr(0, static_cast<std::size_t>(end - prefix.begin()));
  }
  const std::size_t dot = prefix.rfind('.');
  return dot == std::string_view::npos ? 0 : dot + 1;
}

// The output layer and tables are often kept outside of the module that has the other weights.
bool may_be_apart(std::string_view name) {
  for (const std::string_view apart : {"lm_head", "lm_head.weight", "readout", "readout.weight",
                                       "head.weight", "unembed", "freqs", "attn.freqs"})
    if (name == apart) return true;
  return false;
}

// "layers.3.encoder" is encoder of layer 3, and "encoder.3", too.
struct numbered_name {
  std::string group, name;  // "layers.*.encoder", "encoder"
  std::uint64_t number = 0;
};

std::optional<numbered_name> numbered(std::string_view name) {
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    std::uint64_t number = 0;
    const auto [stop, failed] = std::from_chars(part.data(), part.data() + part.size(), number);
    const bool canonical = part.size() == 1 || (!part.empty() && part[0] != '0');
    if (canonical && failed == std::errc() && stop == part.data() + part.size() && begin > 0) {
      const std::string before(name.substr(0, begin - 1)),
          after(name.substr(std::min(end + 1, name.size())));
      return numbered_name{.group = before + ".*" + (after.empty() ? "" : "." + after),
                           .name = after.empty() ? before.substr(before.rfind('.') + 1) : after,
                           .number = number};
    }
    begin = end + 1;
  }
  return std::nullopt;
}

class layer_groups {
 public:
  explicit layer_groups(const tensor_file& file) : file_(file) {}

  void add(const numbered_name& n, const tensor* t) {
    auto& members = groups_[n.group];
    names_[n.group] = n.name;
    members.emplace(n.number, t);
  }

  // Each group as one tensor.
  void merge_into(tensor_names& to) const {
    for (const auto& [group, members] : groups_) {
      const std::uint64_t count = members.size();
      if (members.rbegin()->first != count - 1 || count > max_layers) {
        for (const auto& [number, t] : members) to.tensors.emplace_back(t->name, t);
        continue;
      }
      for (const auto& [number, t] : members) expect_equal(*members.begin()->second, *t);
      to.tensors.emplace_back(names_.at(group), members.begin()->second);
      if (count == 1) continue;  // one for all layers, however many these are
      if (to.layers != 0 && to.layers != count)
        throw input_error(
            file_.place(),
            fmt::format("{} of {}, {} of {}", to.layers, to.layers_from, count, group),
            "one number of layers");
      to.layers = count;
      to.layers_from = group;
    }
  }

 private:
  void expect_equal(const tensor& first, const tensor& other) const {
    if (!file_.equal(first, other))
      throw unavailable_error(file_.place(other),
                              "layers with weights of their own (not those of " + first.name + ")",
                              "one set of weights for all layers");
  }

  const tensor_file& file_;
  std::map<std::string, std::map<std::uint64_t, const tensor*>> groups_;
  std::unordered_map<std::string, std::string> names_;
};

}  // namespace

std::string_view without_prefixes(std::string_view name) noexcept {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view prefix : {"_orig_mod.", "module.", "model.", "backbone."})
      if (name.starts_with(prefix)) {
        name.remove_prefix(prefix.size());
        again = true;
      }
  }
  return name;
}

tensor_names names_of(const tensor_file& file) {
  tensor_names result;
  std::vector<std::pair<std::string, const tensor*>> all;
  for (const tensor& t : file.tensors()) {
    if (is_counter(t.name) && t.elements() == 1)
      result.not_used.push_back("tensor '" + t.name + "' (a counter)");
    else
      all.emplace_back(t.name, &t);
  }
  std::size_t shared = shared_prefix(all);
  std::vector<std::pair<std::string, const tensor*>> together;
  std::copy_if(all.begin(), all.end(), std::back_inserter(together),
               [](const auto& item) { return !may_be_apart(item.first); });
  const bool apart = shared == 0 && together.size() != all.size();
  if (apart) shared = shared_prefix(together);
  layer_groups groups(file);
  for (const auto& [name, t] : all) {
    const std::size_t own = apart && may_be_apart(name) ? 0 : shared;
    const std::string_view bare = without_prefixes(std::string_view(name).substr(own));
    if (const auto n = numbered(bare))
      groups.add(*n, t);
    else
      result.tensors.emplace_back(bare, t);
  }
  groups.merge_into(result);
  std::unordered_map<std::string_view, const tensor*> seen;
  for (const auto& [name, t] : result.tensors)
    if (const auto [place, fresh] = seen.emplace(name, t); !fresh)
      throw input_error(file.place(*t),
                        "the same name as " + place->second->name + " but for the prefix",
                        "one tensor of each name");
  return result;
}

}  // namespace bdh
