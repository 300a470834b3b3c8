// How sites exchange what edges across them carry. In one process a message is a view of the
// sender's memory; between processes an exchange serialises it. The scheduler does not know which.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <bdh/engine.hpp>
#include <bdh/ids.hpp>

namespace bdh {

// Rows of `width` float32 each, row r labelled rows[r] (a block of neurons, a head); row r starts
// at values + r * stride.
struct message {
  site_id from = 0;
  std::span<const std::uint32_t> rows;
  const float* values = nullptr;
  std::size_t stride = 0;
  std::uint32_t width = 0;

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
