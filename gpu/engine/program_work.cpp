#include "gpu/engine/program_work.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace bdh::gpu {

template <class... Programs>
void program_accounts::add_program(program_set<Programs...>, const operation& o) {
  const auto add_one = [&]<class Program>(const Program*) {
    if (programs::number<Program>() != o.program) return;
    now_.threads = group_threads<Program>;
    add(*reinterpret_cast<const Program*>(o.arguments.data()));
  };
  (add_one(static_cast<const Programs*>(nullptr)), ...);
}

launch_work program_accounts::of(const operation& o) {
  now_ = {.program = o.program};
  const extent& e = o.items;
  now_.items = e.count ? std::ceil(count_of(e.count) / e.per_item) : e.most;
  if (o.kind == operation::run) add_program(programs{}, o);
  if (o.kind == operation::compact) add(o.compacted);
  if (o.kind == operation::clear) {
    now_.program = launch_work::clearing;
    now_.items = static_cast<double>(o.bytes) / (chunk * sizeof(float));
    write(o.memory, static_cast<double>(o.bytes));
    shares_[o.memory] = 0;
  }
  return std::move(now_);
}

void program_accounts::read(const void* array, double bytes, double waits) {
  if (array) now_.arrays.push_back({.array = array, .bytes = bytes, .waits = waits});
}
void program_accounts::write(const void* array, double bytes, double waits) {
  read(array, bytes, waits);
  if (array) now_.arrays.back().written = true;
}
void program_accounts::add_weights(const stored_weights& of, double count, double waits) {
  if (of.narrow)
    read(of.narrow, count * sizeof(bfloat16), waits);
  else
    read(of.wide, count * sizeof(float), waits);
}

program_accounts::edge_count program_accounts::edges_of(const std::uint64_t* indptr,
                                                        const index* rows, double count,
                                                        const lengths& of) const {
  const auto* const begin = on_.content<std::uint64_t>(indptr);
  const auto* const listed = rows ? on_.content<index>(rows) : nullptr;
  if (!begin || (rows && !listed)) throw std::logic_error("rows of edges that are not kept");
  edge_count found;
  for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
    const std::size_t r = listed ? listed[k] : k;
    const std::uint64_t edges = begin[r + 1] - begin[r];
    if (!of.contain(edges)) continue;
    found.edges += static_cast<double>(edges);
    ++found.rows;
  }
  return found;
}

// ---- lists

void program_accounts::add(const list_starts& p) {
  const double count = count_of(p.count), blocks = p.grid.blocks() + 1.0;
  listed_[p.start] = count;
  const double steps = std::ceil(std::log2(count + 1));
  read(p.count, sizeof(index), 1);
  // Most of what is looked at first lies beside the processor soon.
  read_some(p.list, std::min(count, blocks * std::max(1.0, steps - std::log2(blocks))),
            turns * steps / 2);
  now_.cycles = turns * steps / 2 * near;
  write(p.start, blocks * sizeof(index));
}

void program_accounts::add(const gather_list& p) {
  const double count = count_of(p.count);
  read(p.list, count * sizeof(index), turns);
  read_some(p.from, count, turns);
  write(p.to, count * sizeof(float));
}

void program_accounts::add(const compaction& c) {
  now_.program = launch_work::compaction;
  now_.launches = 2;
  constexpr double of_block = 4096;  // values of a block of 256 threads, about
  const double units = c.n / c.stride;
  now_.threads = 256;
  now_.items = std::ceil(units / of_block);
  const double count = units * (1 - std::pow(1 - share_of(c.values), c.stride));
  counts_[c.count] = count;
  read(c.values, c.n * sizeof(float), 2);
  write(c.list, count * sizeof(index));
  write(c.count, sizeof(index), 2);  // a block waits for the counts of those before it
}

// ---- sources -> hubs

void program_accounts::add(const push_blocks& p) {
  const double blocks = now_.items / p.slices, width = p.width;
  const auto* const start = on_.content<index>(p.start);
  const double sources = start && listed_.count(p.start) == 0
                             ? start[static_cast<std::size_t>(blocks)] - start[0]
                             : p.scale * at(listed_, p.start, 0.0);
  const double of_block = std::floor(sources / blocks), rest = std::fmod(of_block, 8.0);
  const double steps = std::floor(of_block / 8) + rest;  // eight rows under way at a time
  read(p.start, (blocks + 1) * sizeof(index), 1);
  read(p.list, sources * sizeof(index), p.indptr ? of_block : steps);
  read(p.values, sources * sizeof(float));
  write(p.out, blocks * width * sizeof(float));
  now_.cycles = of_block * 4;
  if (!p.indptr) return add_weights(p.rows, sources * width, steps);
  const double rows = elements(p.indptr, sizeof *p.indptr) - 1;
  const double edges = elements(p.target, sizeof(index)) * sources / rows;
  read_some(p.indptr, 2 * sources, of_block);
  const double row_turns = turns_of(edges / std::max(1.0, sources), 8);
  read(p.target, edges * sizeof(index), of_block * row_turns);
  add_weights(p.rows, edges, 0);
  now_.cycles += of_block * row_turns * near;  // the hub's sum
}

void program_accounts::add(const reduce_block_sums& p) {
  const double above = p.nodes(), sums = now_.items / above / p.slices;
  const double children = items_for(p.blocks, p.apart);
  double steps = 1;
  for (double of = std::min<double>(children, p.fan); of > 1; of = std::ceil(of / 8))
    steps += std::ceil(of / 8);
  write(p.parts, sums * children * p.width * sizeof(float), steps);
  if (above == 1) write(p.out, sums * p.width * sizeof(float));
}

// ---- the pool: one group of a warp, on one processor

