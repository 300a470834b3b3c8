#include "io/checkpoint/configuration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include <bdh/error.hpp>

#include "io/files/json.hpp"

namespace bdh {
namespace {

constexpr const char* beside_name = "config.json beside the file";
constexpr std::size_t max_depth = 16, max_listed = 1000;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::optional<double> number_in(std::string_view text) {
  double number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size() || text.empty())
    return std::nullopt;
  return number;
}

// Of a number, a flag, or a text that is one of these, as metadata have them.
std::optional<double> number_of(const plain_value& v) {
  if (const auto* flag = v.as<bool>()) return *flag ? 1.0 : 0.0;
  if (const auto* integer = v.as<std::int64_t>()) return static_cast<double>(*integer);
  if (const auto* real = v.as<double>()) return *real;
  const auto* const text = v.as<std::string>();
  if (text == nullptr) return std::nullopt;
  const std::string word = lower(*text);
  if (word == "true") return 1.0;
  if (word == "false") return 0.0;
  return number_in(*text);
}

bool is_absent(const plain_value& v) {
  if (v.empty() && v.type.empty()) return true;
  const auto* const text = v.as<std::string>();
  if (text == nullptr) return false;
  const std::string word = lower(*text);
  return word == "none" || word == "null" || word.empty();
}

// A value in a message: short, and what it is where it is no plain value.
std::string shown_value(const plain_value& v) {
  if (const auto* flag = v.as<bool>()) return *flag ? "true" : "false";
  if (const auto number = v.as<std::string>() == nullptr ? number_of(v) : std::nullopt)
    return fmt::format("{}", *number);
  if (const auto* text = v.as<std::string>()) return "'" + text->substr(0, 80) + "'";
  if (const auto* list = v.as<plain_value::list>())
    return fmt::format("a list of {}", list->size());
  if (const auto* map = v.as<plain_value::map>())
    return fmt::format("an object of {} keys", map->size());
  return v.type.substr(0, 80);
}

bool is_among(std::string_view word, std::string_view alternatives) {
  while (!alternatives.empty()) {
    const std::size_t end = std::min(alternatives.find('|'), alternatives.size());
    if (word == alternatives.substr(0, end)) return true;
    alternatives.remove_prefix(std::min(end + 1, alternatives.size()));
  }
  return false;
}

bool is_usual(const plain_value& v, std::string_view usual) {
  if (is_absent(v)) return true;
  if (const auto* list = v.as<plain_value::list>())
    return std::all_of(list->begin(), list->end(),
                       [&](const plain_value& item) { return is_usual(item, usual); });
  if (const auto* map = v.as<plain_value::map>()) return map->empty();
  if (const auto* flag = v.as<bool>(); flag != nullptr && is_among(*flag ? "true" : "false", usual))
    return true;
  if (const auto* text = v.as<std::string>(); text != nullptr && is_among(lower(*text), usual))
    return true;
  if (v.as<bool>() == nullptr)
    if (const auto number = number_of(v); number && is_among(fmt::format("{}", *number), usual))
      return true;
  return v.empty() && is_among(lower(v.type), usual);
}

class reader {
 public:
  explicit reader(const tensor_file& file) : file_(file) {}

  configuration read() && {
    for (const beside_value& b : file_.beside()) read_beside(b);
    read_config_file();
    return std::move(result_);
  }

 private:
  // Where keys are: the name of the place, and those of the objects that they are in.
  struct scope {
    std::string where, path;
    bool inside = true, training = false, outermost = false;
    std::size_t depth = 0;
  };

  void list(const std::string& what, const std::string& where) {
    if (result_.not_used.size() < max_listed) result_.not_used.push_back(what + " (" + where + ")");
  }
  void list_value(const std::string& key, const plain_value& v, const scope& s) {
    const std::string name = "'" + s.path + key.substr(0, max_tensor_name) + "'";
    if (const auto* bytes = v.as<plain_value::bytes>())
      return list(fmt::format("{}, {} bytes", name, bytes->data.size()), s.where);
    list(v.type.empty() ? name : name + ", a " + v.type.substr(0, 200), s.where);
  }

  void read_beside(const beside_value& b) {
    const scope s{.where = b.where, .path = {}, .outermost = true};
    if (b.where.starts_with("attribute of ")) return list_value(b.name, b.value, s);
    if (b.where == "the file's metadata")
      return read_key(b.name, b.value, {.where = b.where, .path = {}});
    object_kind kind = kind_of_object(b.name);
    if (meaning_of_key(b.name).role == key_role::nested) kind = object_kind::configuration;
    if (kind != object_kind::other && read_object(b.name, b.value, kind)) return;
    read_key(b.name, b.value, s);
  }

