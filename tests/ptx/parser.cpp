#include "ptx/parser.hpp"

#include <charconv>
#include <map>
#include <optional>

#include "ptx/operations.hpp"
#include "ptx/scanner.hpp"

namespace tests::ptx {
namespace {

using texts = std::vector<std::string>;

// Bytes of a value in memory, by type.
const std::map<std::string, std::uint8_t> stored_types = {
    {"u8", 1},  {"b8", 1},  {"u16", 2}, {"b16", 2}, {"u32", 4}, {"s32", 4},
    {"b32", 4}, {"f32", 4}, {"u64", 8}, {"s64", 8}, {"b64", 8}, {"f64", 8}};

const std::map<std::string, std::uint32_t> special_registers = {{"%tid.x", special::thread},
                                                                {"%ctaid.x", special::block},
                                                                {"%nctaid.x", special::blocks},
                                                                {"%ntid.x", special::threads}};

// Whole, or the bits of a float: 0f3F800000.
std::optional<word> number(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const bool hexadecimal =
      text.starts_with("0f") || text.starts_with("0d") || text.starts_with("0x");
  if (hexadecimal) text.remove_prefix(2);
  word value = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value, hexadecimal ? 16 : 10);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) return {};
  return negative ? word{0} - value : value;
}

class kernel_parser {
 public:
  kernel_parser(scanner& in, std::string name) : in_(in) { made_.name = std::move(name); }

