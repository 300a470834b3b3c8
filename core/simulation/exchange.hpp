// How sites exchange what edges across them carry. In one process a message is a view of the
// sender's memory; between processes an exchange serialises it. The scheduler does not know which.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <bdh/engine.hpp>
#include <bdh/ids.hpp>

#include "core/simulation/partition.hpp"

namespace bdh {

// How messages of one kind, from several sites of one process to several sites of another, can be
// one.
enum class joining : std::uint8_t {
  none,
  sums,  // rows are sums of nodes of trees of blocks, and are added where nodes meet; each receiver
         // has its columns of them
  sources,  // rows of different sources: a receiver takes no harm from more of them than it needs
  columns   // the same rows, of each sender its columns
};
struct joined_rows {
  joining how = joining::none;
  std::uint8_t kind = 0;      // messages of one kind are joined
  std::uint32_t columns = 0;  // of all sites together
  // Of sums: blocks of a tree, which are numbered through, and those of which the sender has all.
  std::uint32_t per_tree = 1;
  std::span<const id_range> complete = {};
};

// Rows of `width` float32 each, row r labelled rows[r] (a block of neurons, a head); row r starts
// at values + r * stride. A message without rows travels only within a process.
struct message {
  site_id from = 0;
  std::span<const std::uint32_t> rows;
  const float* values = nullptr;
  std::size_t stride = 0;
  std::uint32_t width = 0;
  joined_rows joins = {};

  const float* row(std::size_t r) const noexcept { return values + r * stride; }
  // What it costs on a wire: a label and the values of each row.
  std::uint64_t bytes() const noexcept {
    return rows.size() * (sizeof(std::uint32_t) + std::uint64_t{width} * sizeof(float));
  }
};

// What one site wants to send: messages to site t at [t].
using outbox = std::vector<std::vector<message>>;
// What one site has received, ascending by sender.
using inbox = std::vector<message>;

class exchange {
 public:
  virtual ~exchange() = default;
  // One communication sub-round: takes the outboxes of the local sites (all sites, in one process)
  // and fills their inboxes. A message's memory stays valid until the next call. Returns the bytes
  // that went from one site to another.
  virtual std::uint64_t deliver(std::span<outbox> sent, std::span<inbox> received) = 0;

  // The same of several streams at once, each by its own exchange of this kind.
  struct delivery {
    exchange* by;
    std::span<outbox> sent;
    std::span<inbox> received;
    std::uint64_t bytes = 0;
  };
  virtual void deliver_together(std::span<delivery> all) {
    for (delivery& d : all) d.bytes = d.by->deliver(d.sent, d.received);
  }
  virtual std::shared_ptr<exchange> for_another_stream() const = 0;
};

// All sites in this process: receivers read the sender's memory.
class shared_memory_exchange final : public exchange {
 public:
  std::uint64_t deliver(std::span<outbox> sent, std::span<inbox> received) override;
  std::shared_ptr<exchange> for_another_stream() const override {
    return std::make_shared<shared_memory_exchange>();
  }
};

}  // namespace bdh
