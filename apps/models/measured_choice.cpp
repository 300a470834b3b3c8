#include "apps/models/measured_choice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include <bdh/error.hpp>

#include "apps/common/console.hpp"
#include "io/files/sha256.hpp"
#include "io/graph/measured_files.hpp"

namespace bdh::app {
namespace {

constexpr range<double> positive{std::numeric_limits<double>::min(), 1e15, "a number > 0"};
constexpr range<double> chance{std::numeric_limits<double>::min(), 1, "0 < P <= 1"};

// The name of a file, and which bytes it had.
void add_file(random_model_recipe& to, const std::string& what, const std::string& file) {
  to.from.push_back({what, std::filesystem::path(file).filename().string()});
  to.from.push_back({what + "_sha256", sha256_of_file(file)});
}

void take_neurons(measured_neurons&& n, random_model_recipe& to) {
  to.names = std::move(n.names);
  to.inhibits = std::move(n.inhibits);
  to.not_used = std::move(n.not_used);
}

}  // namespace

void measured_choice::add_to(command_line& command) {
  const auto file = [&](const char* name, std::optional<std::string>& target, const char* help) {
    command.add(name, target, help).type_name("FILE").group("Measured graphs (CSV with a header)");
  };
  file("--degrees", degrees,
       "degrees: columns out and in, a row for each neuron; may have name and sign");
  file("--positions", positions,
       "distance: columns x, y and perhaps z, a row for each neuron; may have name and sign");
  command.add("--kernel", kernel, "distance: exponential exp(-d/L) or gaussian exp(-d^2/(2 L^2))")
      .type_name("NAME")
      .one_of({"exponential", "gaussian"})
      .group("Measured graphs (CSV with a header)");
  add_number(command, "--length", length, positive, "distance: L, in the unit of the positions")
      .group("Measured graphs (CSV with a header)");
  add_number(command, "--probability", probability, chance,
             "distance: of an edge between neurons at one place")
      .group("Measured graphs (CSV with a header)");
  file("--populations", populations, "populations: columns population, size, sign");
  file("--probabilities", probabilities,
       "populations: columns source, target, probability, of populations");
}

bool measured_choice::is_family(const std::string& family) {
  return family == "degrees" || family == "distance" || family == "populations";
}

void measured_choice::check(const std::string& family) const {
  const std::pair<const char*, bool> given[] = {{"--degrees", degrees.has_value()},
                                                {"--positions", positions.has_value()},
                                                {"--kernel", !kernel.empty()},
                                                {"--length", length.has_value()},
                                                {"--probability", probability.has_value()},
                                                {"--populations", populations.has_value()},
                                                {"--probabilities", probabilities.has_value()}};
  const auto family_of = [](std::size_t option) {
    if (option == 0) return "degrees";
    return option < 5 ? "distance" : "populations";
  };
  for (std::size_t k = 0; k < std::size(given); ++k) {
    if (given[k].second && family != family_of(k))
      throw usage_error(given[k].first, fmt::format("is for the family {}", family_of(k)));
    if (!given[k].second && family == family_of(k))
      throw usage_error(given[k].first, "needed for " + family);
  }
}

void measured_choice::read(const std::string& family, random_model_recipe& to,
                           std::vector<std::string>& remarks) const {
  if (family == "degrees") {
    measured_degrees m = read_degrees(*degrees);
    add_file(to, "degrees", *degrees);
    take_neurons(std::move(m.neurons), to);
    to.measured = std::make_shared<measured_graph>(std::move(m.degrees));
  } else if (family == "distance") {
    measured_positions m = read_positions(*positions);
    add_file(to, "positions", *positions);
    to.from.push_back({"kernel", kernel});
    to.from.push_back({"length", shown(*length)});
    to.from.push_back({"probability", shown(*probability)});
    take_neurons(std::move(m.neurons), to);
    to.measured = std::make_shared<measured_graph>(distance_rule{
        .positions = std::move(m.positions),
        .kernel = kernel == "gaussian" ? distance_kernel::gaussian : distance_kernel::exponential,
        .length = *length,
        .probability = *probability});
  } else {
    measured_populations m = read_populations(*populations, *probabilities);
    add_file(to, "populations", *populations);
    add_file(to, "probabilities", *probabilities);
    std::uint64_t first = 0;
    for (std::size_t p = 0; p < m.populations.size(); first += m.blocks.sizes[p++])
      to.from.push_back({"population " + m.populations[p],
                         fmt::format("{}-{}", first, first + m.blocks.sizes[p] - 1)});
    if (m.pairs_not_listed != 0)
      remarks.push_back(fmt::format("{}: {} of {} pairs of populations are not listed: no edges",
                                    *probabilities, m.pairs_not_listed,
                                    m.populations.size() * m.populations.size()));
    take_neurons(std::move(m.neurons), to);
    to.measured = std::make_shared<measured_graph>(std::move(m.blocks));
  }
  to.graph.neurons = neurons_of(*to.measured);
}

}  // namespace bdh::app