  kernel parse() {
    for (const std::string& p : parameters()) add_parameter(parts(p, ' '));
    read_directives(parts(in_.until("{"), ' '));
    in_.skip();
    while (in_.peek() != '}') read_line();
    for (const auto& [at, label] : branches_) {
      const auto found = labels_.find(label);
      if (found == labels_.end()) refuse("no label " + label);
      made_.code[at].target = found->second;
    }
    return std::move(made_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw fault("line " + std::to_string(line_) + ": " + what);
  }

  texts parameters() {
    line_ = in_.line();
    if (in_.peek() != '(') return {};
    in_.skip();
    texts all = parts(in_.until(")"), ',');
    in_.skip();
    return all;
  }
  // .param .align 8 .b8 name[48], or .param .u32 name
  void add_parameter(const texts& words) {
    const bool aligned = words.size() == 5 && words[1] == ".align";
    if (words[0] != ".param" || (!aligned && words.size() != 3)) refuse("a parameter " + words[0]);
    const std::string& type = words[words.size() - 2];
    const std::size_t bytes = bytes_of(type.substr(1));
    const std::size_t align = aligned ? *number(words[2]) : bytes;
    const std::size_t bracket = words.back().find('[');
    std::size_t elements = 1;
    if (bracket != std::string::npos)
      elements = *number(words.back().substr(bracket + 1, words.back().size() - bracket - 2));
    const std::size_t offset = (made_.parameter_bytes + align - 1) / align * align;
    parameter_at_[words.back().substr(0, bracket)] = offset;
    made_.parameters.push_back({offset, elements * bytes});
    made_.parameter_bytes = offset + elements * bytes;
  }
  // .maxntid 256, 1, 1 .minnctapersm 3
  void read_directives(const texts& words) {
    for (std::size_t k = 0; k + 1 < words.size(); ++k)
      if (words[k] == ".maxntid")
        made_.block_threads = static_cast<std::uint32_t>(
            number(words[k + 1].substr(0, words[k + 1].find(','))).value_or(0));
  }

  void read_line() {
    if (in_.peek() == '{') in_.refuse("a scope within a kernel");
    line_ = in_.line();
    const std::string statement = in_.until(";:");
    const bool label = in_.peek() == ':';
    in_.skip();
    if (label)
      labels_[statement] = static_cast<std::uint32_t>(made_.code.size());
    else if (statement[0] == '.')
      read_directive(statement);
    else
      read_instruction(statement);
  }
  void read_directive(const std::string& statement) const {
    if (!statement.starts_with(".reg") && !statement.starts_with(".pragma"))
      refuse("unknown directive " + statement);
  }

  // Registers, constants, parameters.

  std::size_t bytes_of(const std::string& type) const {
    const auto found = stored_types.find(type);
    if (found == stored_types.end()) refuse("unknown type " + type);
    return found->second;
  }
  std::uint32_t constant(word value) {
    const auto [at, fresh] = constants_.emplace(value, made_.registers);
    if (fresh) made_.constants.emplace_back(made_.registers++, value);
    return at->second;
  }
  std::uint32_t register_of(const std::string& name) {
    if (const auto found = special_registers.find(name); found != special_registers.end())
      return found->second;
    const std::size_t digits = name.find_first_of("0123456789");
    if (name[0] != '%' || digits == name.npos || !number(name.substr(digits)))
      refuse("unknown register " + name);
    const auto [at, fresh] = registers_.emplace(name, made_.registers);
    made_.registers += fresh ? 1 : 0;
    return at->second;
  }
  std::uint32_t written(const std::string& name) {
    if (special_registers.contains(name)) refuse(name + " is written");
    return register_of(name);
  }
  std::uint32_t operand(const std::string& text) {
    if (text == "WARP_SZ") return constant(32);
    const std::optional<word> value = number(text);
    return value ? constant(*value) : register_of(text);
  }
  static texts elements(const std::string& operand) {  // {%f1, %f2} or %f1
    if (operand[0] != '{') return {operand};
    return parts(std::string_view(operand).substr(1, operand.size() - 2), ',');
  }

  void read_instruction(const std::string& statement);
  void read_guard(instruction& i, std::string& statement);
  void read_memory(instruction& i, const std::string& name, const texts& operands);
  void read_address(instruction& i, const std::string& operand);
  void read_exchange(instruction& i, const std::string& name, const texts& operands);
  void read_computation(instruction& i, const std::string& name, const texts& operands);
  void expect_operands(const std::string& name, const texts& operands, std::size_t count) const {
    if (operands.size() != count)
      refuse(name + ": " + std::to_string(operands.size()) + " operands, expected " +
             std::to_string(count));
  }

  scanner& in_;
  kernel made_;
  std::uint32_t line_ = 0;
  std::map<std::string, std::uint32_t> registers_, labels_;
  std::map<word, std::uint32_t> constants_;
  std::map<std::string, std::size_t> parameter_at_;
  std::vector<std::pair<std::size_t, std::string>> branches_;
};

// @%p1 or @!%p1 in front.
void kernel_parser::read_guard(instruction& i, std::string& statement) {
  if (statement[0] != '@') return;
  const std::size_t end = statement.find_first_of(" \t");
  i.guard_is = statement[1] != '!';
  i.guard = register_of(statement.substr(i.guard_is ? 1 : 2, end - (i.guard_is ? 1 : 2)));
  statement = parts(statement.substr(end), ';').at(0);
}

void kernel_parser::read_instruction(const std::string& text) {
  instruction i;
  i.line = line_;
  std::string statement = text;
  read_guard(i, statement);
  const std::size_t end = statement.find_first_of(" \t\n");
  const std::string name = statement.substr(0, end);
  const texts operands =
      end == name.npos ? texts{} : parts(std::string_view(statement).substr(end), ',');
  if (name == "ret") {
    i.what = action::leave;
  } else if (name == "bra" || name == "bra.uni") {
    expect_operands(name, operands, 1);
    i.what = action::branch;
    branches_.emplace_back(made_.code.size(), operands[0]);
  } else if (name == "bar.warp.sync") {
    expect_operands(name, operands, 1);
    i.what = action::meet;
    i.from[0] = operand(operands[0]);
  } else if (name.starts_with("shfl.")) {
    read_exchange(i, name, operands);
  } else if (name.starts_with("ld.") || name.starts_with("st.")) {
    read_memory(i, name, operands);
  } else {
    read_computation(i, name, operands);
  }
  made_.code.push_back(i);
}

// [register+12] or [parameter+12]
void kernel_parser::read_address(instruction& i, const std::string& operand) {
  if (operand.size() < 3 || operand.front() != '[' || operand.back() != ']')
    refuse("the address " + operand);
  const std::string inner = operand.substr(1, operand.size() - 2);
  const std::size_t plus = inner.find('+');
  if (plus != inner.npos) {
    const std::optional<word> offset = number(inner.substr(plus + 1));
    if (!offset) refuse("the address " + operand);
    i.offset = static_cast<std::int64_t>(*offset);
  }
  const std::string base = inner.substr(0, plus);
  if (const auto found = parameter_at_.find(base); found != parameter_at_.end()) {
    i.from[0] = special::parameters;
    i.offset += static_cast<std::int64_t>(found->second);
  } else {
    i.from[0] = register_of(base);
  }
}

// ld or st, .global or .param or neither, .v2 or .v4 or neither, and the type.
void kernel_parser::read_memory(instruction& i, const std::string& name, const texts& operands) {
  texts words = parts(name, '.');
  const bool load = words[0] == "ld";
  const auto type = stored_types.find(words.back());
  std::size_t at = 1;
  if (words[at] == "global" || (load && words[at] == "param")) ++at;
  if (at < words.size() && (words[at] == "v2" || words[at] == "v4"))
    i.elements = words[at++] == "v2" ? 2 : 4;
  // Bytes are only read: what is written is known by twos.
  if (type == stored_types.end() || at + 1 != words.size() || (!load && type->second == 1))
    refuse("unknown instruction " + name);
  expect_operands(name, operands, 2);
  i.what = load ? action::load : action::store;
  i.bytes = type->second;
  read_address(i, operands[load ? 1 : 0]);
  const texts values = elements(operands[load ? 0 : 1]);
  if (values.size() != i.elements) refuse(name + ": another number of values");
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (load)
      i.to[k] = written(values[k]);
    else
      i.from[k + 1] = operand(values[k]);
  }
}