void program_accounts::normalise(const float* z, double n, int sums, int passes) {
  const double all_lanes = turns_of(n, lanes);
  write(z, n * sizeof(float), all_lanes);  // looked at for values that are not finite
  now_.cycles += sums * (sum + turns_of(all_lanes, loads_ahead) * near) + passes * all_lanes * near;
}

void program_accounts::add(const update_hub_w& p) {
  const bool normalised = p.update.scale || p.update.centre;
  normalise(p.update.z, p.update.n, normalised ? 2 : 0, 1);
  normalise(p.update.w, p.update.n, p.update.accumulate ? 2 : 0, 2);
}

void program_accounts::add(const normalise_a& p) {
  normalise(p.a, p.d * now_.items, p.centre || p.scale ? 2 : 0, p.centre || p.scale ? 2 : 0);
  now_.arrays.back().waits = turns_of(p.d, lanes);
}

void program_accounts::add(const compute_a_gain& p) {
  normalise(p.input, p.d * now_.items, 2, 1);
  now_.arrays.back().waits = turns_of(p.d, lanes * loads_ahead);
  write(p.gain, now_.items * sizeof(float));
}

// ---- hubs and sources -> neurons

void program_accounts::add(const pull_rows& p) {
  const double rows = now_.items;
  if (p.list) read(p.list, rows * sizeof(index), 1);
  now_.cycles = sum;
  if (!p.indptr) {
    const double heads = p.per_head ? std::max(1.0, elements(p.activity, sizeof(float)) /
                                                        static_cast<double>(p.head_stride))
                                    : 1;
    add_weights(p.rows, rows * p.width, turns_of(p.width, lanes * loads_ahead));
    read(p.activity, heads * p.width * sizeof(float));
    return p.list ? write_some(p.out, rows) : write(p.out, rows * sizeof(float));
  }
  const double all = elements(p.indptr, sizeof *p.indptr) - 1;
  edge_count found = edges_of(p.indptr, nullptr, all, p.of);
  const double listed = rows / all;
  found = {found.rows * listed, found.edges * listed};
  const double mean = found.edges / std::max(1.0, found.rows), steps = turns_of(mean, lanes);
  if (p.list)
    read_some(p.indptr, with_next(rows, all), 1);
  else
    read(p.indptr, (all + 1) * sizeof *p.indptr, 1);
  read(p.source, found.edges * sizeof(index), steps);
  add_weights(p.rows, found.edges, 0);
  read_some(p.activity, std::min(found.edges, elements(p.activity, sizeof(float))), steps);
  write_some(p.out, found.rows);
}

// ---- thresholds, W

void program_accounts::add(const fire_x& p) {
  const double bytes = p.n * sizeof(float);
  read(p.drive, bytes, turns);
  write(p.x, bytes, p.accumulate ? 2 : 0);
  shares_[p.x] = activity_.x;
}

void program_accounts::add(const fire_y& p) {
  const double bytes = p.n * sizeof(float);
  read(p.x, bytes, turns);
  write(p.drive, bytes, turns * activity_.x);
  write(p.y, bytes);
  shares_[p.y] = activity_.y;
}

void program_accounts::add(const check_values& p) { read(p.values, p.n * sizeof(float), turns); }

void program_accounts::add(const net_drive_block& p) {
  const double bytes = static_cast<double>(on_.bytes_of(p.excitatory));
  read(p.excitatory, bytes, 2);
  p.inhibition == 1.0f ? read(p.inhibitory, bytes) : write(p.inhibitory, bytes, 2);
  write(p.drive, bytes);
}

void program_accounts::add(const update_sources& p) {
  write(p.w, p.sources * sizeof(float), p.accumulate ? 2 : 0);
  read(p.y, p.neurons * sizeof(float), turns);
  double& share = shares_[p.w];
  const double y = activity_.y * p.neurons / p.sources;
  share = p.accumulate ? 1 - (1 - share) * (1 - y) : y;
}

void program_accounts::add(const sense_sources& p) {
  read(p.token, sizeof(index), 1);
  if (!p.indptr) {
    write(p.w, sizeof(float));
    shares_[p.w] = sizeof(float) / std::max(1.0, static_cast<double>(on_.bytes_of(p.w)));
    return;
  }
  const double rows = elements(p.indptr, sizeof *p.indptr) - 1;
  const double edges = elements(p.target, sizeof(index)) / rows, steps = turns_of(edges, 8);
  read(p.indptr, 2 * sizeof *p.indptr, 1);
  read(p.target, edges * sizeof(index), steps);
  read(p.weights, edges * sizeof(float));
  write_some(p.w, edges);
  shares_[p.w] = edges / std::max(1.0, elements(p.w, sizeof(float)));
}

// ---- counts: one thread of an item adds

void program_accounts::add(const tally_edges& p) {
  const double listed = p.count ? count_of(p.count) : 1, each = std::min<double>(listed, chunk);
  read(p.list, listed * sizeof(index), each);
  read_some(p.indptr, with_next(listed, elements(p.indptr, 8) / p.unit), each);
  write(p.counted, now_.items * sizeof *p.counted, 1);
}

void program_accounts::add(const tally_active& p) {
  const double share = share_of(p.activity);
  read(p.activity, p.n * sizeof(float), chunk);
  read_some(p.indptr, with_next(share * p.n, p.n), chunk * share);
  write(p.counted, now_.items * sizeof *p.counted, 1);
}

void program_accounts::add(const total_counts& p) {
  read(p.from, 2.0 * p.n * sizeof *p.from, std::min<double>(p.n, chunk));
  write(p.to, now_.items * sizeof *p.to);
}

template <class Program>
void program_accounts::add(const Program&) {
  throw std::logic_error("a program that is no part of a token");
}

}  // namespace bdh::gpu
