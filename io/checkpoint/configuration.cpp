#include "io/checkpoint/configuration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include <bdh/error.hpp>

#include "io/checkpoint/stated_value.hpp"
#include "io/files/json.hpp"
#include "io/files/text_start.hpp"

namespace bdh {
namespace {

constexpr const char* beside_name = "config.json beside the file";
constexpr std::string_view attention_kinds =
    "linear|linear_attention|bdh|causal|default|none|raw|hebbian|standard|parallel|recurrent";
constexpr std::size_t max_depth = 16, max_listed = 1000;

plain_value parse(std::string_view text, const std::string& place) {
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

bool is_switch(std::string_view name) {
  for (const std::string_view word : {"enabled", "enable", "use", "type", "kind", "mode", "name"})
    if (name == word) return true;
  return false;
}

const plain_value* switch_in(const plain_value::map& items) {
  for (const auto& [key, value] : items)
    if (const auto* const name = key.as<std::string>();
        name != nullptr && is_switch(normalised_key(*name)))
      return &value;
  return nullptr;
}

bool is_label(const plain_value& v) {
  const auto* const text = v.as<std::string>();
  return text != nullptr && text->size() <= 64 && text->find_first_of("\n:={") == std::string::npos;
}

bool has_factor(const plain_value::map& items) {
  return std::any_of(items.begin(), items.end(), [](const auto& item) {
    const auto* const name = item.first.template as<std::string>();
    return name != nullptr && *name == "factor";
  });
}

// A key that was left out could state anything.
void expect_whole(const plain_value& v, const std::string& place, const std::string& where) {
  if (v.type == plain_value::left_out)
    throw input_error(place, "too many or too deeply nested values (" + where + ")",
                      "a configuration of at most 16 levels");
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
    bool below_switch = false;  // in an object whose switch was read
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
    if (kind != object_kind::other)
      expect_whole(b.value, file_.place(), "'" + b.name.substr(0, 64) + "'");
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
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    const plain_value config = parse(without_byte_order_mark(bytes, file.string()), file.string());
    read_keys(*config.as<plain_value::map>(), {.where = beside_name, .path = {}, .inside = false});
  }

  void read_keys(const plain_value::map& items, const scope& s) {
    for (const auto& [key, value] : items) {
      expect_whole(value, file_.place(), s.where);
      if (const auto* const name = key.as<std::string>())
        read_key(*name, value, s);
      else
        list_value(shown_value(key), value, s);
    }
  }

  void read_key(const std::string& key, const plain_value& v, const scope& s) {
    key_meaning m = meaning_of_key(key);
    // Letters stand for many things, outside of a configuration; and a dictionary there is none.
    const bool object = v.as<plain_value::map>() != nullptr && m.role != key_role::rotation &&
                        m.role != key_role::positions;
    if (s.outermost && (key.size() == 1 || object)) m = {};
    if (m.role == key_role::unknown && !s.outermost && key.find('.') < key.size() - 1)
      return read_dotted(key, v, s);
    if (is_absent(v)) return read_absent(key, m, s);
    if (s.below_switch && m.role == key_role::unknown && is_switch(normalised_key(key)) &&
        v.as<plain_value::map>() == nullptr)
      return;
    switch (m.role) {
      case key_role::harmless:
        if (!v.type.empty() && v.empty() && !v.type.starts_with("torch.")) list_value(key, v, s);
        return;
      case key_role::usual:
        return read_choice(key, v, s, m.usual);
      case key_role::positions:
        if (v.as<plain_value::map>() != nullptr) return read_rotation(key, v, s, m.usual);
        return read_choice(key, v, s, m.usual);
      case key_role::rotation:
        return read_rotation(key, v, s, m.usual);
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

  // No value: as if the key were not there, but for one that is not known, and for positions, which
  // some program may mean to leave out.
  void read_absent(const std::string& key, const key_meaning& m, const scope& s) {
    if ((m.role != key_role::unknown && m.role != key_role::positions) || s.outermost) return;
    list("'" + s.path + key.substr(0, max_tensor_name) + "'", s.where);
    if (m.role == key_role::positions) ++result_.unknown_keys;
  }

  // A value of those that change nothing; or an object with the key of a switch, without which its
  // other keys have no effect.
  void read_choice(const std::string& key, const plain_value& v, const scope& s,
                   std::string_view usual) {
    const auto* const items = v.as<plain_value::map>();
    const plain_value* const chosen = items != nullptr ? switch_in(*items) : nullptr;
    if (!is_usual(chosen != nullptr ? *chosen : v, usual)) refuse(key, v, s, usual);
    if (chosen == nullptr || number_of(*chosen) == 0.0) return;
    read_other(key, v, s, key_role::nested);
  }

  // A key that is not known, or an object.
  void read_other(const std::string& key, const plain_value& v, const scope& s, key_role role) {
    plain_value parsed;
    if (const auto* text = v.as<std::string>()) parsed = parse_plain_object(*text);
    const plain_value& object = parsed.empty() ? v : parsed;
    const auto* const items = object.as<plain_value::map>();
    if (items != nullptr && !s.outermost && s.depth < max_depth) {
      if (!v.type.empty()) list_value(key, v, s);
      if (normalised_key(key).starts_with("att")) read_attention(key, *items, s);
      scope inner = s;
      inner.path += key.substr(0, 64) + ".";
      ++inner.depth;
      const object_kind kind = kind_of_object(key);
      if (kind == object_kind::training || normalised_key(key) == "training") inner.training = true;
      inner.below_switch = role == key_role::nested;
      return read_keys(*items, inner);
    }
    if (role == key_role::nested && is_label(v)) {
      if (normalised_key(key).starts_with("att")) read_choice(key, v, s, attention_kinds);
      return;
    }
    list_value(key, v, s);
    const bool configuration = kind_of_object(key) == object_kind::configuration;
    if ((!s.outermost || configuration) && !s.training) ++result_.unknown_keys;
  }

  void read_attention(const std::string& key, const plain_value::map& items, const scope& s) {
    const plain_value* const kind = switch_in(items);
    if (kind != nullptr && kind->as<std::string>() != nullptr)
      read_choice(key + ".type", *kind, s, attention_kinds);
  }

  // An object: theta, and a kind of rotation or of scaling that is usual.
  void read_rotation(const std::string& key, const plain_value& v, const scope& s,
                     std::string_view usual) {
    const auto* const items = v.as<plain_value::map>();
    if (items == nullptr) {
      if (!is_usual(v, usual)) refuse(key, v, s, usual);
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
        scaled = scaled || !is_usual(value, usual);
      else if (is_switch(word))
        read_choice(key + "." + *name, value, s, usual);
      else if (word == "base")
        read_number(*name, value, inner, key_role::theta);
      else if (word == "factor")
        factor = number_of(value).value_or(0);
      else if (value.as<plain_value::map>() != nullptr)
        read_rotation(*name, value, inner, usual);
      else if (word != "original_max_position_embeddings")
        read_key(*name, value, inner);
    }
    // Whatever its kind, scaling by 1 is none.
    if (factor != 1 || (scaled && !has_factor(*items))) refuse(key, v, s, "no scaling");
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
    std::string expected;
    for (const char c : usual) expected += c == '|' ? std::string(", ") : std::string(1, c);
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
