#include "gpu/engine/counting_device.hpp"

#include <cstring>
#include <stdexcept>
#include <utility>

namespace bdh::gpu {
namespace {

// Of arrays that say where rows and blocks begin: those of some million neurons.
constexpr std::size_t most_kept = std::size_t{1} << 26;

}  // namespace

void* counting_device::allocate(std::size_t bytes, const std::string& what) {
  constexpr std::size_t alignment = memory_plan::alignment;
  auto* const begin = reinterpret_cast<void*>(end_);
  end_ += (bytes / alignment + 2) * alignment;
  divide(begin, bytes, what);
  return begin;
}

void counting_device::divide(void* memory, std::size_t bytes, const std::string&) {
  arrays_[memory] = bytes;
}

void counting_device::upload(void* to, const void* from, std::size_t bytes) {
  ++copies_;
  uploaded_ += bytes;
  if (bytes > most_kept || bytes != bytes_of(to)) return;
  std::vector<std::uint64_t>& kept = kept_[to];
  kept.resize((bytes + 7) / 8);
  std::memcpy(kept.data(), from, bytes);
}

void counting_device::download(void* to, const void*, std::size_t bytes) {
  ++copies_;
  downloaded_ += bytes;
  std::memset(to, 0, bytes);
}

void counting_device::clear(void* memory, std::size_t bytes) {
  issue({.kind = operation::clear, .memory = memory, .bytes = bytes});
}

void counting_device::launch(std::size_t program, const void* arguments, std::size_t bytes,
                             const extent& items) {
  const auto* const first = static_cast<const std::byte*>(arguments);
  issue({.program = program, .arguments = {first, first + bytes}, .items = items});
}

void counting_device::launch_together(std::size_t, const void*, std::size_t, const extent*, index,
                                      index) {
  throw std::logic_error("streams on a device that counts for one");
}

void counting_device::compact(const compaction& what) {
  issue({.kind = operation::compact, .compacted = what});
}

void counting_device::begin_recording() { recording_ = std::make_unique<sequence>(); }
std::unique_ptr<recording> counting_device::end_recording() { return std::move(recording_); }
void counting_device::replay(const recording& what) {
  const operations& all = static_cast<const sequence&>(what).all;
  done_.insert(done_.end(), all.begin(), all.end());
}

void counting_device::forget() {
  done_.clear();
  copies_ = uploaded_ = downloaded_ = 0;
}

std::size_t counting_device::bytes_of(const void* array) const {
  const auto at = arrays_.find(array);
  return at == arrays_.end() ? 0 : at->second;
}

void counting_device::issue(operation o) {
  (recording_ ? recording_->all : done_).push_back(std::move(o));
}

}  // namespace bdh::gpu
