#include "oracle.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numbers>
#include <stdexcept>
#include <utility>

namespace oracle {

using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

MatrixXd relu(const MatrixXd& z) { return z.cwiseMax(0.0); }

// LN(z) = (z - mean) / sqrt(var + epsilon) of every row, biased variance.
MatrixXd layer_norm(const MatrixXd& rows, double epsilon) {
  MatrixXd result = rows;
  for (int t = 0; t < rows.rows(); ++t) {
    const double mean = rows.row(t).mean();
    const double variance = (rows.row(t).array() - mean).square().mean();
    result.row(t) = (rows.row(t).array() - mean) / std::sqrt(variance + epsilon);
  }
  return result;
}

// Turns pair m of row t by t f_m turns: (even cos - odd sin, odd cos + even sin).
MatrixXd rope(const MatrixXd& rows, const std::vector<double>& frequency) {
  MatrixXd result = rows;
  for (int t = 0; t < rows.rows(); ++t)
    for (int m = 0; m < static_cast<int>(frequency.size()); ++m) {
      const double angle = 2 * std::numbers::pi * std::fmod(t * frequency[m], 1.0);
      const double even = rows(t, 2 * m), odd = rows(t, 2 * m + 1);
      result(t, 2 * m) = even * std::cos(angle) - odd * std::sin(angle);
      result(t, 2 * m + 1) = odd * std::cos(angle) + even * std::sin(angle);
    }
  return result;
}

// The least that reads a trusted safetensors file: 8 bytes header length, JSON header, raw
// little-endian data.
struct safetensors {
  std::string header, data;

  explicit safetensors(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error(path + ": cannot be opened");
    const std::string bytes((std::istreambuf_iterator<char>(file)),
                            std::istreambuf_iterator<char>());
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    header = bytes.substr(8, length);
    data = bytes.substr(8 + length);
  }

  // The text of the header from behind `key` on, at or after position `from`.
  std::size_t behind(const std::string& key, std::size_t from = 0) const {
    const std::size_t at = header.find(key, from);
    if (at == std::string::npos) throw std::runtime_error("safetensors header: no " + key);
    return at + key.size();
  }

  std::vector<long> list(const std::string& tensor, const std::string& key) const {
    std::size_t at = behind("\"" + key + "\"", behind("\"" + tensor + "\""));
    const std::size_t end = header.find(']', at);
    std::vector<long> values;
    while ((at = header.find_first_of("0123456789", at)) < end) {
      values.push_back(std::stol(header.substr(at)));
      at = header.find_first_not_of("0123456789", at);
    }
    return values;
  }

  std::vector<double> values(const std::string& tensor) const {
    const std::vector<long> range = list(tensor, "data_offsets");
    std::vector<float> raw(static_cast<std::size_t>(range[1] - range[0]) / sizeof(float));
    std::memcpy(raw.data(), data.data() + range[0], raw.size() * sizeof(float));
    return {raw.begin(), raw.end()};
  }

  MatrixXd matrix(const std::string& tensor) const {
    using row_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const std::vector<long> shape = list(tensor, "shape");
    const std::vector<double> raw = values(tensor);
    return Eigen::Map<const row_major>(raw.data(), shape[0], shape[1]);
  }

  // (h, d, N) -> n x d, neuron = head * N + k.
  MatrixXd neurons_by_hubs(const std::string& tensor) const {
    const std::vector<long> shape = list(tensor, "shape");
    const std::vector<double> raw = values(tensor);
    MatrixXd result(shape[0] * shape[2], shape[1]);
    for (long head = 0; head < shape[0]; ++head)
      for (long hub = 0; hub < shape[1]; ++hub)
        for (long k = 0; k < shape[2]; ++k)
          result(head * shape[2] + k, hub) = raw[(head * shape[1] + hub) * shape[2] + k];
    return result;
  }
};

}  // namespace

