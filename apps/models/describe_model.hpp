// A model in words and in JSON, for bdh info.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace bdh {
class model;
}

namespace bdh::app {

std::string model_text(const model& m);
nlohmann::ordered_json model_json(const model& m);

// The round table of a token in the paper's notation, with the hops that each rule takes over the
// model's edges.
std::string rounds_text(const model& m);
nlohmann::ordered_json rounds_json(const model& m);
// Those of a token that learns; empty, where the model cannot.
nlohmann::ordered_json learning_rounds_json(const model& m);

}  // namespace bdh::app
