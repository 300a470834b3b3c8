// What programs over explicit edges and over synapses touch and wait for.
#include <algorithm>
#include <cmath>

#include "gpu/engine/program_work.hpp"

namespace bdh::gpu {

// ---- explicit edges

void program_accounts::add(const pull_targets& p) {
  const kernels::pull_edges& e = p.edges;
  const double share = share_of(e.activity);
  const edge_count found = edges_of(e.indptr, e.row, p.rows, {});
  const double mean = found.edges / std::max(1.0, found.rows), per_item = turns * mean;
  e.row ? read_some(e.indptr, with_next(found.rows, elements(e.indptr, 8)), turns)
        : read(e.indptr, (found.rows + 1) * sizeof *e.indptr, turns);
  read(e.row, found.rows * sizeof(index), e.row ? turns : 0);
  read(e.source, found.edges * sizeof(index), per_item);
  read_some(e.activity, std::min(found.edges, elements(e.activity, sizeof(float))), per_item);
  read_some(e.edge, found.edges * share, share * per_item);
  read_some(e.weights, found.edges * share, share * per_item);
  read_some(e.narrow, found.edges * share, share * per_item);
  read_some(e.retention, found.edges * share);
  if (e.retention) read_some(e.age, std::min(found.edges, elements(e.age, 8)) * share);
  write_some(e.out, found.rows);
}

void program_accounts::add(const pull_long_targets& p) {
  const kernels::pull_edges& e = p.rows.edges;
  const double share = share_of(e.activity);
  const edge_count found = edges_of(e.indptr, e.row, now_.items, {});
  const double mean = found.edges / std::max(1.0, found.rows);
  const double steps = turns_of(mean, lanes * loads_ahead);
  read(e.row, found.rows * sizeof(index), e.row ? 1 : 0);
  read_some(e.indptr, with_next(found.rows, elements(e.indptr, 8)), 1);
  read(e.source, found.edges * sizeof(index), steps);
  read_some(e.activity, std::min(found.edges, elements(e.activity, sizeof(float))), steps);
  read_some(e.edge, found.edges * share, steps);
  read_some(e.weights, found.edges * share, steps);
  read_some(e.narrow, found.edges * share, steps);
  read_some(e.retention, found.edges * share);
  if (e.retention) read_some(e.age, std::min(found.edges, elements(e.age, 8)) * share);
  write_some(e.out, found.rows);
  now_.exchanges = found.edges;
  now_.cycles = mean * 4;
}

// ---- synapses

void program_accounts::add(const turn_angles& p) {
  read(p.frequency, p.n * sizeof *p.frequency, turns);
  write(p.cosine, p.n * sizeof(float));
  write(p.sine, p.n * sizeof(float));
  now_.cycles = turns * 400;  // sine and cosine in double
}

// Sines and cosines of the pairs of `units` units, of which several have the same.
template <class Program>
void program_accounts::read_angles(const Program& p, double units) {
  const double angles = elements(p.cosine, sizeof(float)), all = elements(p.last, 8);
  const double used = angles * (1 - std::pow(1 - units / all, all / angles));
  read_some(p.cosine, used);
  read_some(p.sine, used);
}

void program_accounts::add(const use_rows& p) {
  const double units = count_of(p.count), rows = p.cosine ? 2 * units : units;
  read(p.unit, units * sizeof(index), 2 * turns);
  read_some(p.x, rows, turns);
  if (p.cosine) read_angles(p, units);
  read_some(p.last, units);
  write(p.row, rows * sizeof(index));
  write(p.turned, rows * sizeof(float));
  write(p.aged, rows * sizeof(float));
  write(p.decay, rows * sizeof(float));
  now_.cycles = turns * 200;  // u^age
}

void program_accounts::add(const reweight_rows& p) {
  const double rows = now_.items * p.unit, d = p.rows.width;
  read(p.rows.source, rows * sizeof(index), p.unit);
  read(p.rows.activity, rows * sizeof(float));
  read(p.rows.decay, rows * sizeof(float));
  read(p.rows.w, d * sizeof(float));
  write(p.rows.rows, rows * d * sizeof(float), p.unit * turns_of(d, lanes));
  write_some(p.last, now_.items);
  now_.cycles = p.unit * (sum + turns_of(d, lanes * loads_ahead) * near);
}

void program_accounts::add(const use_units& p) {
  const double units = count_of(p.count), members = p.cosine ? 2 * units : units;
  read(p.unit, units * sizeof(index), turns);
  read_some(p.last, units, turns);
  read_some(p.x, members, turns);
  if (p.cosine) {
    read_angles(p, units);
    write(p.unit_cosine, units * sizeof(float));
    write(p.unit_sine, units * sizeof(float));
  }
  write(p.unit_x, members * sizeof(float));
  write(p.decay, units * sizeof(float));
  write(p.age, units * sizeof *p.age);
  write_some(p.used_x, members);
  write_some(p.used_age, members);
  now_.cycles = turns * 200;
  shares_[p.used_x] = members / elements(p.used_x, sizeof(float));
}

void program_accounts::add(const reweight_units& p) {
  const double units = now_.items, all = elements(p.edges.begin, 8) - 1;
  edge_count found = edges_of(p.edges.begin, nullptr, all, p.of);
  const double used = units * p.members / all;
  found = {found.rows * used, found.edges * used};
  const double mean = found.edges / std::max(1.0, found.rows);
  const double steps = turns_of(mean, now_.threads);
  read(p.edges.unit, units * sizeof(index), 1);
  read_some(p.edges.begin, units * (p.members - 1) + with_next(units, all / p.members), 1);
  read(p.edges.target, found.edges / p.members * sizeof(index), steps);
  read_some(p.edges.w, std::min(found.edges, elements(p.edges.w, sizeof(float))), steps);
  read(p.edges.rate, found.edges * sizeof(float));
  read(p.edges.retention, found.edges * sizeof(float));
  write(p.edges.strength, found.edges * sizeof(float));
  const double done = found.rows / p.members;
  read(p.edges.x, done * p.members * sizeof(float), 1);
  if (p.edges.cosine) {
    read(p.edges.cosine, done * sizeof(float));
    read(p.edges.sine, done * sizeof(float));
  }
  read(p.edges.decay, p.edges.retention ? 0 : done * sizeof(float));
  read(p.edges.age, p.edges.retention ? done * sizeof *p.edges.age : 0);
  write_some(p.last, done);
  now_.cycles = p.members * (sum + turns_of(mean, lanes * loads_ahead) * near);
}

}  // namespace bdh::gpu
