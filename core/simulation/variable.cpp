#include <algorithm>

#include <bdh/model.hpp>
#include <bdh/state.hpp>

namespace bdh {
namespace {

constexpr std::string_view names[] = {"x", "y", "w", "a", "clock", "last_used", "synapses"};
constexpr std::string_view domains[] = {"neurons",   "sources",  "hubs",
                                        "row units", "synapses", "network"};

}  // namespace

std::string_view name(variable v) noexcept { return names[static_cast<std::size_t>(v)]; }
std::string_view name(domain d) noexcept { return domains[static_cast<std::size_t>(d)]; }

std::vector<variable_info> variables_of(const model& m) {
  const domain carriers = m.is_direct() ? domain::sources : domain::hubs;
  const std::uint64_t width = m.is_direct() ? m.sources() : m.hubs();
  std::vector<variable_info> all = {
      {.what = variable::x, .of = domain::neurons, .size = m.neurons(), .sparse = true},
      {.what = variable::y, .of = domain::neurons, .size = m.neurons(), .sparse = true},
      {.what = variable::w, .of = carriers, .size = width},
      {.what = variable::a, .of = carriers, .size = m.heads() * width, .per_head = true},
      {.what = variable::clock,
       .of = domain::network,
       .kind = value_kind::count,
       .size = 1,
       .per_layer = true,
       .kept = true},
      {.what = variable::last_used,
       .of = domain::row_units,
       .kind = value_kind::count,
       .size = m.row_units(),
       .per_layer = true,
       .kept = true},
      {.what = variable::synapses,
       .of = domain::synapses,
       .size = m.synapses(),
       .per_layer = true,
       .kept = true,
       .writable = true}};
  for (variable_info& v : all) v.name = name(v.what);
  return all;
}

const variable_info& info(std::span<const variable_info> list, variable v) noexcept {
  return *std::find_if(list.begin(), list.end(), [&](const auto& i) { return i.what == v; });
}

}  // namespace bdh