  // A configuration, also one in a string; whether it was one.
  bool read_object(const std::string& name, const plain_value& v, object_kind kind) {
    plain_value parsed;
    if (const auto* text = v.as<std::string>()) parsed = parse_plain_object(*text);
    const plain_value& object = parsed.empty() ? v : parsed;
    const auto* const items = object.as<plain_value::map>();
    if (items == nullptr) return false;
    const std::string where = "'" + name.substr(0, 64) + "' in the file";
    if (!v.type.empty()) list("class " + v.type.substr(0, 200), where + "; its values are read");
    read_keys(*items, {.where = where, .path = {}, .training = kind == object_kind::training});
    return true;
  }

  void read_config_file() {
    const std::filesystem::path file =
        std::filesystem::path(file_.place()).parent_path() / "config.json";
    std::error_code failed;
    if (!std::filesystem::is_regular_file(file, failed)) return;
    constexpr std::uintmax_t most = 1 << 20;
    const std::uintmax_t size = std::filesystem::file_size(file, failed);
    if (failed || size > most)
      throw input_error(file.string(), "too large or unreadable",
                        "a configuration of at most 1 MiB");
    std::ifstream in(file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
    const plain_value config = parse(text, file.string());
    read_keys(*config.as<plain_value::map>(), {.where = beside_name, .path = {}, .inside = false});
  }

  static plain_value parse(const std::string& text, const std::string& place) {
    const char* const hint = "move it away if it belongs to something else";
    try {
      plain_value config = plain(parse_json(text, {.depth = max_depth, .unique_keys = true}));
      if (config.as<plain_value::map>() != nullptr) return config;
    } catch (const json_error& e) {
      if (e.fault() == json_fault::repeated_key)
        throw input_error(place, std::string("'") + e.what() + "' twice", "each key once", hint);
      if (e.fault() == json_fault::depth)
        throw input_error(place, "deeply nested values", "at most 16 levels", hint);
    }
    throw input_error(place, "no JSON object", "the checkpoint's configuration", hint);
  }

  void read_keys(const plain_value::map& items, const scope& s) {
    for (const auto& [key, value] : items) {
      if (const auto* const name = key.as<std::string>())
        read_key(*name, value, s);
      else
        list_value(shown_value(key), value, s);
    }
  }

  void read_key(const std::string& key, const plain_value& v, const scope& s) {
    key_meaning m = meaning_of_key(key);
    // Letters stand for many things, outside of a configuration; and a dictionary there is none.
    const bool object = v.as<plain_value::map>() != nullptr && m.role != key_role::rotation;
    if (s.outermost && (key.size() == 1 || object)) m = {};
    if (m.role == key_role::unknown && !s.outermost && key.find('.') < key.size() - 1)
      return read_dotted(key, v, s);
    if (is_absent(v)) return read_absent(key, m, s);
    switch (m.role) {
      case key_role::harmless:
        if (!v.type.empty() && v.empty() && !v.type.starts_with("torch.")) list_value(key, v, s);
        return;
      case key_role::usual:
        if (!is_usual(v, m.usual)) refuse(key, v, s, m.usual);
        return;
      case key_role::rotation:
        return read_rotation(key, v, s);
      case key_role::aside:
        return list_value(key, v, s);
      case key_role::unknown:
      case key_role::nested:
        return read_other(key, v, s, m.role);
      default:
        return read_number(key, v, s, m.role);
    }
  }

  // "model.n_layer" is n_layer in the object "model".
  void read_dotted(const std::string& key, const plain_value& v, const scope& s) {
    const std::size_t dot = key.find('.');
    plain_value tail, object;
    tail.data = key.substr(dot + 1);
    object.data = plain_value::map{{std::move(tail), v}};
    read_key(key.substr(0, dot), object, s);
  }

  // No value: as if the key were not there, but for one that is not known.
  void read_absent(const std::string& key, const key_meaning& m, const scope& s) {
    if (m.role == key_role::unknown && !s.outermost)
      list("'" + s.path + key.substr(0, max_tensor_name) + "'", s.where);
  }

  // A key that is not known, or an object.
  void read_other(const std::string& key, const plain_value& v, const scope& s, key_role role) {
    plain_value parsed;
    if (const auto* text = v.as<std::string>()) parsed = parse_plain_object(*text);
    const plain_value& object = parsed.empty() ? v : parsed;
    const auto* const items = object.as<plain_value::map>();
    if (items != nullptr && !s.outermost && s.depth < max_depth) {
      if (!v.type.empty()) list_value(key, v, s);
      scope inner = s;
      inner.path += key.substr(0, 64) + ".";
      ++inner.depth;
      const object_kind kind = kind_of_object(key);
      if (kind == object_kind::training || normalised_key(key) == "training") inner.training = true;
      return read_keys(*items, inner);
    }
    if (role == key_role::nested && v.as<std::string>() != nullptr) return;  // a label
    list_value(key, v, s);
    if (!s.outermost && !s.training) ++result_.unknown_keys;
  }

  void read_rotation(const std::string& key, const plain_value& v, const scope& s) {
    const auto* const items = v.as<plain_value::map>();
    if (items == nullptr) {
      if (!is_usual(v, "default|none|false|1")) refuse(key, v, s, "none");
      return;
    }
    scope inner = s;
    inner.path += key + ".";
    ++inner.depth;
    if (inner.depth > max_depth) return list_value(key, v, s);
    bool scaled = false;
    double factor = 1;
    for (const auto& [name_value, value] : *items) {
      const auto* const name = name_value.as<std::string>();
      if (name == nullptr) continue;
      const std::string word = normalised_key(*name);
      if (word == "type" || word == "rope_type")
        scaled = scaled || !is_usual(value, "default|none");
      else if (word == "factor")
        factor = number_of(value).value_or(0);
      else if (value.as<plain_value::map>() != nullptr)
        read_rotation(*name, value, inner);
      else if (word != "original_max_position_embeddings")
        read_key(*name, value, inner);
    }
    // Whatever its kind, scaling by 1 is none.
    if (factor != 1 || (scaled && !has_factor(*items))) refuse(key, v, s, "no scaling");
  }
  static bool has_factor(const plain_value::map& items) {
    return std::any_of(items.begin(), items.end(), [](const auto& item) {
      const auto* const name = item.first.template as<std::string>();
      return name != nullptr && *name == "factor";
    });
  }

  void read_number(const std::string& key, const plain_value& v, const scope& s, key_role role) {
    std::optional<double> number = number_of(v);
    if (const auto* list = v.as<plain_value::list>();
        list != nullptr && !list->empty() && role == key_role::score_decay) {
      number = number_of(list->front());
      for (const plain_value& item : *list)
        if (number_of(item) != number) refuse(key, v, s, "one rate for all heads");
    }
    const bool container =
        v.as<plain_value::list>() != nullptr || v.as<plain_value::map>() != nullptr;
    if (!number && container) return read_other(key, v, s, key_role::unknown);
    if (!number || !std::isfinite(*number))
      throw input_error(file_.place(),
                        fmt::format("{}{} {} ({})", s.path, key, shown_value(v), s.where),
                        "a number");
    result_.statements.push_back({.role = role,
                                  .key = s.path + key,
                                  .value = *number,
                                  .shown = shown_value(v),
                                  .where = s.where,
                                  .inside = s.inside});
  }

  [[noreturn]] void refuse(const std::string& key, const plain_value& v, const scope& s,
                           std::string_view usual) const {
    std::string expected(usual);
    std::replace(expected.begin(), expected.end(), '|', ',');
    throw unavailable_error(
        file_.place(),
        fmt::format("a model with {}{} {} ({})", s.path, key, shown_value(v), s.where),
        fmt::format("the released code's computation ({})", expected),
        s.inside ? "" : "move config.json away if it belongs to another model");
  }

  const tensor_file& file_;
  configuration result_;
};

}  // namespace

configuration read_configuration(const tensor_file& file) { return reader(file).read(); }

const statement* find_statement(const std::string& place, const configuration& known, key_role role,
                                bool inside) {
  const statement* found = nullptr;
  for (const statement& s : known.statements) {
    if (s.role != role || s.inside != inside) continue;
    if (found != nullptr && found->value != s.value)
      throw input_error(place,
                        fmt::format("{} {} ({}) and {} {} ({})", found->key, found->value,
                                    found->where, s.key, s.value, s.where),
                        "one value");
    if (found == nullptr) found = &s;
  }
  return found;
}

std::optional<resolved_number> resolve_statement(const std::string& place,
                                                 const configuration& known, key_role role,
                                                 const char* option,
                                                 const std::optional<double>& given) {
  const statement* const inside = find_statement(place, known, role, true);
  const statement* const beside = find_statement(place, known, role, false);
  if (given && inside != nullptr && *given != inside->value)
    throw input_error(
        option, fmt::format("{}", *given),
        fmt::format("{}, as {} says ({})", inside->value, inside->where, inside->key));
  if (given && beside != nullptr && *given != beside->value)
    return resolved_number{
        *given, fmt::format("{}; config.json beside the file says {}", option, beside->value)};
  if (given) return resolved_number{*given, option};
  if (inside != nullptr && beside != nullptr && inside->value != beside->value)
    throw input_error(
        place, fmt::format("{} {} in config.json beside the file", beside->key, beside->value),
        fmt::format("{}, as {} says", inside->value, inside->where),
        fmt::format("move config.json away or give {}", option));
  if (inside != nullptr)
    return resolved_number{inside->value, inside->key + " in " + inside->where};
  if (beside != nullptr)
    return resolved_number{beside->value, beside->key + " in " + beside->where};
  return std::nullopt;
}

void cross_check(const std::string& place, const configuration& known, key_role role,
                 std::uint64_t actual, const std::string& shown_by) {
  for (const bool inside : {true, false})
    if (const statement* const s = find_statement(place, known, role, inside);
        s != nullptr && s->value != static_cast<double>(actual))
      throw input_error(place, fmt::format("{} {} ({})", s->key, s->value, s->where),
                        fmt::format("{}, {}", actual, shown_by));
}

}  // namespace bdh
