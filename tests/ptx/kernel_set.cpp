#include "ptx/kernel_set.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <typeinfo>

#include "gpu/programs/program_list.hpp"
#include "ptx/parser.hpp"

namespace tests::ptx {
namespace {

std::string demangled(const std::string& name) {
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(name.c_str(), nullptr, nullptr, nullptr), std::free);
  return text ? text.get() : name;
}

// run<bdh::gpu::fire_x> of void bdh::gpu::(anonymous namespace)::run<bdh::gpu::fire_x>(...); empty
// where it is not one of ours: CUB's are left out.
std::string kernel_name(const std::string& mangled) {
  const std::string name = demangled(mangled);
  const std::string ours = "void bdh::gpu::(anonymous namespace)::";
  if (!name.starts_with(ours)) return {};
  return name.substr(ours.size(), name.find('(', ours.size()) - ours.size());
}

using named_kernels = std::map<std::string, kernel>;

kernel take(named_kernels& from, const std::string& name) {
  auto found = from.extract(name);
  if (found.empty()) throw fault("the PTX has no kernel " + name);
  return std::move(found.mapped());
}

template <class... Programs>
std::vector<program_kernels> all_kernels(bdh::gpu::program_set<Programs...>, named_kernels& from) {
  const auto of = [&](const std::type_info& program) {
    const std::string name = demangled(program.name());
    return program_kernels{.alone = take(from, "run<" + name + ">"),
                           .together = take(from, "run_together<" + name + ">")};
  };
  return {of(typeid(Programs))...};
}

}  // namespace

kernel_set::kernel_set(std::string_view text) {
  named_kernels found;
  for (kernel& k :
       parse(text, [](const std::string& name) { return !kernel_name(name).empty(); })) {
    k.name = kernel_name(k.name);
    const std::string name = k.name;
    found.emplace(name, std::move(k));
  }
  programs_ = all_kernels(bdh::gpu::programs{}, found);
  if (!found.empty()) throw fault("no program for the kernel " + found.begin()->first);
}

void kernel_set::add(const counts& more) {
  counted_.launches += more.launches;
  counted_.instructions += more.instructions;
  counted_.barriers += more.barriers;
  counted_.exchanges += more.exchanges;
}

std::vector<std::string> kernel_set::never_launched() const {
  std::vector<std::string> names;
  for (const program_kernels& p : programs_)
    for (const kernel* k : {&p.alone, &p.together})
      if (!launches_.contains(k->name)) names.push_back(k->name);
  return names;
}

std::string kernel_set::summary() const {
  return std::to_string(launched()) + " of " + std::to_string(2 * programs_.size()) + " kernels, " +
         std::to_string(counted_.launches) + " launches, " + std::to_string(counted_.instructions) +
         " instructions, " + std::to_string(counted_.barriers) + " barriers, " +
         std::to_string(counted_.exchanges) + " exchanges";
}

}  // namespace tests::ptx