weights load_released(const std::string& path) {
  const safetensors file(path);
  weights m;
  m.E = file.matrix("decoder").transpose();
  m.Dx = file.neurons_by_hubs("encoder");
  m.Dy = file.neurons_by_hubs("encoder_v");
  m.embedding = file.matrix("embed.weight");
  m.readout = file.matrix("lm_head");
  m.heads = static_cast<int>(file.list("encoder", "shape")[0]);
  m.n = static_cast<int>(m.E.cols());
  m.d = static_cast<int>(m.E.rows());
  m.vocabulary = static_cast<int>(m.embedding.rows());
  const std::size_t digits = file.header.find_first_of("0123456789", file.behind("\"n_layer\""));
  m.layers = std::stoi(file.header.substr(digits));
  // one entry per neuron, equal within a pair
  const std::vector<double> table = file.values("attn.freqs");
  for (std::size_t k = 0; k < table.size(); k += 2) m.frequency.push_back(table[k]);
  return m;
}

std::vector<double> geometric_frequency(int neurons_per_head, double theta) {
  std::vector<double> frequency;
  for (int m = 0; m < neurons_per_head / 2; ++m)
    frequency.push_back(std::pow(theta, -2.0 * m / neurons_per_head) / (2 * std::numbers::pi));
  return frequency;
}

tensor_trace tensor_form(const weights& m, const std::vector<int>& tokens) {
  const int T = static_cast<int>(tokens.size()), N = m.n / m.heads;
  MatrixXd v(T, m.d);
  for (int t = 0; t < T; ++t) v.row(t) = m.embedding.row(tokens[t]);
  v = layer_norm(v, m.epsilon);

  tensor_trace trace;
  trace.v.push_back(v);
  for (int layer = 0; layer < m.layers; ++layer) {
    MatrixXd x(T, m.n), y(T, m.n);
    for (int head = 0; head < m.heads; ++head) {
      const MatrixXd x_head = relu(v * m.Dx.middleRows(head * N, N).transpose());
      const MatrixXd turned = rope(x_head, m.frequency);
      MatrixXd score = turned * turned.transpose();  // [t, tau]
      for (int t = 0; t < T; ++t)
        for (int tau = 0; tau < T; ++tau)
          score(t, tau) *= tau < t ? std::pow(m.retention, t - tau) : 0.0;
      const MatrixXd read = layer_norm(score * v, m.epsilon);
      x.middleCols(head * N, N) = x_head;
      y.middleCols(head * N, N) =
          relu(read * m.Dy.middleRows(head * N, N).transpose()).cwiseProduct(x_head);
    }
    v = layer_norm(v + layer_norm(y * m.E.transpose(), m.epsilon), m.epsilon);
    trace.x.push_back(x);
    trace.y.push_back(y);
    trace.v.push_back(v);
  }
  trace.logits = v * m.readout;
  return trace;
}

rules rules_of(variant v) {
  using source = rules::source_rule;
  switch (v) {
    //                              x accumulates, W, token gain, read gain, centred
    case variant::bdh:
      return {true, source::y, false, false, false};  // Eq. 6
    case variant::normfree:
      return {true, source::y, false, false,
              false};  // Eq. 7: Eq. 6 with Gx = Dx B, Gy = Dy B, Gs = 1
    case variant::gpu_paper:
      return {true, source::gain_y, true, true, true};  // Eq. 8
    case variant::gpu_release:
      return {false, source::leaky, true, true, true};  // the paper's listing and the released code
  }
  throw std::runtime_error("no such variant");
}

circuits circuits_of(const weights& m, const rules& r) {
  const int S = m.n + m.vocabulary;
  MatrixXd B(m.d, S);
  B << m.E, m.embedding.transpose();
  const MatrixXd C = MatrixXd::Identity(m.d, m.d) - MatrixXd::Constant(m.d, m.d, 1.0 / m.d);

  circuits c;
  c.n = m.n;
  c.heads = m.heads;
  c.layers = m.layers;
  c.pool = C * B;
  c.hub = r.centred ? c.pool : B;
  c.Gx = m.Dx * c.hub;
  c.Gy = m.Dy * c.hub;
  c.Gout = m.readout.transpose() * c.hub;
  c.token = MatrixXd::Zero(S, m.vocabulary);
  c.token.bottomRows(m.vocabulary).setIdentity();
  c.rate = MatrixXd::Ones(S, m.n);
  c.damping = MatrixXd::Constant(S, m.n, m.retention);
  c.frequency = m.frequency;
  c.epsilon = m.epsilon;
  return c;
}

graph_form::graph_form(circuits c, rules r) : graph_(std::move(c)), rules_(r) {
  sigma.assign(graph_.layers, MatrixXd::Zero(graph_.Gx.cols(), graph_.n));
}

