#include "ptx/ptx_device.hpp"

#include <span>
#include <vector>

#include "gpu/device/launch_shape.hpp"

namespace tests {
namespace {

using bdh::gpu::extent;
using bdh::gpu::index;

// Of a stream, on this device: fewer than there are items mostly, so that blocks take several.
constexpr index most_blocks = 3;

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

// An array of the device for the time of a launch.
class launch_array {
 public:
  launch_array(ptx::memory& in, std::span<const std::byte> of, const std::string& what)
      : in_(in), of_(of) {
    in_.add(of_.data(), of_.size(), what, true);
  }
  ~launch_array() { in_.remove(of_.data(), of_.size()); }
  launch_array(const launch_array&) = delete;
  launch_array& operator=(const launch_array&) = delete;

 private:
  ptx::memory& in_;
  std::span<const std::byte> of_;
};

}  // namespace

void* ptx_device::allocate(std::size_t bytes, const std::string& what) {
  void* const made = fake_device::allocate(bytes, what);
  memory_.add(made, bytes, what);
  allocated_[made] = bytes;
  return made;
}

void ptx_device::release(void* memory) noexcept {
  const auto found = allocated_.find(memory);
  memory_.remove(memory, found->second);
  allocated_.erase(found);
  fake_device::release(memory);
}

void ptx_device::divide(void* memory, std::size_t bytes, const std::string& what) {
  fake_device::divide(memory, bytes, what);
  memory_.add(memory, bytes, what);
}

void ptx_device::upload(void* to, const void* from, std::size_t bytes) {
  fake_device::upload(to, from, bytes);
  memory_.mark_written(to, bytes);
}

void ptx_device::execute(const operation& o) {
  if (o.kind == operation::compact) {
    compact(o);
  } else if (o.kind == operation::clear) {
    fake_device::execute(o);
    memory_.mark_written(o.memory, o.bytes);
  } else if (o.together) {
    run_together(o.program, o.together, o.extents, o.streams, o.items.most);
  } else if (how_ == launched_as::one_of_two) {
    run_as_stream(o);
  } else {
    run(o);
  }
}

void ptx_device::compact(const operation& o) {
  const bdh::gpu::compaction& c = o.compaction;
  memory_.expect_written(c.values, c.n * sizeof *c.values);
  fake_device::execute(o);
  memory_.mark_written(c.count, sizeof *c.count);
  if (*c.count != 0) memory_.mark_written(c.list, *c.count * sizeof *c.list);
}

void ptx_device::run(const operation& o) {
  launch(kernels_->of(o.program).alone, bdh::gpu::blocks_alone(o.items.most, most_blocks),
         {o.arguments, bytes_of(o.items)});
}

void ptx_device::run_as_stream(const operation& o) {
  std::vector<std::byte> twice = o.arguments;
  twice.insert(twice.end(), o.arguments.begin(), o.arguments.end());
  const extent extents[] = {o.items, {0}};
  const launch_array arguments(memory_, twice, "arguments of streams"),
      items(memory_, std::as_bytes(std::span(extents)), "extents of streams");
  run_together(o.program, twice.data(), extents, 2, o.items.most);
}

void ptx_device::run_together(std::size_t program, const std::byte* arguments,
                              const extent* extents, index streams, index most) {
  launch(kernels_->of(program).together,
         bdh::gpu::blocks_together(most, streams, most_blocks * streams),
         {bytes_of(arguments), bytes_of(extents), bytes_of(streams)});
}

void ptx_device::launch(const ptx::kernel& what, index blocks,
                        std::initializer_list<std::span<const std::byte>> arguments) {
  if (blocks == 0) throw ptx::fault(what.name + ": a launch of no block");
  kernels_->count(what);
  machine_.launch(what, std::span(arguments.begin(), arguments.size()), blocks);
  if (touched_) touched_->push_back({what.name, memory_.touched()});
}

}  // namespace tests
