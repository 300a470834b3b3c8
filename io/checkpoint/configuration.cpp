#include "io/checkpoint/configuration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include <bdh/error.hpp>

#include "io/checkpoint/named_vocabularies.hpp"
#include "io/checkpoint/stated_value.hpp"

namespace bdh {
namespace {

constexpr std::string_view attention_kinds =
    "linear|linear_attention|bdh|causal|default|none|raw|hebbian|standard|parallel|recurrent";
constexpr std::string_view no_part = "false|0|none|off|no|disabled";
constexpr std::size_t max_depth = 16, max_listed = 1000;

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

bool is_flag(key_role role) {
  for (const key_role flag : {key_role::tied, key_role::learned_decay, key_role::interleaved,
                              key_role::causal, key_role::untied_layers, key_role::shared_layers})
    if (role == flag) return true;
  return false;
}

// Of what a model may have or not have: false is none of it.
bool is_part(key_role role) {
  for (const key_role part : {key_role::score_decay, key_role::score_half_life,
                              key_role::sliding_window, key_role::history_mix})
    if (role == part) return true;
  return false;
}

bool is_sampling(const plain_value::entry& item) {
  const auto* const name = item.first.as<std::string>();
  return name != nullptr && meaning_of_key(*name).role == key_role::sampling;
}

// Where keys are: the name of the place, and those of the objects that they are in.
struct key_scope {
  std::string where, path;
  bool inside = true, training = false, outermost = false;
  bool below_switch = false;  // in an object whose switch was read
  bool sampling = false;      // in an object with several keys of sampling
  std::size_t depth = 0;
};

std::optional<double> stated_number(const plain_value& v, key_role role) {
  if (!is_flag(role)) return number_of(v);
  const std::optional<bool> flag = flag_of(v);
  if (!flag) return std::nullopt;
  return *flag ? 1.0 : 0.0;
}

// False, or an object whose switch is off.
bool is_none_of_it(const plain_value& v) {
  const auto* const items = v.as<plain_value::map>();
  const plain_value* const chosen = items != nullptr ? switch_in(*items) : &v;
  return chosen != nullptr && is_off(*chosen);
}

// {name: v}
plain_value object_of(std::string name, const plain_value& v) {
  plain_value key, object;
  key.data = std::move(name);
  object.data = plain_value::map{{std::move(key), v}};
  return object;
}

// Behind the name of what is not used.
std::string described(const plain_value& v) {
  if (const auto* bytes = v.as<plain_value::bytes>())
    return fmt::format(", {} bytes", bytes->data.size());
  return v.type.empty() ? "" : ", a " + v.type.substr(0, 200);
}

// Of an object about attention: what it is, where it is a text.
const plain_value* attention_kind(const std::string& key, const plain_value::map& items) {
  if (!normalised_key(key).starts_with("att")) return nullptr;
  const plain_value* const kind = switch_in(items);
  return kind != nullptr && kind->as<std::string>() != nullptr ? kind : nullptr;
}

std::string listed(std::string_view alternatives) {
  std::string result;
  for (const char c : alternatives) result += c == '|' ? std::string(", ") : std::string(1, c);
  return result;
}

class reader {
 public:
  explicit reader(const tensor_file& file) : file_(file), switches_(file.place()) {}

  configuration read() && {
    for (const beside_value& b : file_.beside()) read_beside(b);
    if (const auto beside = read_config_beside(file_.place()))
      read_keys(*beside->as<plain_value::map>(),
                {.where = "config.json beside the file", .path = {}, .inside = false});
    switches_.apply(result_);
    return std::move(result_);
  }

 private:
  void list(const std::string& what, const std::string& where) {
    if (result_.not_used.size() < max_listed) result_.not_used.push_back(what + " (" + where + ")");
  }
  void list_value(const std::string& key, const plain_value& v, const key_scope& s) {
    list("'" + s.path + key.substr(0, max_tensor_name) + "'" + described(v), s.where);
  }

