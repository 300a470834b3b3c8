#include "ptx/machine.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

namespace tests::ptx {
namespace {

using std::uint32_t;

std::string lanes_of(uint32_t mask) {
  std::string all;
  for (uint32_t lane = 0; lane < warp_size; ++lane)
    if (mask >> lane & 1) all += (all.empty() ? "" : ",") + std::to_string(lane);
  return all.empty() ? "none" : all;
}

}  // namespace

void machine::refuse(const thread& t, const std::string& what) const {
  const std::size_t at = std::min<std::size_t>(t.at, kernel_->code.size() - 1);
  throw fault(kernel_->name + ", line " + std::to_string(kernel_->code[at].line) + ", thread " +
              std::to_string(t.number) + ": " + what);
}

template <class T>
void machine::arrange(std::vector<T>& all) {
  if (order_ == item_order::descending) std::reverse(all.begin(), all.end());
  if (order_ == item_order::scattered) std::shuffle(all.begin(), all.end(), random_);
}

void machine::place_arguments(std::span<const std::span<const std::byte>> arguments) {
  if (arguments.size() != kernel_->parameters.size())
    throw fault(kernel_->name + ": " + std::to_string(arguments.size()) + " arguments, expected " +
                std::to_string(kernel_->parameters.size()));
  parameters_.assign(kernel_->parameter_bytes / sizeof(word) + 2, 0);
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    const parameter& p = kernel_->parameters[k];
    if (arguments[k].size() != p.bytes)
      throw fault(kernel_->name + ": argument " + std::to_string(k) + " has " +
                  std::to_string(arguments[k].size()) + " bytes, expected " +
                  std::to_string(p.bytes));
    std::memcpy(reinterpret_cast<std::byte*>(parameters_.data()) + p.offset, arguments[k].data(),
                p.bytes);
  }
}

void machine::launch(const kernel& what, std::span<const std::span<const std::byte>> arguments,
                     uint32_t blocks) {
  kernel_ = &what;
  blocks_ = blocks;
  if (what.block_threads == 0 || what.block_threads % warp_size != 0)
    throw fault(what.name + ": blocks of " + std::to_string(what.block_threads) +
                " threads, expected whole warps (.maxntid)");
  place_arguments(arguments);
  memory_.add(parameters_.data(), what.parameter_bytes, "the arguments", true);
  memory_.begin_launch();
  registers_.resize(std::max<std::size_t>(registers_.size(), warp_size * what.registers));
  last_.assign(what.code.size(), nullptr);
  ++counted_.launches;
  warps_.resize(blocks * what.block_threads / warp_size);
  std::iota(warps_.begin(), warps_.end(), 0u);
  arrange(warps_);
  try {
    for (const uint32_t w : warps_) run_warp(w * warp_size / what.block_threads, w * warp_size);
  } catch (...) {
    memory_.remove(parameters_.data(), what.parameter_bytes);
    throw;
  }
  memory_.remove(parameters_.data(), what.parameter_bytes);
}

void machine::run_warp(uint32_t block, uint32_t first) {
  threads_.assign(warp_size, {});
  turns_.resize(warp_size);
  std::iota(turns_.begin(), turns_.end(), 0u);
  for (uint32_t lane = 0; lane < warp_size; ++lane) {
    threads_[lane].number = first + lane;
    word* const r = registers_of(threads_[lane]);
    for (const auto& [number, value] : kernel_->constants) r[number] = value;
    r[special::thread] = first + lane - block * kernel_->block_threads;
    r[special::block] = block;
    r[special::blocks] = blocks_;
    r[special::threads] = kernel_->block_threads;
    r[special::parameters] = reinterpret_cast<std::uintptr_t>(parameters_.data());
  }
  for (bool some = true; some;) {
    arrange(turns_);
    for (const uint32_t lane : turns_)
      if (threads_[lane].is == thread::state::running) run(threads_[lane]);
    some = false;
    for (thread& t : threads_) {
      if (t.is == thread::state::waiting) release(t);
      some |= t.is == thread::state::running;
    }
  }
}

void machine::run(thread& t) {
  const instruction* const code = kernel_->code.data();
  const std::size_t size = kernel_->code.size();
  word* const r = registers_of(t);
  std::uint64_t done = 0;
  try {
    for (; t.is == thread::state::running; ++done) {
      if (t.at >= size) throw fault("the end is reached without ret");
      const instruction& i = code[t.at];
      if (i.guard != special::none && (r[i.guard] != 0) != i.guard_is) {
        ++t.at;
        continue;
      }
      switch (i.what) {
        case action::compute:
          i.compute(r, i);
          break;
        case action::load:
          load(t, i, r);
          break;
        case action::store:
          store(t, i, r);
          break;
        case action::branch:
          t.at = i.target;
          continue;
        case action::leave:
          t.is = thread::state::gone;
          continue;
        case action::meet:
        case action::exchange:
          t.is = thread::state::waiting;
          continue;
      }
      ++t.at;
    }
  } catch (const fault& f) {
    refuse(t, f.what());
  }
  counted_.instructions += done;
}