double graph_form::gain(const VectorXd& w) const {
  return 1 / std::sqrt((graph_.pool * w).squaredNorm() / static_cast<double>(graph_.pool.rows()) +
                       graph_.epsilon);
}

// sigma <- sigma U, U = u R: R is block-diagonal with a block ((cos, -sin), (sin, cos)) on each
// pair of presynaptic neurons.
void graph_form::decay(MatrixXd& synapses) const {
  synapses = synapses.cwiseProduct(graph_.damping);
  const int N = graph_.n / graph_.heads;
  for (int head = 0; head < graph_.heads; ++head)
    for (int m = 0; m < static_cast<int>(graph_.frequency.size()); ++m) {
      const double angle = 2 * std::numbers::pi * graph_.frequency[m];
      const int first = head * N + 2 * m;
      const VectorXd even = synapses.col(first), odd = synapses.col(first + 1);
      synapses.col(first) = even * std::cos(angle) + odd * std::sin(angle);
      synapses.col(first + 1) = odd * std::cos(angle) - even * std::sin(angle);
    }
}

token_trace graph_form::step(int token) {
  const int n = graph_.n, N = n / graph_.heads;
  const auto S = graph_.Gx.cols();
  token_trace trace;

  VectorXd W = graph_.token.col(token);
  if (rules_.token_gain) W = gain(W) * W;
  trace.W.push_back(W);

  VectorXd x = VectorXd::Zero(n), y = VectorXd::Zero(n);
  MatrixXd A = MatrixXd::Zero(S, graph_.heads);
  const auto hold = [](VectorXd& values, const VectorXd& held) {
    for (Eigen::Index i = 0; i < held.size(); ++i)
      if (!std::isnan(held(i))) values(i) = held(i);
  };
  const auto drive = [&] {
    VectorXd driven = graph_.Gx * W;
    if (acting.add_x.size() != 0) driven += acting.add_x;
    const VectorXd pushed = relu(driven);
    x = rules_.x_accumulates ? VectorXd(x + pushed) : pushed;
    hold(x, acting.hold_x);
  };
  const auto propagate = [&](const MatrixXd& all) {
    const MatrixXd synapses =
        acting.transmits.size() == 0 ? all : MatrixXd(all.cwiseProduct(acting.transmits));
    for (int head = 0; head < graph_.heads; ++head)
      A.col(head) = synapses.middleCols(head * N, N) * x.segment(head * N, N);
  };
  const auto fire = [&] {
    for (int head = 0; head < graph_.heads; ++head) {
      const VectorXd read =
          rules_.read_gain ? VectorXd(gain(A.col(head)) * A.col(head)) : VectorXd(A.col(head));
      VectorXd driven = graph_.Gy.middleRows(head * N, N) * read;
      if (acting.add_y.size() != 0) driven += acting.add_y.segment(head * N, N);
      y.segment(head * N, N) = relu(driven).cwiseProduct(x.segment(head * N, N));
    }
    hold(y, acting.hold_y);
    VectorXd fired = VectorXd::Zero(S);  // y on the neurons, 0 on sensory nodes
    fired.head(n) = y;
    switch (rules_.source) {
      case rules::source_rule::y:
        W = fired;
        break;
      case rules::source_rule::gain_y:
        W = gain(fired) * fired;
        break;
      case rules::source_rule::leaky:
        W = W + gain(fired) * fired;
        W = gain(W) * W;
        break;
    }
  };

  drive();
  for (int layer = 0; layer < graph_.layers; ++layer) {
    trace.x.push_back(x);
    for (const action a : rounds) {
      if (a == action::propagate) propagate(sigma[layer]);
      if (a == action::reweight && !acting.frozen)
        sigma[layer] += (W * x.transpose()).cwiseProduct(graph_.rate);
      if (a == action::decay) decay(sigma[layer]);
      if (a == action::fire) fire();
      if (a == action::drive && layer + 1 < graph_.layers) drive();
    }
    trace.A.push_back(A);
    trace.y.push_back(y);
    trace.W.push_back(W);
  }
  trace.logits = graph_.Gout * W;
  return trace;
}

std::vector<token_trace> graph_form::run(const std::vector<int>& tokens) {
  std::vector<token_trace> traces;
  for (const int token : tokens) traces.push_back(step(token));
  return traces;
}

}  // namespace oracle