  void read_beside(const beside_value& b) {
    const key_scope s{.where = b.where, .path = {}, .outermost = true};
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

  void read_keys(const plain_value::map& items, const key_scope& outer) {
    key_scope s = outer;
    s.sampling = std::count_if(items.begin(), items.end(), is_sampling) > 1;
    for (const auto& [key, value] : items) {
      expect_whole(value, file_.place(), s.where);
      if (const auto* const name = key.as<std::string>())
        read_key(*name, value, s);
      else
        list_value(shown_value(key), value, s);
    }
  }

  // A switch of a part of the model is kept until all keys are known, and so is a refusal of what a
  // switch may say to be off.
  void read_key(const std::string& key, const plain_value& given, const key_scope& s) {
    const plain_value& v = s.outermost ? given : unwrapped(given);
    if (auto found = switch_with_value(key, v)) {
      found->key = s.path + key, found->where = s.where, found->path = s.path;
      found->inside = s.inside;
      return switches_.add(*std::move(found));
    }
    const feature of = feature_of_key(key);
    if (of == feature::none) return read_value(key, v, s);
    try {
      read_value(key, v, s);
    } catch (const error&) {
      switches_.hold({of, s.path + key, shown_value(v), s.where, s.path, std::current_exception()});
    }
  }

  void read_value(const std::string& key, const plain_value& v, const key_scope& s) {
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
        return read_harmless(key, v, s);
      case key_role::sampling:
        if (s.sampling) return;
        [[fallthrough]];
      case key_role::unclear:
        if (is_usual(v, no_part)) return;
        return read_other(key, v, s, key_role::unknown);
      case key_role::usual:
        return read_choice(key, v, s, m.usual);
      case key_role::positions:
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

  // An object may be a configuration in spite of its name, or one about something else.
  void read_harmless(const std::string& key, const plain_value& v, const key_scope& s) {
    const auto* const items = v.as<plain_value::map>();
    const bool full = items != nullptr && !items->empty();
    if (full && kind_of_object(key) == object_kind::configuration)
      return read_other(key, v, s, key_role::nested);
    const bool object = !v.type.empty() && v.empty() && !v.type.starts_with("torch.");
    if (full || object) list_value(key, v, s);
  }

  // "model.n_layer" is n_layer in the object "model".
  void read_dotted(const std::string& key, const plain_value& v, const key_scope& s) {
    const std::size_t dot = key.find('.');
    read_key(key.substr(0, dot), object_of(key.substr(dot + 1), v), s);
  }

  // No value: as if the key were not there, but for one that is not known, and for positions, which
  // some program may mean to leave out.
  void read_absent(const std::string& key, const key_meaning& m, const key_scope& s) {
    if ((m.role != key_role::unknown && m.role != key_role::positions) || s.outermost) return;
    list("'" + s.path + key.substr(0, max_tensor_name) + "'", s.where);
    if (m.role == key_role::positions) ++result_.unknown_keys;
  }

  // A value of those that change nothing; or an object with the key of a switch, without which its
  // other keys have no effect.
  void read_choice(const std::string& key, const plain_value& v, const key_scope& s,
                   std::string_view usual) {
    const auto* const items = v.as<plain_value::map>();
    const plain_value* const chosen = items != nullptr ? switch_in(*items) : nullptr;
    if (!is_usual(chosen != nullptr ? *chosen : v, usual)) refuse(key, v, s, usual);
    if (chosen == nullptr || flag_of(*chosen) == false) return;
    read_other(key, v, s, key_role::nested);
  }

  // A key that is not known, or an object.
  void read_other(const std::string& key, const plain_value& v, const key_scope& s, key_role role) {
    plain_value parsed;
    if (const auto* text = v.as<std::string>()) parsed = parse_plain_object(*text);
    const plain_value& object = parsed.empty() ? v : parsed;
    const auto* const items = object.as<plain_value::map>();
    if (items != nullptr && !s.outermost && s.depth < max_depth) {
      if (!v.type.empty()) list_value(key, v, s);
      if (const auto* const kind = attention_kind(key, *items))
        read_choice(key + ".type", *kind, s, attention_kinds);
      key_scope inner = s;
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
    const bool vocabulary = v.as<plain_value::bytes>() != nullptr && is_about_tokens(key);
    if ((!s.outermost || configuration) && !s.training && !vocabulary) ++result_.unknown_keys;
  }

  // An object: theta, and a kind of rotation or of scaling that is usual.
  void read_rotation(const std::string& key, const plain_value& v, const key_scope& s,
                     std::string_view usual) {
    const auto* const items = v.as<plain_value::map>();
    if (items == nullptr) {
      if (!is_usual(v, usual)) refuse(key, v, s, usual);
      return;
    }
    const plain_value* const chosen = switch_in(*items);
    if (chosen != nullptr && is_off(*chosen) && is_usual(*chosen, usual)) return;
    key_scope inner = s;
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

  void read_number(const std::string& key, const plain_value& v, const key_scope& s,
                   key_role role) {
    std::optional<double> number = stated_number(v, role);
    if (is_part(role) && is_none_of_it(v)) return;
    if (const auto* list = v.as<plain_value::list>();
        list != nullptr && !list->empty() && role == key_role::score_decay) {
      number = number_of(list->front());
      for (const plain_value& item : *list)
        if (number && number_of(item) != number) refuse(key, v, s, "one rate for all heads");
    }
    if (!number || !std::isfinite(*number))
      throw input_error(file_.place(),
                        fmt::format("{}{} {} ({})", s.path, key, shown_value(v), s.where),
                        is_flag(role) ? "true or false" : "a number");
    result_.statements.push_back({.role = role,
                                  .key = s.path + key,
                                  .value = *number,
                                  .shown = shown_value(v),
                                  .where = s.where,
                                  .inside = s.inside,
                                  .of = feature_of_key(key),
                                  .path = s.path});
  }

  [[noreturn]] void refuse(const std::string& key, const plain_value& v, const key_scope& s,
                           std::string_view usual) const {
    throw unavailable_error(
        file_.place(),
        fmt::format("a model with {}{} {} ({})", s.path, key, shown_value(v), s.where),
        fmt::format("the released code's computation ({})", listed(usual)),
        s.inside ? "" : "move config.json away if it belongs to another model");
  }

  const tensor_file& file_;
  configuration result_;
  switch_board switches_;
};

}  // namespace

configuration read_configuration(const tensor_file& file) { return reader(file).read(); }

}  // namespace bdh
