// The oracle itself: its two forms against each other, against the authors' float32 output, and
// against arithmetic on paper.
#include "oracle.hpp"

#include <doctest/doctest.h>
#include <hdf5.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <string>
#include <vector>

using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

const std::string data = BDH_SOURCE_DIR "/tests/data/random-64/";
const std::vector<int> fixed_tokens = {72, 0,   255, 17,  72, 72,  101, 3,  9,   200, 17, 64,
                                       31, 255, 0,   128, 99, 101, 5,   72, 244, 13,  13, 77};

double largest(const MatrixXd& m) { return m.size() == 0 ? 0 : m.cwiseAbs().maxCoeff(); }

// Largest difference of any element, relative to the largest element of `expected`.
double difference(const MatrixXd& found, const MatrixXd& expected) {
  REQUIRE(found.rows() == expected.rows());
  REQUIRE(found.cols() == expected.cols());
  return largest(found - expected) / std::max(largest(expected), 1e-300);
}

oracle::weights random_model(int d, int heads, int neurons_per_head, int layers, int vocabulary,
                             std::uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal(0, 0.4);
  const auto fill = [&](int rows, int columns) {
    return MatrixXd(MatrixXd::NullaryExpr(rows, columns, [&] { return normal(generator); }));
  };
  oracle::weights m;
  m.n = heads * neurons_per_head;
  m.d = d;
  m.heads = heads;
  m.vocabulary = vocabulary;
  m.layers = layers;
  m.E = fill(d, m.n);
  m.Dx = fill(m.n, d);
  m.Dy = fill(m.n, d);
  m.embedding = fill(vocabulary, d);
  m.readout = fill(d, vocabulary);
  m.frequency = oracle::geometric_frequency(neurons_per_head);
  return m;
}

// U = u R as a dense matrix.
MatrixXd dense_U(const oracle::weights& m) {
  MatrixXd U = MatrixXd::Identity(m.n, m.n);
  const int N = m.n / m.heads;
  for (int head = 0; head < m.heads; ++head)
    for (int pair = 0; pair < static_cast<int>(m.frequency.size()); ++pair) {
      const double angle = 2 * std::numbers::pi * m.frequency[pair];
      U.block<2, 2>(head * N + 2 * pair, head * N + 2 * pair) << std::cos(angle), -std::sin(angle),
          std::sin(angle), std::cos(angle);
    }
  return m.retention * U;
}

// The graph form of the released variant is the tensor form: logits, x, y, the stream v = C B W,
// and rho.
void check_forms_agree(const oracle::weights& m, const std::vector<int>& tokens) {
  const oracle::tensor_trace tensor = oracle::tensor_form(m, tokens);
  oracle::graph_form graph(m, oracle::variant::gpu_release);
  const std::vector<oracle::token_trace> steps = graph.run(tokens);

  const int T = static_cast<int>(tokens.size());
  const auto reduce_blocks = [&](int columns, auto&& row) {
    MatrixXd rows(T, columns);
    for (int t = 0; t < T; ++t) rows.row(t) = row(steps[t]).transpose();
    return rows;
  };
  const double logits = difference(
      reduce_blocks(m.vocabulary, [](const auto& s) { return s.logits; }), tensor.logits);
  CHECK(logits < 1e-12);
  double worst_x = 0, worst_y = 0, worst_v = 0, worst_rho = 0;
  for (int l = 0; l <= m.layers; ++l)
    worst_v = std::max(
        worst_v,
        difference(
            reduce_blocks(m.d, [&](const auto& s) { return VectorXd(graph.graph().hub * s.W[l]); }),
            tensor.v[l]));
  const MatrixXd U = dense_U(m);
  for (int l = 0; l < m.layers; ++l) {
    worst_x = std::max(
        worst_x,
        difference(reduce_blocks(m.n, [&](const auto& s) { return s.x[l]; }), tensor.x[l]));
    worst_y = std::max(
        worst_y,
        difference(reduce_blocks(m.n, [&](const auto& s) { return s.y[l]; }), tensor.y[l]));
    MatrixXd rho = MatrixXd::Zero(m.d, m.n);  // Eq. 5
    for (int t = 0; t < T; ++t)
      rho = (rho + tensor.v[l].row(t).transpose() * tensor.x[l].row(t)) * U;
    worst_rho = std::max(worst_rho, difference(graph.rho(l), rho));
  }
  CHECK(worst_x < 1e-12);
  CHECK(worst_y < 1e-12);
  CHECK(worst_v < 1e-12);
  CHECK(worst_rho < 1e-12);
  MESSAGE("n ", m.n, ", heads ", m.heads, ", u ", m.retention, ": graph - tensor: logits ", logits,
          ", x ", worst_x, ", y ", worst_y, ", v ", worst_v, ", rho ", worst_rho);
}

