// The protocol of an experiment: what is done to the network under which condition, and how often.
// A JSON file,
//
//     {"trials": 10,
//      "interventions": ["freeze"],                                      in every condition
//      "conditions": {
//        "control": [],
//        "pulse": ["stimulate x:5-9 0.4 at 100,200 for 3",
//                  {"do": "noise", "on": "x:0-99", "mean": 0, "deviation": 0.1, "from": 50},
//                  {"do": "clamp", "on": "y:3", "course": "ramp.csv:amplitude", "every": 100}]}}
//
// or only a list of interventions; or a CSV file with a row for each and the columns condition, do,
// on, value, ...: the keys of such an object. An empty condition: in every one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <bdh/model.hpp>

namespace bdh {

struct protocol_condition {
  std::string name;                        // empty, where the file has no conditions
  std::vector<std::string> interventions;  // texts, as parse_intervention() reads them
};

struct protocol {
  std::vector<protocol_condition> conditions;  // one or more; of JSON by name
  std::optional<std::uint64_t> trials;         // of each condition

  // Throws input_error with the names that there are.
  const protocol_condition& condition(const std::string& name) const;
};

// Everything in it is checked against the model. Throws input_error with the place of what is
// wrong: a file that cannot be read, a key or column that is not known, an intervention.
protocol read_protocol(const std::filesystem::path& file, const model& m);

}  // namespace bdh
