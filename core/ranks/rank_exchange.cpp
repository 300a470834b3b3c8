#include "core/ranks/rank_exchange.hpp"

#include <algorithm>
#include <string>

namespace bdh {
rank_exchange::rank_exchange(std::shared_ptr<ranks> on, rank_sites sites)
    : on_(std::move(on)),
      sites_(sites),
      joined_(sites, on_->rank()),
      sent_(sites.ranks),
      received_(sites.ranks) {}

std::uint64_t rank_exchange::deliver(std::span<outbox> sent, std::span<inbox> received) {
  delivery alone[] = {{this, sent, received}};
  deliver_together(alone);
  return alone[0].bytes;
}

void rank_exchange::deliver_together(std::span<delivery> all) {
  for (byte_list& packet : sent_) packet.clear();
  for (delivery& d : all) {
    d.bytes = bytes_between(d.sent);
    for (rank_id r = 0; r < sites_.ranks; ++r)
      if (r != on_->rank()) pack(d.sent, r, sent_[r]);
  }
  on_->exchange(sent_, received_);
  std::vector<byte_reader> in(received_.begin(), received_.end());
  for (const delivery& d : all) {
    for (inbox& box : d.received) box.clear();
    for (rank_id r = 0; r < sites_.ranks; ++r) {  // ascending by sender
      if (r == on_->rank()) {
        deliver_here(d);
        continue;
      }
      const auto size = in[r].get<std::uint64_t>();
      if (size > in[r].rest().size()) throw std::length_error("a message is too short");
      joined_.unpack(in[r].rest().first(size), r, d.received);
      in[r] = byte_reader(in[r].rest().subspan(size));
    }
    for (outbox& box : d.sent)
      for (auto& to : box) to.clear();
  }
}

std::uint64_t rank_exchange::bytes_between(std::span<const outbox> sent) const {
  std::uint64_t bytes = 0;
  const site_id first = on_->rank() * sites_.each;
  for (std::size_t s = 0; s < sent.size(); ++s)
    for (site_id to = 0; to < sent[s].size(); ++to)
      for (const message& m : sent[s][to])
        if (to != first + s) bytes += m.bytes();
  return bytes;
}

// The messages of a stream for a rank, with their size in front.
void rank_exchange::pack(std::span<const outbox> sent, rank_id to, byte_list& packet) {
  byte_writer out(packet);
  const std::size_t begin = packet.size() + sizeof(std::uint64_t);
  out.put(std::uint64_t{0});
  joined_.pack(sent, to, packet);
  if ((packet.size() - begin) % sizeof(std::uint64_t) != 0) out.put(std::uint32_t{0});
  const std::uint64_t size = packet.size() - begin;
  std::memcpy(packet.data() + begin - sizeof size, &size, sizeof size);
}

void rank_exchange::deliver_here(const delivery& d) const {
  const site_id first = on_->rank() * sites_.each;
  for (std::size_t to = 0; to < d.received.size(); ++to)
    for (const outbox& from : d.sent) {
      const auto& messages = from[first + to];
      d.received[to].insert(d.received[to].end(), messages.begin(), messages.end());
    }
}

void rank_reduction::reduce(std::span<std::uint64_t> counts, std::optional<fault>& first) {
  byte_list own;
  byte_writer out(own);
  out.put_all(std::span<const std::uint64_t>(counts));
  out.put(first.has_value());
  if (first) {
    out.put(first->step);
    out.put(first->layer);
    out.put(first->who);
    out.put(first->value);
    out.put_text(first->what);
  }
  const std::vector<byte_list> all = on_->gather(own);
  if (all.empty()) return;
  std::fill(counts.begin(), counts.end(), 0);
  first.reset();
  for (const byte_list& of_rank : all) {  // ascending: of equal steps, the lowest site's
    byte_reader in(of_rank);
    for (std::uint64_t& count : counts) count += in.get<std::uint64_t>();
    if (!in.get<bool>()) continue;
    fault f{};
    f.step = in.get<std::uint64_t>();
    f.layer = in.get<layer_id>();
    f.who = in.get<std::uint32_t>();
    f.value = in.get<float>();
    f.what = in.get_text();
    if (!first || f.step < first->step) first = std::move(f);
  }
}

}  // namespace bdh
