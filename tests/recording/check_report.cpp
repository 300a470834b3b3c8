// check_report FILE...            the layout of recordings; prints each one's commit marker
// check_report --begins PART WHOLE  also: what is committed in PART is what WHOLE begins with
#include <iostream>
#include <string>
#include <vector>

#include "sonata_check.hpp"

int main(int argc, char** argv) {
  std::vector<std::string> files(argv + 1, argv + argc);
  sonata::faults found;
  if (files.size() == 3 && files[0] == "--begins") {
    files.erase(files.begin());
    found = sonata::beginning(files[0], files[1]);
  }
  for (const std::string& f : files) {
    const sonata::faults more = sonata::structure(f);
    found.insert(found.end(), more.begin(), more.end());
    if (more.empty()) std::cout << sonata::committed_until(f) << ' ' << f << '\n';
  }
  for (const std::string& f : found) std::cerr << f << '\n';
  return found.empty() && !files.empty() ? 0 : 1;
}
