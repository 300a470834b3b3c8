#include "core/ranks/joined_messages.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "kernels/group.hpp"

namespace bdh {

void joined_messages::pack(std::span<const outbox> sent, rank_id to, byte_list& packet) {
  byte_writer out(packet);
  std::vector<sent_message> all;
  const site_id first = to * sites_.each;
  for (site_id from = 0; from < sent.size(); ++from)
    for (site_id site = 0; site < sites_.each; ++site)
      for (const message& m : sent[from][first + site]) all.push_back({from, site, &m});
  const auto same = [](const sent_message& a, const sent_message& b) {
    return a.what->joins.how == b.what->joins.how && a.what->joins.kind == b.what->joins.kind;
  };
  while (!all.empty()) {
    const sent_message one = all.front();
    group_.clear();
    std::copy_if(all.begin(), all.end(), std::back_inserter(group_),
                 [&](const sent_message& m) { return same(m, one); });
    std::erase_if(all, [&](const sent_message& m) { return same(m, one); });
    switch (one.what->joins.how) {
      case joining::none:
        for (const sent_message& m : group_) put_alone(m, out);
        break;
      case joining::sums:
        put_sums(to, out);
        break;
      case joining::sources:
        put_sources(out);
        break;
      case joining::columns:
        put_columns(out);
        break;
    }
  }
}

// The head, labels_ and rows_.
void joined_messages::put(packed_message head, byte_writer& out) const {
  if (labels_.empty()) return;
  head.rows = static_cast<std::uint32_t>(labels_.size());
  out.put(head);
  out.put_all(std::span<const std::uint32_t>(labels_));
  for (const float* row : rows_) out.put_all(std::span(row, head.width));
}

void joined_messages::put_alone(const sent_message& m, byte_writer& out) {
  labels_.assign(m.what->rows.begin(), m.what->rows.end());
  rows_.clear();
  for (std::size_t r = 0; r < labels_.size(); ++r) rows_.push_back(m.what->row(r));
  put({.to = static_cast<std::uint16_t>(m.to),
       .to_end = static_cast<std::uint16_t>(m.to + 1),
       .from = static_cast<std::uint16_t>(m.from),
       .width = m.what->width},
      out);
}

// Of every sender the rows for all receivers side by side; of all senders, nodes that meet are
// added, as a site would that has all of their blocks.
void joined_messages::put_sums(rank_id to, byte_writer& out) {
  const joined_rows& how = group_.front().what->joins;
  const std::uint32_t width = rank_columns(to, how.columns).size();
  std::size_t rows = 0;
  for (std::size_t k = 0; k < group_.size(); ++k)
    if (k == 0 || group_[k].from != group_[k - 1].from) rows += group_[k].what->rows.size();
  scratch_.assign(rows * width, 0.0f);
  nodes_.clear();
  float* of_sender = scratch_.data();
  for (std::size_t k = 0; k < group_.size(); ++k) {
    const message& m = *group_[k].what;
    if (k == 0 || group_[k].from != group_[k - 1].from) {
      of_sender = scratch_.data() + nodes_.size() * width;
      for (std::size_t r = 0; r < m.rows.size(); ++r)
        nodes_.push_back({m.rows[r], of_sender + r * width});
    }
    const id_range columns = columns_of(to, group_[k].to, how.columns);
    for (std::size_t r = 0; r < m.rows.size(); ++r)
      std::copy_n(m.row(r), m.width, of_sender + r * width + columns.begin);
  }
  std::sort(nodes_.begin(), nodes_.end(),
            [](const node& a, const node& b) { return a.label < b.label; });
  labels_.clear();
  rows_.clear();
  auto next = nodes_.begin();
  for (const id_range range : complete_blocks()) {
    open_.clear();
    for (; next != nodes_.end() && next->label < range.end; ++next) {
      fold(range, next->label, how.per_tree, width);
      open_.push_back(*next);
    }
    fold(range, range.end, how.per_tree, width);
    for (const node& n : open_) {
      labels_.push_back(n.label);
      rows_.push_back(n.row);
    }
  }
  put({.how = static_cast<std::uint16_t>(joining::sums),
       .to_end = static_cast<std::uint16_t>(sites_.each),
       .width = width,
       .columns = how.columns},
      out);
}

// Ranges of blocks that all senders have together. Those of one sender stay apart: each is of
// another population.
std::vector<id_range> joined_messages::complete_blocks() const {
  struct part {
    id_range blocks;
    site_id from;
  };
  std::vector<part> parts;
  for (std::size_t k = 0; k < group_.size(); ++k)
    if (k == 0 || group_[k].from != group_[k - 1].from)
      for (const id_range blocks : group_[k].what->joins.complete)
        parts.push_back({blocks, group_[k].from});
  std::sort(parts.begin(), parts.end(),
            [](const part& a, const part& b) { return a.blocks.begin < b.blocks.begin; });
  std::vector<id_range> all;
  for (std::size_t k = 0; k < parts.size(); ++k)
    if (k != 0 && all.back().end == parts[k].blocks.begin && parts[k - 1].from < parts[k].from)
      all.back().end = parts[k].blocks.end;
    else
      all.push_back(parts[k].blocks);
  return all;
}

// Adds up open nodes that end before the block `until`.
void joined_messages::fold(id_range range, std::uint32_t until, std::uint32_t per_tree,
                           std::uint32_t width) {
  while (open_.size() > 1) {
    const node &left = open_[open_.size() - 2], &right = open_.back();
    const std::uint32_t tree = right.label / per_tree * per_tree;
    if (left.label / per_tree * per_tree != tree) return;
    const kernels::tree_node meets = kernels::meeting_node(left.label - tree, right.label - tree);
    if (tree + meets.begin < range.begin ||
        tree + std::min(meets.end, per_tree) > std::min<std::uint32_t>(range.end, until))
      return;
    for (std::uint32_t k = 0; k < width; ++k) left.row[k] = left.row[k] + right.row[k];
    open_.pop_back();
  }
}

// Each source once, whichever receivers need it.
void joined_messages::put_sources(byte_writer& out) {
  struct row {
    std::uint32_t label;
    const float* values;
  };
  std::vector<row> of_sender;
  labels_.clear();
  rows_.clear();
  for (std::size_t k = 0; k < group_.size(); ++k) {
    const message& m = *group_[k].what;
    for (std::size_t r = 0; r < m.rows.size(); ++r) of_sender.push_back({m.rows[r], m.row(r)});
    if (k + 1 != group_.size() && group_[k + 1].from == group_[k].from) continue;
    std::sort(of_sender.begin(), of_sender.end(),
              [](const row& a, const row& b) { return a.label < b.label; });
    for (std::size_t r = 0; r < of_sender.size(); ++r) {
      if (r != 0 && of_sender[r].label == of_sender[r - 1].label) continue;
      labels_.push_back(of_sender[r].label);
      rows_.push_back(of_sender[r].values);
    }
    of_sender.clear();
  }
  put({.how = static_cast<std::uint16_t>(joining::sources),
       .to_end = static_cast<std::uint16_t>(sites_.each),
       .width = group_.front().what->width},
      out);
}

// The columns of all senders side by side.
void joined_messages::put_columns(byte_writer& out) {
  const message& one = *group_.front().what;
  const std::uint32_t width = rank_columns(self_, one.joins.columns).size();
  site_id begin = sites_.each, end = 0;
  scratch_.assign(one.rows.size() * width, 0.0f);
  for (const sent_message& m : group_) {
    begin = std::min(begin, m.to);
    end = std::max(end, m.to + 1);
    const id_range columns = columns_of(self_, m.from, one.joins.columns);
    for (std::size_t r = 0; r < one.rows.size(); ++r)
      std::copy_n(m.what->row(r), m.what->width, scratch_.data() + r * width + columns.begin);
  }
  labels_.assign(one.rows.begin(), one.rows.end());
  rows_.clear();
  for (std::size_t r = 0; r < labels_.size(); ++r) rows_.push_back(scratch_.data() + r * width);
  put({.how = static_cast<std::uint16_t>(joining::columns),
       .to = static_cast<std::uint16_t>(begin),
       .to_end = static_cast<std::uint16_t>(end),
       .width = width,
       .columns = one.joins.columns},
      out);
}

void joined_messages::unpack(std::span<const std::byte> packet, rank_id from,
                             std::span<inbox> received) const {
  byte_reader in(packet);
  const site_id first = from * sites_.each;
  while (in.rest().size() >= sizeof(packed_message)) {  // less is padding
    const auto head = in.get<packed_message>();
    const std::size_t labels = std::size_t{head.rows} * sizeof(std::uint32_t),
                      values = std::size_t{head.rows} * head.width * sizeof(float);
    if (head.to_end > received.size() || labels + values > in.rest().size())
      throw std::length_error("a message is too short");
    const auto* const rows = reinterpret_cast<const std::uint32_t*>(in.rest().data());
    message m{.from = first + head.from,
              .rows = {rows, head.rows},
              .values = reinterpret_cast<const float*>(rows + head.rows),
              .stride = head.width,
              .width = head.width};
    in = byte_reader(in.rest().subspan(labels + values));
    const auto how = static_cast<joining>(head.how);
    const rank_id whose = how == joining::sums ? self_ : from;
    const bool divided = how == joining::sums || how == joining::columns;
    if (divided && rank_columns(whose, head.columns).size() != head.width)
      throw std::length_error("a message of other columns");
    for (site_id to = head.to; to < head.to_end; ++to) {
      if (!divided) {
        received[to].push_back(m);
        continue;
      }
      for (site_id s = how == joining::sums ? to : 0; s < sites_.each; ++s) {
        const id_range columns = columns_of(whose, s, head.columns);
        message part = m;
        part.from = how == joining::sums ? first : first + s;
        part.values += columns.begin;
        part.width = columns.size();
        if (part.width != 0) received[to].push_back(part);
        if (how == joining::sums) break;
      }
    }
  }
}

id_range joined_messages::rank_columns(rank_id rank, std::uint32_t columns) const {
  return {share_of(columns, rank * sites_.each, sites_.all()).begin,
          share_of(columns, (rank + 1) * sites_.each - 1, sites_.all()).end};
}

id_range joined_messages::columns_of(rank_id rank, site_id site, std::uint32_t columns) const {
  const id_range own = share_of(columns, rank * sites_.each + site, sites_.all());
  const neuron_id first = rank_columns(rank, columns).begin;
  return {own.begin - first, own.end - first};
}

}  // namespace bdh
