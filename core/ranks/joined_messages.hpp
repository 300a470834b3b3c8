// Messages of several sites of one rank to several sites of another, joined to one for each kind
// (joining in core/simulation/exchange.hpp): what travels between two ranks is what would travel if
// each of them were one site.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/ranks/bytes.hpp"
#include "core/ranks/ranks.hpp"
#include "core/simulation/exchange.hpp"

namespace bdh {

// In front of a message in a packet: `rows` labels and rows x width float32 follow.
struct packed_message {
  std::uint16_t how = 0;             // joining
  std::uint16_t to = 0, to_end = 0;  // sites of the receiving rank
  std::uint16_t from = 0;            // site of the sending rank, of what is not joined
  std::uint32_t rows = 0, width = 0, columns = 0;
};

class joined_messages {
 public:
  joined_messages(rank_sites sites, rank_id self) : sites_(sites), self_(self) {}

  // What the own sites send to those of a rank, behind what is there.
  void pack(std::span<const outbox> sent, rank_id to, byte_list& packet);
  // Appends the messages of a packet to inboxes, as views of it: its bytes are aligned for float32.
  // Throws length_error for what is no packet.
  void unpack(std::span<const std::byte> packet, rank_id from, std::span<inbox> received) const;

 private:
  struct sent_message {
    site_id from, to;  // counted from the first of each rank
    const message* what;
  };
  struct node {
    std::uint32_t label;
    float* row;
  };
  void put(packed_message head, byte_writer& out) const;
  void put_alone(const sent_message& m, byte_writer& out);
  void put_sums(rank_id to, byte_writer& out);
  void put_sources(byte_writer& out);
  void put_columns(byte_writer& out);
  void fold(id_range range, std::uint32_t until, std::uint32_t per_tree, std::uint32_t width);
  std::vector<id_range> complete_blocks() const;
  id_range rank_columns(rank_id rank, std::uint32_t columns) const;
  // Columns of a site of a rank, counted from the rank's first.
  id_range columns_of(rank_id rank, site_id site, std::uint32_t columns) const;

  const rank_sites sites_;
  const rank_id self_;
  std::vector<sent_message> group_;  // of one kind
  std::vector<node> nodes_, open_;
  std::vector<float> scratch_;
  std::vector<std::uint32_t> labels_;  // of the message that is made, with its rows
  std::vector<const float*> rows_;
};

}  // namespace bdh
