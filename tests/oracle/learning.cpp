#include "learning.hpp"

#include <cmath>
#include <numbers>
#include <utility>

namespace oracle {

using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

VectorXd normalised(const VectorXd& z, double epsilon) {
  const VectorXd centred = z.array() - z.mean();
  return centred / std::sqrt(centred.squaredNorm() / static_cast<double>(z.size()) + epsilon);
}

// d LN(z)^T dv, from the quotient rule: with c = z - mean z, q = |c|^2 / d + epsilon,
// LN = c q^(-1/2), and d q = 2 c . d c / d.
VectorXd normalised_back(const VectorXd& z, const VectorXd& dv, double epsilon) {
  const double d = static_cast<double>(z.size());
  const VectorXd c = z.array() - z.mean();
  const double q = c.squaredNorm() / d + epsilon;
  const VectorXd dc = dv / std::sqrt(q) - c * (c.dot(dv) / (d * q * std::sqrt(q)));
  return dc.array() - dc.mean();
}

VectorXd softmax(const VectorXd& logits) {
  const VectorXd p = (logits.array() - logits.maxCoeff()).exp();
  return p / p.sum();
}

}  // namespace

// Token 0 enters with (0.6, -0.6). X = (0.6, 0.8, 0); of neuron 0 alone P is above 0.
weights three_neurons_and_two_hubs() {
  weights w;
  w.n = 3;
  w.d = 2;
  w.layers = 1;
  w.vocabulary = 2;
  w.epsilon = 0.64;
  const auto sides = [](const VectorXd& first) {  // rows (z, -z)
    MatrixXd all(first.size(), 2);
    all << first, -first;
    return all;
  };
  w.E = sides(VectorXd{{1, 2, -1}}).transpose();
  w.Dx = sides(VectorXd{{0.5, 2.0 / 3, -1}});
  w.Dy = sides(VectorXd{{5.0 / 6, -0.5, 1}});
  w.embedding = sides(VectorXd{{0.6, -0.3}});
  w.readout = sides(VectorXd{{std::log(2.0) * std::sqrt(13.0) / 6, 0}}).transpose();
  return w;
}

learner::learner(weights m) : w_(std::move(m)), first_(w_) {
  rho_.assign(w_.layers, MatrixXd::Zero(w_.d, w_.n));
  read_ = rho_;
  mE_ = mDx_ = mDy_ = VectorXd::Constant(w_.n, -1);
  membedding_ = mreadout_ = VectorXd::Constant(w_.vocabulary, -1);
}

learner::trace learner::forward(const weights& w, int token) const {
  const int per_head = w.n / w.heads;
  trace t;
  t.e = w.embedding.row(token).transpose();
  VectorXd v = normalised(t.e, w.epsilon);
  for (int l = 0; l < w.layers; ++l) {
    layer k;
    k.v = v;
    k.x = (w.Dx * v).cwiseMax(0.0);
    k.a_before = k.a = MatrixXd(w.d, w.heads);
    k.p = VectorXd(w.n);
    for (int h = 0; h < w.heads; ++h) {
      k.a_before.col(h) =
          read_[l].middleCols(h * per_head, per_head) * k.x.segment(h * per_head, per_head);
      k.a.col(h) = normalised(k.a_before.col(h), w.epsilon);
      k.p.segment(h * per_head, per_head) =
          (w.Dy.middleRows(h * per_head, per_head) * k.a.col(h)).cwiseMax(0.0);
    }
    k.y = k.p.cwiseProduct(k.x);
    k.z = w.E * k.y;
    k.s = normalised(k.z, w.epsilon);
    k.u = v + k.s;
    v = normalised(k.u, w.epsilon);
    t.layers.push_back(std::move(k));
  }
  t.v_last = v;
  t.logits = w.readout.transpose() * v;
  return t;
}

VectorXd learner::step(int token) {
  token_ = token;
  read_ = rho_;
  last_ = forward(w_, token);
  const int per_head = w_.n / w_.heads;
  for (int l = 0; l < w_.layers; ++l) {
    MatrixXd& rho = rho_[l];
    if (!frozen) rho += last_.layers[l].v * last_.layers[l].x.transpose();
    for (int i = 0; i + 1 < w_.n && !w_.frequency.empty(); i += 2) {
      const double angle = 2 * std::numbers::pi * w_.frequency[i % per_head / 2];
      const VectorXd even = rho.col(i), odd = rho.col(i + 1);
      rho.col(i) = even * std::cos(angle) + odd * std::sin(angle);
      rho.col(i + 1) = odd * std::cos(angle) - even * std::sin(angle);
    }
    rho *= w_.retention;
  }
  return last_.logits;
}

