#include "support/fake_device.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <utility>

#include <bdh/error.hpp>

namespace tests {
namespace {

using bdh::gpu::index;

constexpr std::size_t margin = 256;  // of sentinels, before and behind
constexpr auto sentinel = std::byte{0xa5}, fresh = std::byte{0xff};  // four of the latter are a NaN

template <class Program>
void run_item(const std::byte* arguments, index item) {
  (*reinterpret_cast<const Program*>(arguments))(bdh::kernels::host_group<4>{}, item);
}

using runner = void (*)(const std::byte*, index);
template <class... Programs>
constexpr std::array<runner, sizeof...(Programs)> runners_of(bdh::gpu::program_set<Programs...>) {
  return {run_item<Programs>...};
}
constexpr auto runners = runners_of(bdh::gpu::programs{});

const char* kind_name(device_call kind) {
  if (kind == device_call::allocation) return "allocation";
  return kind == device_call::launch ? "launch" : "copy";
}

}  // namespace

void run_alone(std::size_t program, const std::byte* arguments, index item) {
  runners[program](arguments, item);
}

fake_device::~fake_device() = default;

void fake_device::fail_at(device_call kind, std::size_t number) {
  calls_[kind] = 0;
  fails_[kind] = number;
}

void fake_device::count(device_call kind, const std::string& what) {
  const std::size_t number = calls_[kind]++;
  if (const auto f = fails_.find(kind); f != fails_.end() && f->second == number)
    throw bdh::device_error("fake device: " + what,
                            std::string("injected fault of a") +
                                (kind == device_call::allocation ? "n " : " ") + kind_name(kind));
}

void* fake_device::allocate(std::size_t bytes, const std::string& what) {
  if (recording_) throw std::logic_error("an allocation while recording");
  count(device_call::allocation, "memory for " + what);
  if (bytes > free_) throw bdh::device_error("fake device: memory for " + what, "out of memory");
  block b{std::vector<std::byte>(bytes + 2 * margin, sentinel), bytes, {{margin, {bytes, what}}}};
  void* const memory = b.bytes.data() + margin;
  std::memset(memory, static_cast<int>(fresh), bytes);
  free_ -= bytes;
  blocks_.emplace(memory, std::move(b));
  return memory;
}

void fake_device::release(void* memory) noexcept {
  const auto at = blocks_.find(memory);
  if (damaged_.empty()) damaged_ = damage(at->second);
  free_ += at->second.size;
  blocks_.erase(at);
}

fake_device::block& fake_device::block_of(const void* at) const {
  const auto b = blocks_.upper_bound(const_cast<void*>(at));
  if (b == blocks_.begin()) throw std::logic_error("an address outside every allocation");
  return std::prev(b)->second;
}

void fake_device::divide(void* memory, std::size_t bytes, const std::string& what) {
  block& b = block_of(memory);
  if (!std::exchange(b.divided, true)) {
    b.parts.clear();
    std::fill(b.bytes.begin(), b.bytes.end(), sentinel);
  }
  b.parts[static_cast<std::size_t>(static_cast<std::byte*>(memory) - b.bytes.data())] = {bytes,
                                                                                         what};
  std::memset(memory, static_cast<int>(fresh), bytes);
}

std::string fake_device::damage(const block& b) {
  std::size_t end = 0;
  std::string before;  // what stands before the gap
  const auto whole = [&](std::size_t to) {
    return std::all_of(b.bytes.begin() + static_cast<std::ptrdiff_t>(end),
                       b.bytes.begin() + static_cast<std::ptrdiff_t>(to),
                       [](std::byte s) { return s == sentinel; });
  };
  for (const auto& [offset, p] : b.parts) {
    if (!whole(offset)) return before.empty() ? p.what : before + " or " + p.what;
    end = offset + p.bytes;
    before = p.what;
  }
  return whole(b.bytes.size()) ? "" : before;
}

std::string fake_device::damage() const {
  std::string found = damaged_;
  for (const auto& [memory, b] : blocks_)
    if (found.empty()) found = damage(b);
  return found;
}

void fake_device::expect_inside(const void* at, std::size_t bytes) const {
  const block& b = block_of(at);
  const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(at) - b.bytes.data());
  auto p = b.parts.upper_bound(offset);
  if (p == b.parts.begin()) throw std::logic_error("a copy before every array");
  --p;
  if (offset + bytes > p->first + p->second.bytes)
    throw std::logic_error("a copy past the end of " + p->second.what);
}

