#include "kernels/cpu/site_learning.hpp"

#include <algorithm>

#include "core/simulation/weight_learner.hpp"

namespace bdh {
namespace {

template <class Circuits>
auto& circuit_of(Circuits& all, learned_circuit c) {
  switch (c) {
    case learned_circuit::gx:
      return all.dx;
    case learned_circuit::gy:
      return all.dy;
    case learned_circuit::e:
      return all.e;
    case learned_circuit::readout:
      return all.readout;
    default:
      return all.sensory;
  }
}

}  // namespace

learned_weights::learned_weights(const model& m, const learning& how) : base_(m), how_(how) {
  const hub_circuits& c = m.circuits();
  now_ = {.e = c.e.copy(),
          .sensory = c.sensory.copy(),
          .dx = c.dx.copy(),
          .dy = c.dy.copy(),
          .readout = c.readout.copy()};
  const block_grid grid(m.heads(), m.neurons_per_head());
  for (std::size_t k = 0; k < learned_circuits; ++k) {
    const auto what = static_cast<learned_circuit>(k);
    projection& mine = circuit_of(now_, what);
    const projection& own = circuit_of(c, what);
    const bool of_neurons = mine.rows() == m.neurons() && k < 3;
    matrix& to = matrices_[k];
    to.changes = how.changes(what) && bdh::changes(how.rule, what);
    to.weights = mine.own_weights().data();
    to.origin = own.weights().data();
    to.rows = mine.rows();
    to.mean_squares = array<float>(to.changes ? to.rows : 0);
    const std::size_t blocks = of_neurons ? grid.blocks() : blocks_of_rows(to.rows);
    to.squares.resize(blocks);
    to.changed.resize(blocks);
    std::fill(to.mean_squares.begin(), to.mean_squares.end(), -1.0f);
  }
}

void learned_weights::reset() {
  for (matrix& m : matrices_) {
    if (!m.changes) continue;
    std::copy_n(m.origin, std::size_t{m.rows} * base_.hubs(), m.weights);
    std::fill(m.mean_squares.begin(), m.mean_squares.end(), -1.0f);
  }
}

void learned_weights::begin_token() noexcept {
  for (matrix& m : matrices_) {
    std::fill(m.squares.begin(), m.squares.end(), 0.0);
    std::fill(m.changed.begin(), m.changed.end(), 0u);
  }
}

std::size_t learned_weights::bytes() const noexcept {
  const hub_circuits& c = now_;
  std::size_t all = 0;
  for (const projection* p : {&c.e, &c.sensory, &c.dx, &c.dy, &c.readout}) all += p->bytes();
  for (const matrix& m : matrices_) all += m.mean_squares.bytes();
  return all;
}

site_learning::layer::layer(const model& m, neuron_id own, bool of_token)
    : x(of_token ? 0 : own),
      y(of_token ? 0 : own),
      x_of_y(of_token ? 0 : own),
      p(of_token ? 0 : own),
      v(m.hubs()),
      s(m.hubs()),
      a(of_token ? 0 : std::size_t{m.heads()} * m.hubs()),
      gain_a(of_token ? 0 : m.heads()),
      dz(of_token ? 0 : m.hubs()),
      dx(of_token ? 0 : own),
      dp(of_token ? 0 : own) {}

site_learning::site_learning(learned_weights& all, const model& m, const site_share& own,
                             id_range blocks, const kernels::cpu_kernels& bodies)
    : weights(all),
      readout_blocks(blocks),
      error(m.readout_nodes()),
      dw(m.hubs()),
      du(m.hubs()),
      arrived(std::size_t{m.heads()} * m.hubs()),
      own_write(m.heads()),
      dw_readout(m.hubs()),
      drive(own.neurons.size()),
      dy(own.neurons.size()),
      row_sums(own.neurons.size() + 1),
      gradient(m.hubs()),
      rows(own.neurons.size() + 1),
      units(own.neurons.size()),
      vectors(m.layers()),
      factors(m.layers()),
      places(m.layers()),
      readout_sums(std::max<std::size_t>(blocks.size(), 1), m.hubs(), bodies) {
  for (layer_id l = 0; l <= m.layers(); ++l) layers.emplace_back(m, own.neurons.size(), l == 0);
}

std::size_t site_learning::bytes() const noexcept {
  std::size_t all = readout_sums.bytes() + rows.bytes() + units.bytes();
  for (const array<float>* a :
       {&error, &dw, &du, &arrived, &own_write, &dw_readout, &drive, &dy, &row_sums, &gradient})
    all += a->bytes();
  for (const layer& l : layers) {
    all += l.x.id.bytes() + l.x.value.bytes() + l.y.id.bytes() + l.y.value.bytes();
    for (const array<float>* a :
         {&l.x_of_y, &l.p, &l.v, &l.s, &l.a, &l.gain_a, &l.dz, &l.dx, &l.dp})
      all += a->bytes();
  }
  return all;
}

}  // namespace bdh