// value|found, from, lane or distance, clamp and segment, mask
void kernel_parser::read_exchange(instruction& i, const std::string& name, const texts& operands) {
  i.butterfly = name == "shfl.sync.bfly.b32";
  if (!i.butterfly && name != "shfl.sync.idx.b32") refuse("unknown instruction " + name);
  expect_operands(name, operands, 5);
  i.what = action::exchange;
  const texts results = parts(operands[0], '|');
  for (std::size_t k = 0; k < results.size() && k < 2; ++k) i.to[k] = written(results[k]);
  for (std::size_t k = 0; k < 4; ++k) i.from[k] = operand(operands[k + 1]);
}

// result, operands; a pair of registers is written {low, high}
void kernel_parser::read_computation(instruction& i, const std::string& name,
                                     const texts& operands) {
  if (operands.size() < 2) refuse("unknown instruction " + name);
  const texts results = elements(operands[0]);
  texts values = elements(operands[1]);
  std::string known_as = name;
  if (results.size() > 1) known_as = "{} " + name;
  if (values.size() > 1) known_as = name + " {}";
  const known_operation known = find_operation(known_as);
  values.insert(values.end(), operands.begin() + 2, operands.end());
  if (!known.compute) refuse("unknown instruction " + name);
  expect_operands(name, values, known.operands);
  i.compute = known.compute;
  for (std::size_t k = 0; k < results.size() && k < 2; ++k) i.to[k] = written(results[k]);
  if (const auto p = parameter_at_.find(values.at(0)); p != parameter_at_.end()) {
    if (name != "mov.b64" && name != "mov.u64") refuse(name + " of a parameter");
    i.compute = find_operation("add.u64").compute;
    i.from[0] = special::parameters;
    i.from[1] = constant(p->second);
    return;
  }
  for (std::size_t k = 0; k < values.size(); ++k) i.from[k] = operand(values[k]);
}

}  // namespace

std::vector<kernel> parse(std::string_view text,
                          const std::function<bool(const std::string&)>& wanted) {
  std::vector<kernel> all;
  scanner in(text);
  while (in.find(".entry")) {
    const std::string name = parts(in.until("({."), ' ').at(0);
    if (wanted(name)) all.push_back(kernel_parser(in, name).parse());
  }
  return all;
}

}  // namespace tests::ptx