std::vector<double> read_all(hid_t file, const std::string& name) {
  const hid_t set = H5Dopen2(file, name.c_str(), H5P_DEFAULT);
  REQUIRE(set >= 0);
  const hid_t space = H5Dget_space(set);
  std::vector<double> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
  REQUIRE(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
  H5Sclose(space);
  H5Dclose(set);
  return values;
}

// (T, layers, width) -> the T x width matrix of one layer.
MatrixXd layer_of(const std::vector<double>& values, int T, int layers, int width, int layer) {
  MatrixXd result(T, width);
  for (int t = 0; t < T; ++t)
    for (int i = 0; i < width; ++i)
      result(t, i) = values[(static_cast<std::size_t>(t) * layers + layer) * width + i];
  return result;
}

// Three neurons that are their own sources, no sensory nodes, no hubs, one layer.
oracle::circuits three_neurons(double u) {
  oracle::circuits c;
  c.n = 3;
  c.layers = 1;
  c.Gx = MatrixXd(3, 3);
  c.Gx << 1, 0, -1, 1, 1, 0, -2, 2, 3;
  c.Gy = MatrixXd(3, 3);
  c.Gy << 1, 5, -3, 1, 0, -1, -1, 2, 3;
  c.Gout = MatrixXd(2, 3);
  c.Gout << 1, 2, 0, 0, 1, -1;
  c.token = MatrixXd(3, 2);
  c.token << 2, 0, 0, 3, 1, 0;  // token 0: W = (2, 0, 1); token 1: W = (0, 3, 0)
  c.pool = c.hub = MatrixXd::Identity(3, 3);
  c.rate = MatrixXd::Ones(3, 3);
  c.damping = MatrixXd::Constant(3, 3, u);
  return c;
}

MatrixXd matrix3(std::vector<double> row_major) {
  return Eigen::Map<Eigen::Matrix<double, 3, 3, Eigen::RowMajor>>(row_major.data());
}
VectorXd vector_of(std::vector<double> v) {
  return Eigen::Map<VectorXd>(v.data(), static_cast<Eigen::Index>(v.size()));
}

oracle::graph_form three_neuron_bdh(double u) {
  return {three_neurons(u), oracle::rules_of(oracle::variant::bdh)};
}

}  // namespace

TEST_CASE("the neuron graph of a released checkpoint gives the tensor form's numbers") {
  oracle::weights m = oracle::load_released(data + "model.safetensors");
  CHECK(m.n == 64);
  CHECK(m.d == 8);
  CHECK(m.heads == 2);
  CHECK(m.layers == 3);
  CHECK(m.vocabulary == 256);
  CHECK(m.frequency.size() == 16);
  for (const double u : {1.0, 0.9}) {
    m.retention = u;
    check_forms_agree(m, fixed_tokens);
  }
}