void fake_device::upload(void* to, const void* from, std::size_t bytes) {
  if (recording_) throw std::logic_error("an upload while recording");
  count(device_call::copy, "copy to the device");
  expect_inside(to, bytes);
  std::memcpy(to, from, bytes);
  uploaded_ += bytes;
}

void fake_device::download(void* to, const void* from, std::size_t bytes) {
  if (recording_) throw std::logic_error("a download while recording");
  count(device_call::copy, "copy from the device");
  expect_inside(from, bytes);
  std::memcpy(to, from, bytes);
  downloaded_ += bytes;
}

void fake_device::clear(void* memory, std::size_t bytes) {
  count(device_call::copy, "clearing memory");
  expect_inside(memory, bytes);
  operation o;
  o.kind = operation::clear;
  o.memory = memory;
  o.bytes = bytes;
  issue(std::move(o));
}

void fake_device::launch(std::size_t program, const void* arguments, std::size_t bytes,
                         const bdh::gpu::extent& items) {
  count(device_call::launch, "launch of program " + std::to_string(program));
  operation o;
  o.kind = operation::run;
  o.program = program;
  const auto* first = static_cast<const std::byte*>(arguments);
  o.arguments.assign(first, first + bytes);
  o.items = items;
  issue(std::move(o));
}

void fake_device::launch_together(std::size_t program, const void* arguments, std::size_t bytes,
                                  const bdh::gpu::extent* items, index streams, index most) {
  count(device_call::launch, "launch of program " + std::to_string(program) + " for streams");
  expect_inside(arguments, streams * bytes);
  expect_inside(items, streams * sizeof *items);
  operation o;
  o.program = program;
  o.items.most = most;
  o.bytes = bytes;
  o.together = static_cast<const std::byte*>(arguments);
  o.extents = items;
  o.streams = streams;
  issue(std::move(o));
}

void fake_device::compact(const bdh::gpu::compaction& what) {
  count(device_call::launch, "compaction");
  expect_inside(what.values, what.n * sizeof(float));
  expect_inside(what.workspace, compact_workspace(what.n / what.stride));
  operation o;
  o.kind = operation::compact;
  o.compaction = what;
  issue(std::move(o));
}

void fake_device::issue(operation o) {
  if (recording_)
    recording_->operations.push_back(std::move(o));
  else
    execute(o);
}

void fake_device::execute(const operation& o) {
  if (o.kind == operation::clear) {
    std::memset(o.memory, 0, o.bytes);
    return;
  }
  if (o.kind == operation::compact) {
    const bdh::gpu::compaction& c = o.compaction;
    index found = 0;
    for (index i = 0; i < c.n; i += c.stride)
      if (std::any_of(c.values + i, c.values + i + c.stride, [](float v) { return v != 0.0f; }))
        c.list[found++] = i;
    *c.count = found;
    return;
  }
  const auto item_count = [](const bdh::gpu::extent& e) {
    const index items = e.count ? (*e.count + e.per_item - 1) / e.per_item : e.most;
    if (items > e.most) throw std::logic_error("more items than the launch has room for");
    return items;
  };
  if (!o.together) {
    in_order(item_count(o.items),
             [&](index item) { runner_(o.program, o.arguments.data(), item); });
    return;
  }
  in_order(o.items.most * o.streams, [&](index slot) {
    const index stream = slot % o.streams, item = slot / o.streams;
    if (item < item_count(o.extents[stream]))
      runner_(o.program, o.together + stream * o.bytes, item);
  });
}

template <class Work>
void fake_device::in_order(index items, Work work) const {
  std::vector<index> order(items);
  std::iota(order.begin(), order.end(), index{0});
  if (order_ == item_order::descending) std::reverse(order.begin(), order.end());
  if (order_ == item_order::scattered)
    std::sort(order.begin(), order.end(),
              [](index a, index b) { return a * 2654435761u < b * 2654435761u; });
  for (index item : order) work(item);
}

void fake_device::begin_recording() {
  if (recording_) throw std::logic_error("a recording in a recording");
  recording_ = std::make_unique<sequence>();
}

std::unique_ptr<bdh::gpu::recording> fake_device::end_recording() { return std::move(recording_); }

void fake_device::replay(const bdh::gpu::recording& what) {
  count(device_call::launch, "replay");
  ++replays_;
  for (const operation& o : static_cast<const sequence&>(what).operations) execute(o);
}

}  // namespace tests
