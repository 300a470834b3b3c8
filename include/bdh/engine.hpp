// What does the work of a simulator: a CPU (bdh/cpu_engine.hpp), a GPU (bdh/gpu_engine.hpp). A
// program makes an engine and hands it to a simulator; what an engine can do is the simulator's
// affair.
#pragma once

#include <functional>
#include <memory>

#include <bdh/ids.hpp>

namespace bdh {

class engine;
class model;

}  // namespace bdh

// So that programs can own engines, of which they have no more than the name.
template <>
struct std::default_delete<bdh::engine> {
  constexpr default_delete() noexcept = default;
  template <class Derived>
  default_delete(const default_delete<Derived>&) noexcept {}
  void operator()(bdh::engine* e) const noexcept;
};

namespace bdh {

// Makes an engine for a model, which outlives it: for algorithms that run models and leave it open
// on what.
using engine_factory = std::function<std::unique_ptr<engine>(const model&)>;

// The sites of one process: [begin, end).
struct site_range {
  site_id begin = 0, end = 0;
  constexpr site_id size() const noexcept { return end - begin; }
  constexpr bool contains(site_id s) const noexcept { return begin <= s && s < end; }
  friend bool operator==(const site_range&, const site_range&) = default;
};

}  // namespace bdh
