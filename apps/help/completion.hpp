// What could stand where the cursor is, for the completion of words in a shell: commands, options,
// their legal values, or paths.
#pragma once

#include <string>
#include <vector>

#include "apps/common/command_line.hpp"

namespace bdh::app {

// Which paths the shell should offer besides the words.
enum class path_kind { none, files, folders };

// What the value is, by the name that stands for it in the help: FILE, MODEL, RUN and the like.
path_kind paths_of(const option_description& one);

struct completion {
  struct candidate {
    std::string word, help;
  };
  std::vector<candidate> words;
  path_kind paths = path_kind::none;
};

// `words` follow the name of the program; the last one is the one at the cursor, and may be empty.
// Candidates begin with it.
completion complete(const command_description& program, const std::vector<std::string>& words);

// For the shells' functions: the kind of paths on the first line, then a candidate a line, its help
// after a tab.
std::string as_lines(const completion& found);

}  // namespace bdh::app
