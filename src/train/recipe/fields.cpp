#include "train/recipe/fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>

#include "core/error.h"
#include "core/json.h"

namespace pliant::train {
namespace {

using nlohmann::ordered_json;

constexpr std::array schedule_words{"cosine", "wsd"};
constexpr std::array precision_words{"f32", "bf16"};

class Reader : public Fields {
 public:
  Reader(const JsonNode& root, std::string_view folder) : folder_(folder) {
    open_.push_back({root});
  }

  void begin(const char* object) override {
    top().known.emplace_back(object);
    std::optional<JsonNode> found;
    if (top().node) found = top().node->find(object);
    if (found) found->object();
    open_.push_back({found});
  }
  void end() override {
    if (top().node) {
      const std::vector<std::string_view> keys(top().known.begin(), top().known.end());
      top().node->only(keys);
    }
    open_.pop_back();
  }
  void whole(const char* name, std::int64_t& value, std::int64_t low, std::int64_t high) override {
    if (const auto found = find(name)) value = found->integer(low, high);
  }
  void real(const char* name, double& value, double low, double high) override {
    const auto found = find(name);
    if (!found) return;
    value = found->number();
    if (!(value >= low && value <= high))
      found->fail(fmt::format("is {}, not from {} to {}", value, low, high));
  }
  void truth(const char* name, bool& value) override {
    if (const auto found = find(name)) value = found->truth();
  }
  void text(const char* name, std::string& value) override {
    if (const auto found = find(name)) value = found->text();
  }
  void path(const char* name, std::string& value) override {
    if (const auto found = find(name)) value = below(folder_, found->text());
  }
  void word(const char* name, int& value, std::span<const char* const> words) override {
    const auto found = find(name);
    if (!found) return;
    const auto at = std::ranges::find(words, found->text());
    if (at == words.end())
      found->fail(fmt::format("is '{}', not one of: {}", found->text(), fmt::join(words, ", ")));
    value = static_cast<int>(at - words.begin());
  }
  void texts(const char* name, std::vector<std::string>& value) override {
    const auto found = find(name);
    if (!found) return;
    value.clear();
    for (const JsonNode& each : found->items()) value.push_back(each.text());
  }
  void reals(const char* name, std::vector<double>& value) override {
    const auto found = find(name);
    if (!found) return;
    value.clear();
    for (const JsonNode& each : found->items()) value.push_back(each.number());
  }
  void own(const char* name, const Read& read, const std::function<std::string()>&) override {
    if (const auto found = find(name)) read(*found, folder_);
  }

 private:
  struct Open {
    std::optional<JsonNode> node;  // none: the object is absent
    std::vector<std::string> known = {};
  };
  Open& top() { return open_.back(); }

  std::optional<JsonNode> find(const char* name) {
    top().known.emplace_back(name);
    return top().node ? top().node->find(name) : std::nullopt;
  }

  std::string_view folder_;
  std::vector<Open> open_;
};

class Writer : public Fields {
 public:
  explicit Writer(bool only_fixed = false) : only_fixed_(only_fixed) {}
  const ordered_json& written() const { return root_; }

  void begin(const char* object) override {
    object_ = object;
    put() = ordered_json::object();
  }
  void end() override { object_ = ""; }
  void whole(const char* name, std::int64_t& value, std::int64_t, std::int64_t) override {
    put(name) = value;
  }
  void real(const char* name, double& value, double, double) override { put(name) = value; }
  void truth(const char* name, bool& value) override { put(name) = value; }
  void text(const char* name, std::string& value) override { put(name) = value; }
  void path(const char* name, std::string& value) override { put(name) = value; }
  void word(const char* name, int& value, std::span<const char* const> words) override {
    put(name) = words[value];
  }
  void texts(const char* name, std::vector<std::string>& value) override { put(name) = value; }
  void reals(const char* name, std::vector<double>& value) override { put(name) = value; }
  void own(const char* name, const Read&, const std::function<std::string()>& written) override {
    put(name) = ordered_json::parse(written());
  }
  void free_from_here() override { stopped_ = only_fixed_; }

 private:
  ordered_json& put(const char* name = "") {
    if (stopped_) return dropped_;
    ordered_json& object = object_.empty() ? root_ : root_[object_];
    return *name == 0 ? object : object[name];
  }

  bool only_fixed_, stopped_ = false;
  std::string object_;
  ordered_json root_ = ordered_json::object(), dropped_;
};

std::string text_of(const ordered_json& value) { return value.is_null() ? "absent" : value.dump(); }

}  // namespace

std::string below(std::string_view folder, const std::string& path) {
  return path.empty() || folder.empty() ? path : (std::filesystem::path(folder) / path).string();
}

void seed(Fields& f, const char* name, std::uint64_t& value) {
  auto number = static_cast<std::int64_t>(value);
  f.whole(name, number, 0, std::numeric_limits<std::int64_t>::max());
  value = static_cast<std::uint64_t>(number);
}

void schedule_fields(Fields& f, ScheduleRecipe& s) {
  f.begin("schedule");
  word(f, "kind", s.kind, schedule_words);
  f.whole("warmup", s.warmup, 0, most_steps);
  f.real("warmup_from", s.warmup_from, 0, 10);
  f.real("final", s.final, 0, 1);
  f.real("decay", s.decay, 0, 1);
  f.end();
}

void machine_fields(Fields& f, MachineRecipe& m) {
  f.begin("machine");
  f.text("device", m.device);
  word(f, "precision", m.bf16, precision_words);
  f.truth("deterministic", m.deterministic);
  f.truth("fused", m.fused);
  f.texts("recompute", m.recompute);
  f.end();
}

void read_fields(std::string_view text, std::string_view place, std::string_view folder,
                 const FieldList& list, const std::function<void(const JsonNode& root)>& check) {
  const nlohmann::json json = parse_json(text, place);
  const JsonNode root(json, place);
  root.object();
  Reader reader(root, folder);
  list(reader);
  reader.end();
  check(root);
}

std::string written_fields(const FieldList& list) {
  Writer writer;
  list(writer);
  return writer.written().dump(2) + "\n";
}

std::optional<std::string> difference(const FieldList& saved, const FieldList& given) {
  Writer first(true), second(true);
  saved(first);
  given(second);
  const ordered_json one = first.written().flatten(), other = second.written().flatten();
  for (const auto* each : {&one, &other})
    for (const auto& [key, value] : each->items()) {
      const ordered_json left = one.value(key, ordered_json()),
                         right = other.value(key, ordered_json());
      if (left == right) continue;
      std::string field = key.substr(1);
      std::ranges::replace(field, '/', '.');
      return fmt::format("{}: {}, {}", field, text_of(left), text_of(right));
    }
  return std::nullopt;
}

}  // namespace pliant::train