void machine::load(const thread& t, const instruction& i, word* r) {
  const std::uintptr_t address = r[i.from[0]] + static_cast<word>(i.offset);
  const std::size_t bytes = std::size_t{i.bytes} * i.elements;
  memory_.read(t, address, bytes, last_[t.at]);
  const auto* const from = reinterpret_cast<const std::byte*>(address);
  std::array<word, 4> loaded{};  // the address may be in a register that is written
  for (std::size_t k = 0; k < i.elements; ++k) std::memcpy(&loaded[k], from + k * i.bytes, i.bytes);
  for (std::size_t k = 0; k < i.elements; ++k) r[i.to[k]] = loaded[k];
}

void machine::store(const thread& t, const instruction& i, word* r) {
  const std::uintptr_t address = r[i.from[0]] + static_cast<word>(i.offset);
  const std::size_t bytes = std::size_t{i.bytes} * i.elements;
  std::array<std::byte, 4 * sizeof(word)> stored;
  for (std::size_t k = 0; k < i.elements; ++k)
    std::memcpy(stored.data() + k * i.bytes, &r[i.from[k + 1]], i.bytes);
  memory_.write(t, address, {stored.data(), bytes}, last_[t.at]);
}

// All that a thread's barrier or exchange names are there, and it is one of them: they go on.
void machine::release(thread& t) {
  const instruction& i = kernel_->code[t.at];
  const word* const r = registers_of(t);
  const auto mask = static_cast<uint32_t>(r[i.what == action::meet ? i.from[0] : i.from[3]]);
  if ((mask >> t.lane() & 1) == 0)
    refuse(t, "waits in lane " + std::to_string(t.lane()) + " for lanes " + lanes_of(mask) +
                  ", of which it is none");
  uint32_t here = 0;
  for (const thread& other : threads_) {
    const word* const theirs = registers_of(other);
    if (other.is == thread::state::waiting && other.at == t.at &&
        static_cast<uint32_t>(theirs[i.what == action::meet ? i.from[0] : i.from[3]]) == mask)
      here |= 1u << other.lane();
  }
  if ((mask & ~here) != 0)
    refuse(t,
           "waits for lanes " + lanes_of(mask) + ", of which are there " + lanes_of(mask & here));
  if (i.what == action::exchange) exchange(i, mask);
  (i.what == action::exchange ? counted_.exchanges : counted_.barriers) += 1;
  for (thread& other : threads_) {
    if ((mask >> other.lane() & 1) == 0) continue;
    if (other.group != 0 && other.group != mask)
      refuse(other,
             "waits for lanes " + lanes_of(mask) + ", and before for " + lanes_of(other.group));
    other.group = mask;
    ++other.meetings;
    other.barriers += i.what == action::meet ? 1 : 0;
    other.is = thread::state::running;
    ++other.at;
  }
}

// shfl.sync: a thread gets the value of another lane, or its own where that is past the end of its
// segment of the warp.
void machine::exchange(const instruction& i, uint32_t mask) {
  std::array<word, warp_size> values;
  for (const thread& t : threads_) values[t.lane()] = registers_of(t)[i.from[0]];
  for (const thread& t : threads_) {
    if ((mask >> t.lane() & 1) == 0) continue;
    word* const r = registers_of(t);
    const auto by = static_cast<uint32_t>(r[i.from[1]]),
               bounds = static_cast<uint32_t>(r[i.from[2]]);
    const uint32_t segment = bounds >> 8 & 31, clamp = bounds & 31;
    const uint32_t first = t.lane() & segment, last = first | (clamp & ~segment);
    uint32_t source = i.butterfly ? t.lane() ^ by : first | (by & ~segment & 31);
    const bool inside = source <= last;
    if (!inside) source = t.lane();
    if (source >= warp_size || (mask >> source & 1) == 0)
      refuse(t, "takes the value of lane " + std::to_string(source) + ", which is none of lanes " +
                    lanes_of(mask));
    r[i.to[0]] = static_cast<uint32_t>(values[source]);
    if (i.to[1] != special::none) r[i.to[1]] = inside ? 1 : 0;
  }
}

}  // namespace tests::ptx