double learner::loss(int next) const { return -std::log(softmax(last_.logits)[next]); }

VectorXd learner::again(const weights& other) const { return forward(other, token_).logits; }

gradients learner::of(int next, teaching rule) const {
  const weights& w = w_;
  const int per_head = w.n / w.heads;
  gradients g{MatrixXd::Zero(w.d, w.n), MatrixXd::Zero(w.n, w.d), MatrixXd::Zero(w.n, w.d),
              MatrixXd::Zero(w.vocabulary, w.d), MatrixXd::Zero(w.d, w.vocabulary)};
  VectorXd error = softmax(last_.logits);
  error[next] -= 1;
  g.readout = last_.v_last * error.transpose();
  const VectorXd dv_last = w.readout * error;
  VectorXd dv = dv_last;
  for (int l = w.layers - 1; l >= 0 && rule != teaching::readout; --l) {
    const layer& k = last_.layers[l];
    if (rule == teaching::rows) dv = dv_last;
    const VectorXd du = normalised_back(k.u, dv, w.epsilon);
    const VectorXd dz = normalised_back(k.z, du, w.epsilon);
    g.E += dz * k.y.transpose();
    const VectorXd dy = w.E.transpose() * dz;
    VectorXd dp = VectorXd::Zero(w.n), dx = VectorXd::Zero(w.n);
    for (int i = 0; i < w.n; ++i) {
      if (k.y[i] <= 0) continue;
      dp[i] = dy[i] * k.x[i];
      dx[i] = dy[i] * k.p[i];
    }
    for (int h = 0; h < w.heads; ++h) {
      const int first = h * per_head;
      g.Dy.middleRows(first, per_head) += dp.segment(first, per_head) * k.a.col(h).transpose();
      if (rule != teaching::exact) continue;
      const VectorXd da =
          w.Dy.middleRows(first, per_head).transpose() * dp.segment(first, per_head);
      const VectorXd back = normalised_back(k.a_before.col(h), da, w.epsilon);
      dx.segment(first, per_head) += read_[l].middleCols(first, per_head).transpose() * back;
    }
    for (int i = 0; i < w.n; ++i)
      if (k.x[i] <= 0) dx[i] = 0;
    g.Dx += dx * k.v.transpose();
    if (rule == teaching::exact) dv = du + w.Dx.transpose() * dx;
  }
  if (rule != teaching::rows)
    g.embedding.row(token_) = normalised_back(last_.e, dv, w.epsilon).transpose();
  return g;
}

void learner::learn(int next, teaching rule, double rate, double back, bool plain) {
  const gradients g = of(next, rule);
  const auto change = [&](auto row, const auto& origin, const VectorXd& gradient, double& m) {
    const double mean = gradient.squaredNorm() / static_cast<double>(gradient.size());
    if (!plain) m = m < 0 ? mean : 0.999 * m + 0.001 * mean;
    row -= (plain ? rate : rate / (std::sqrt(m) + 1e-4)) * gradient;
    row += back * (origin - row);
  };
  for (int i = 0; i < w_.n; ++i) {
    bool x = false, y = false;
    for (const layer& k : last_.layers) {
      x = x || k.x[i] > 0;
      y = y || k.y[i] > 0;
    }
    if (rule == teaching::exact ? x : y && rule == teaching::rows)
      change(w_.Dx.row(i).transpose(), first_.Dx.row(i).transpose(), g.Dx.row(i).transpose(),
             mDx_[i]);
    if (!y || rule == teaching::readout) continue;
    change(w_.Dy.row(i).transpose(), first_.Dy.row(i).transpose(), g.Dy.row(i).transpose(),
           mDy_[i]);
    change(w_.E.col(i), first_.E.col(i), g.E.col(i), mE_[i]);
  }
  for (int v = 0; v < w_.vocabulary; ++v)
    change(w_.readout.col(v), first_.readout.col(v), g.readout.col(v), mreadout_[v]);
  if (rule != teaching::rows)
    change(w_.embedding.row(token_).transpose(), first_.embedding.row(token_).transpose(),
           g.embedding.row(token_).transpose(), membedding_[token_]);
}

}  // namespace oracle