TEST_CASE("graph and tensor form agree on random models") {
  std::vector<int> tokens;
  for (const int token : fixed_tokens) tokens.push_back(token % 11);
  std::vector<oracle::weights> models = {
      random_model(6, 1, 20, 2, 11, 1), random_model(16, 1, 70, 4, 11, 2),
      random_model(5, 2, 12, 3, 11, 3), random_model(12, 3, 14, 2, 11, 4),
      random_model(9, 3, 32, 5, 11, 5)};
  models[0].frequency.clear();  // one without rotation
  for (oracle::weights& m : models)
    for (const double u : {1.0, 0.9}) {
      m.retention = u;
      check_forms_agree(m, tokens);
    }
}

TEST_CASE("the tensor form gives what the authors' program gave in float32") {
  const oracle::weights m = oracle::load_released(data + "model.safetensors");
  const hid_t file = H5Fopen((data + "expected.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  REQUIRE(file >= 0);
  const std::vector<double> stored_tokens = read_all(file, "tokens"),
                            greedy = read_all(file, "greedy");
  const std::vector<double> logits = read_all(file, "logits"), x = read_all(file, "x"),
                            y = read_all(file, "y"), v = read_all(file, "v");
  H5Fclose(file);

  const std::vector<int> tokens(stored_tokens.begin(), stored_tokens.end());
  const int T = static_cast<int>(tokens.size());
  const oracle::tensor_trace trace = oracle::tensor_form(m, tokens);
  const double worst_logit = difference(trace.logits, layer_of(logits, T, 1, m.vocabulary, 0));
  CHECK(worst_logit < 1e-4);
  double worst_x = 0, worst_y = 0, worst_v = 0;
  for (int l = 0; l < m.layers; ++l) {
    worst_x = std::max(worst_x, difference(trace.x[l], layer_of(x, T, m.layers, m.n, l)));
    worst_y = std::max(worst_y, difference(trace.y[l], layer_of(y, T, m.layers, m.n, l)));
  }
  for (int l = 0; l <= m.layers; ++l)
    worst_v = std::max(worst_v, difference(trace.v[l], layer_of(v, T, m.layers + 1, m.d, l)));
  CHECK(worst_x < 1e-4);
  CHECK(worst_y < 1e-4);
  CHECK(worst_v < 1e-4);
  MESSAGE("double - float32: logits ", worst_logit, ", x ", worst_x, ", y ", worst_y, ", v ",
          worst_v);

  // The continuation, too, one argmax after the other.
  const std::vector<int> whole(greedy.begin(), greedy.end());
  const MatrixXd continued = oracle::tensor_form(m, whole).logits;
  for (int t = T - 1; t + 1 < static_cast<int>(whole.size()); ++t) {
    Eigen::Index next = 0;
    continued.row(t).maxCoeff(&next);
    CHECK(next == whole[t + 1]);
  }
}

TEST_CASE("the graph follows Eq. 7 and 8 written with rho") {
  std::vector<int> tokens;
  for (const int token : fixed_tokens) tokens.push_back(token % 11);
  oracle::weights m = random_model(6, 1, 20, 3, 11, 6);
  m.E *= 0.2;  // Eq. 7 has nothing that keeps it from overflowing
  m.retention = 0.9;
  const MatrixXd U = dense_U(m);
  for (const bool normalised : {false, true}) {  // Eq. 7, Eq. 8
    const auto LN = [&](const VectorXd& z) {
      if (!normalised) return z;
      const VectorXd centred = z.array() - z.mean();
      return VectorXd(centred / std::sqrt(centred.squaredNorm() / m.d + m.epsilon));
    };
    oracle::graph_form graph(m,
                             normalised ? oracle::variant::gpu_paper : oracle::variant::normfree);
    std::vector<MatrixXd> rho(m.layers, MatrixXd::Zero(m.d, m.n));
    MatrixXd expected(tokens.size(), m.vocabulary), found = expected;
    for (int t = 0; t < static_cast<int>(tokens.size()); ++t) {
      VectorXd v = LN(m.embedding.row(tokens[t]).transpose()), x = VectorXd::Zero(m.n);
      for (int l = 0; l < m.layers; ++l) {
        x += (m.Dx * v).cwiseMax(0.0);
        const VectorXd y = (m.Dy * LN(rho[l] * x)).cwiseMax(0.0).cwiseProduct(x);
        rho[l] = (rho[l] + v * x.transpose()) * U;
        v = LN(m.E * y);
      }
      expected.row(t) = (m.readout.transpose() * v).transpose();
      found.row(t) = graph.step(tokens[t]).logits.transpose();
    }
    CHECK(expected.allFinite());
    CHECK(largest(expected) > 0);
    CHECK(difference(found, expected) < 1e-12);
    for (int l = 0; l < m.layers; ++l) CHECK(difference(graph.rho(l), rho[l]) < 1e-12);
    MESSAGE(std::string(normalised ? "gpu-paper" : "normfree"), ": logits ",
            difference(found, expected), ", largest logit ", largest(expected));
  }
}

//      Gx = [ 1  0 -1 ]   Gy = [ 1  5 -3 ]   Gout = [ 1  2  0 ]    token 0: W = (2, 0, 1)
//           [ 1  1  0 ]        [ 1  0 -1 ]          [ 0  1 -1 ]    token 1: W = (0, 3, 0)
//           [-2  2  3 ]        [-1  2  3 ]
TEST_CASE("three neurons by hand: a synapse is W(post) X(pre), and only the next token reads it") {
  oracle::graph_form graph = three_neuron_bdh(1.0);

  // Token 0. X = (Gx W)_+ = (2-1, 2+0, -4+3)_+ = (1, 2, 0). No synapse yet: A = 0, Y = 0, W = 0.
  oracle::token_trace trace = graph.step(0);
  CHECK(trace.W[0] == vector_of({2, 0, 1}));
  CHECK(trace.x[0] == vector_of({1, 2, 0}));
  CHECK(trace.A[0].col(0) == vector_of({0, 0, 0}));
  CHECK(trace.y[0] == vector_of({0, 0, 0}));
  CHECK(trace.logits == vector_of({0, 0}));
  // sigma[j, i] = W(j) X(i): rows 2 (1, 2, 0), 0, 1 (1, 2, 0). Neuron 1 -> neuron 0 has 4, 0 -> 1
  // has nothing.
  CHECK(graph.sigma[0] == matrix3({2, 4, 0, 0, 0, 0, 1, 2, 0}));

  // Token 1. X = (0, 3, 6). A = sigma X = (4*3, 0, 2*3) = (12, 0, 6): reads token 0's synapses, not
  // its own (which would add 135 to A(1)). With the indices swapped it would be sigma^T X = (6, 12,
  // 0). Gy A = (12-18, 12-6, -12+18) = (-6, 6, 6); Y = (Gy A)_+ * X = (0, 18, 36). W = Y. logits =
  // (36, 18-36).
  trace = graph.step(1);
  CHECK(trace.x[0] == vector_of({0, 3, 6}));
  CHECK(trace.A[0].col(0) == vector_of({12, 0, 6}));
  CHECK(trace.y[0] == vector_of({0, 18, 36}));
  CHECK(trace.W[1] == vector_of({0, 18, 36}));
  CHECK(trace.logits == vector_of({36, -18}));
  // Written: row 1 = 3 (0, 3, 6).
  CHECK(graph.sigma[0] == matrix3({2, 4, 0, 0, 9, 18, 1, 2, 0}));

  // Token 0 again. X = (1, 2, 0). A = (2+8, 18, 1+4) = (10, 18, 5). Gy A = (10+90-15, 10-5,
  // -10+36+15) = (85, 5, 41). Y = (85, 10, 0). logits = (85+20, 10).
  trace = graph.step(0);
  CHECK(trace.A[0].col(0) == vector_of({10, 18, 5}));
  CHECK(trace.y[0] == vector_of({85, 10, 0}));
  CHECK(trace.logits == vector_of({105, 10}));
  CHECK(graph.sigma[0] == matrix3({4, 8, 0, 0, 9, 18, 2, 4, 0}));
}

TEST_CASE(
    "three neurons by hand: retention 1/2 in the usual order, before the write, and without "
    "reweighting") {
  SUBCASE("write, then decay: the next token reads a synapse at u") {
    oracle::graph_form graph = three_neuron_bdh(0.5);
    graph.step(0);
    CHECK(graph.sigma[0] == matrix3({1, 2, 0, 0, 0, 0, 0.5, 1, 0}));
    // A = (6, 0, 3), Gy A = (-3, 3, 3), Y = (0, 9, 18); sigma = (sigma + row 1 (0, 9, 18)) / 2.
    CHECK(graph.step(1).y[0] == vector_of({0, 9, 18}));
    CHECK(graph.sigma[0] == matrix3({0.5, 1, 0, 0, 4.5, 9, 0.25, 0.5, 0}));
  }
  SUBCASE("decay, then write: the next token reads it whole") {
    oracle::graph_form graph = three_neuron_bdh(0.5);
    graph.rounds = oracle::decay_before_write;
    graph.step(0);
    CHECK(graph.sigma[0] == matrix3({2, 4, 0, 0, 0, 0, 1, 2, 0}));
    CHECK(graph.step(1).y[0] == vector_of({0, 18, 36}));
    CHECK(graph.sigma[0] == matrix3({1, 2, 0, 0, 9, 18, 0.5, 1, 0}));
  }
  SUBCASE("no reweighting from the start: no synapse, no Y") {
    oracle::graph_form graph = three_neuron_bdh(0.5);
    graph.rounds = oracle::no_reweighting;
    graph.step(0);
    const oracle::token_trace trace = graph.step(1);
    CHECK(trace.x[0] == vector_of({0, 3, 6}));
    CHECK(trace.y[0].isZero(0));
    CHECK(trace.logits.isZero(0));
    CHECK(graph.sigma[0].isZero(0));
  }
  SUBCASE("no reweighting after the first token: what is there is read and fades") {
    oracle::graph_form graph = three_neuron_bdh(0.5);
    graph.step(0);
    graph.rounds = oracle::no_reweighting;
    CHECK(graph.step(1).y[0] == vector_of({0, 9, 18}));
    CHECK(graph.sigma[0] == matrix3({0.5, 1, 0, 0, 0, 0, 0.25, 0.5, 0}));
  }
}

TEST_CASE("three neurons by hand: a rate and a retention of each edge's own") {
  oracle::circuits c = three_neurons(1.0);
  c.rate = matrix3({1, 0, 1, 1, 1, 1, 2, 1, 1});  // no synapse 1 -> 0; 0 -> 2 learns twice as fast
  c.damping = matrix3({0.5, 1, 1, 1, 1, 1, 1, 0.25, 1});  // 0 -> 0 and 1 -> 2 fade
  oracle::graph_form graph(c, oracle::rules_of(oracle::variant::bdh));
  graph.step(0);  // W X^T as above: (2, 4, 0), 0, (1, 2, 0)
  CHECK(graph.sigma[0] == matrix3({1, 0, 0, 0, 0, 0, 2, 0.5, 0}));
}

TEST_CASE("three neurons by hand: a quarter turn") {
  oracle::circuits c = three_neurons(1.0);
  c.frequency = {0.25};  // binds neurons 0 and 1; neuron 2 is left alone
  oracle::graph_form graph(c, oracle::rules_of(oracle::variant::bdh));
  graph.step(0);
  // R = [0 -1; 1 0], so that a row (a, b) R = (b, -a): (2, 4) -> (4, -2), (1, 2) -> (2, -1).
  CHECK((graph.sigma[0] - matrix3({4, -2, 0, 0, 0, 0, 2, -1, 0})).cwiseAbs().maxCoeff() < 1e-15);
  // Token 1, X = (0, 3, 6): A = (-2*3, 0, -1*3) = (-6, 0, -3).
  CHECK((graph.step(1).A[0].col(0) - vector_of({-6, 0, -3})).cwiseAbs().maxCoeff() < 1e-14);
}
