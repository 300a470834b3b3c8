// Errors from below, thrown on with the file that they come from: same kind, longer place.
#pragma once

#include <string>
#include <utility>

#include <bdh/error.hpp>

namespace bdh {

// Calls `work`; an error keeps its kind and gets the place that `rename` makes of its own.
template <class Rename, class Work>
auto with_context(Rename rename, Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const error& e) {
    throw_error(e.kind(), rename(e.place()), e.found(), e.expected(), e.hint());
  }
}

// As a file reader needs it: `prefix` goes in front of places that do not name the file yet. The
// prefix starts with the file's name and a colon.
template <class Work>
auto with_prefix(const std::string& prefix, Work work) -> decltype(work()) {
  const std::string file = prefix.substr(0, prefix.rfind(":/") + 2);
  return with_context(
      [&](const std::string& place) { return place.starts_with(file) ? place : prefix + place; },
      std::move(work));
}

// As a file writer needs it: places that name the temporary file get the name that users know.
template <class Work>
auto with_file_name(const std::string& temporary, const std::string& name, Work work)
    -> decltype(work()) {
  return with_context(
      [&](const std::string& place) {
        return place.starts_with(temporary) ? name + place.substr(temporary.size()) : place;
      },
      std::move(work));
}

}  // namespace bdh
