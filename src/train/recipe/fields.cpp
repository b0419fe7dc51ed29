// The fields of a recipe: one list that reading, writing and comparing go through.
#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <limits>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "train/recipe/recipe.h"

namespace pliant::train {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t most = std::int64_t{1} << 40;

// What is done with each field; one object for each pass over a recipe.
class Fields {
 public:
  virtual ~Fields() = default;
  virtual void begin(const char* object) = 0;
  virtual void end() = 0;
  virtual void whole(const char* name, std::int64_t& value, std::int64_t low,
                     std::int64_t high) = 0;
  virtual void real(const char* name, double& value, double low, double high) = 0;
  virtual void truth(const char* name, bool& value) = 0;
  virtual void text(const char* name, std::string& value) = 0;
  virtual void path(const char* name, std::string& value) = 0;
  virtual void word(const char* name, int& value, std::span<const char* const> words) = 0;
  virtual void texts(const char* name, std::vector<std::string>& value) = 0;
  virtual void paths(const char* name, std::vector<std::string>& value) = 0;
  virtual void reals(const char* name, std::vector<double>& value) = 0;
  virtual void sources(const char* name, std::vector<SourceRecipe>& value) = 0;
  // From here on, what may change between a run and its continuation.
  virtual void free_from_here() {}
};

constexpr std::array optimizer_words{"adamw", "muon"};
constexpr std::array schedule_words{"cosine", "wsd"};
constexpr std::array precision_words{"f32", "bf16"};

template <typename E>
void word(Fields& f, const char* name, E& value, std::span<const char* const> words) {
  int number = static_cast<int>(value);
  f.word(name, number, words);
  value = static_cast<E>(number);
}

void model(Fields& f, ModelRecipe& m) {
  f.begin("model");
  f.path("from", m.from);
  f.whole("layers", m.layers, 1, max_layers);
  f.whole("width", m.width, 1, 1 << 20);
  f.whole("head_width", m.head_width, 2, 1 << 14);
  f.whole("groups", m.groups, 1, 1 << 14);
  f.whole("ffn_divisor", m.ffn_divisor, 1, 1 << 20);
  f.reals("attention", m.attention);
  f.reals("ffn", m.ffn);
  f.whole("vocabulary", m.vocabulary, 0, 1 << 24);
  f.whole("vocabulary_multiple", m.vocabulary_multiple, 1, 1 << 16);
  f.truth("qk_norm", m.qk_norm);
  f.truth("tied", m.tied);
  f.end();
}

void data(Fields& f, DataRecipe& d) {
  f.begin("data");
  f.path("tokenizer", d.tokenizer);
  f.sources("sources", d.sources);
  f.whole("length", d.length, 2, 1 << 20);
  f.truth("cut_and_drop", d.cut_and_drop);
  f.real("held_out", d.held_out, 0, 0.5);
  f.end();
}

void optimizer(Fields& f, OptimizerRecipe& o) {
  f.begin("optimizer");
  word(f, "kind", o.kind, optimizer_words);
  f.real("rate", o.rate, 1e-12, 10);
  f.real("beta1", o.beta1, 0, 0.9999999);
  f.real("beta2", o.beta2, 0, 0.9999999);
  f.real("epsilon", o.epsilon, 1e-30, 1);
  f.real("decay", o.decay, 0, 10);
  f.truth("cautious", o.cautious);
  f.real("clip", o.clip, 0, 1e9);
  f.real("z_loss", o.z_loss, 0, 1);
  f.real("matrix_rate", o.matrix_rate, 0, 10);
  f.real("momentum", o.momentum, 0, 0.9999999);
  f.whole("iterations", o.iterations, 1, 20);
  f.real("average", o.average, 0, 0.9999999);
  f.end();
}

void schedule(Fields& f, ScheduleRecipe& s) {
  f.begin("schedule");
  word(f, "kind", s.kind, schedule_words);
  f.whole("warmup", s.warmup, 0, most);
  f.real("warmup_from", s.warmup_from, 0, 10);
  f.real("final", s.final, 0, 1);
  f.real("decay", s.decay, 0, 1);
  f.end();
}

void distill(Fields& f, DistillRecipe& d) {
  f.begin("distill");
  f.path("teacher", d.teacher);
  f.real("weight", d.weight, 0, 1);
  f.real("temperature", d.temperature, 0.01, 1000);
  f.end();
}

void machine(Fields& f, MachineRecipe& m) {
  f.begin("machine");
  f.text("device", m.device);
  word(f, "precision", m.bf16, precision_words);
  f.truth("deterministic", m.deterministic);
  f.truth("fused", m.fused);
  f.texts("recompute", m.recompute);
  f.end();
}

void run(Fields& f, Recipe& r) {
  f.begin("length");
  f.whole("steps", r.length.steps, 0, most);
  f.whole("tokens", r.length.tokens, 0, std::int64_t{1} << 50);
  f.real("seconds", r.length.seconds, 0, 1e9);
  f.end();
  f.begin("save");
  f.whole("every", r.save.every, 1, most);
  f.whole("keep", r.save.keep, 1, 10000);
  f.whole("milestone", r.save.milestone, 0, most);
  f.whole("average", r.save.average, 1, 10000);
  f.end();
  f.begin("validate");
  f.whole("every", r.validate.every, 0, most);
  f.whole("sequences", r.validate.sequences, 1, 1 << 20);
  f.end();
  f.begin("sample");
  f.whole("every", r.sample.every, 0, most);
  f.text("prompt", r.sample.prompt);
  f.whole("tokens", r.sample.tokens, 1, 1 << 16);
  f.real("temperature", r.sample.temperature, 0, 100);
  f.end();
  f.begin("log");
  f.truth("corenet_z_loss", r.log.corenet_z_loss);
  f.end();
}

void all(Fields& f, Recipe& r) {
  auto seed = static_cast<std::int64_t>(r.seed);
  f.whole("seed", seed, 0, std::numeric_limits<std::int64_t>::max());
  r.seed = static_cast<std::uint64_t>(seed);
  model(f, r.model);
  data(f, r.data);
  f.begin("batch");
  f.whole("sequences", r.batch.sequences, 1, 1 << 20);
  f.whole("at_once", r.batch.at_once, 0, 1 << 20);
  f.end();
  optimizer(f, r.optimizer);
  distill(f, r.distill);
  schedule(f, r.schedule);
  machine(f, r.machine);
  f.free_from_here();
  run(f, r);
}

std::string under(std::string_view folder, const std::string& path) {
  return path.empty() || folder.empty() ? path : (std::filesystem::path(folder) / path).string();
}

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
    if (const auto found = find(name)) value = under(folder_, found->text());
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
    if (const auto found = find(name)) value = list(*found, "");
  }
  void paths(const char* name, std::vector<std::string>& value) override {
    if (const auto found = find(name)) value = list(*found, folder_);
  }
  void reals(const char* name, std::vector<double>& value) override {
    const auto found = find(name);
    if (!found) return;
    value.clear();
    for (const JsonNode& each : found->items()) value.push_back(each.number());
  }
  void sources(const char* name, std::vector<SourceRecipe>& value) override {
    const auto found = find(name);
    if (!found) return;
    value.clear();
    for (const JsonNode& each : found->items()) value.push_back(source(each.object()));
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
  static std::vector<std::string> list(const JsonNode& node, std::string_view folder) {
    std::vector<std::string> result;
    for (const JsonNode& each : node.items()) result.push_back(under(folder, each.text()));
    return result;
  }
  SourceRecipe source(const JsonNode& node) const {
    constexpr std::array<std::string_view, 4> keys{"name", "shards", "corpus", "weight"};
    node.only(keys);
    SourceRecipe result;
    result.name = node.text("name", "");
    if (const auto shards = node.find("shards")) result.shards = list(*shards, folder_);
    if (const auto corpus = node.find("corpus")) result.corpus = list(*corpus, folder_);
    if (result.shards.empty() == result.corpus.empty())
      node.fail("needs shards or corpus, one of the two");
    result.weight = node.number("weight", 1.0);
    if (!(result.weight > 0 && result.weight <= 1e12))
      node.fail("weight", fmt::format("is {}, not a number above 0", result.weight));
    return result;
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
  void paths(const char* name, std::vector<std::string>& value) override { put(name) = value; }
  void reals(const char* name, std::vector<double>& value) override { put(name) = value; }
  void sources(const char* name, std::vector<SourceRecipe>& value) override {
    ordered_json list = ordered_json::array();
    for (const SourceRecipe& each : value) {
      ordered_json source{{"name", each.name}};
      if (!each.shards.empty()) source["shards"] = each.shards;
      if (!each.corpus.empty()) source["corpus"] = each.corpus;
      source["weight"] = each.weight;
      list.push_back(std::move(source));
    }
    put(name) = std::move(list);
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

void check_whole(const Recipe& recipe, const JsonNode& root) {
  const LengthRecipe& length = recipe.length;
  const int given = (length.steps > 0) + (length.tokens > 0) + (length.seconds > 0);
  if (given != 1)
    root.fail("length", fmt::format("says {} of steps, tokens and seconds, not one", given),
              "give one of them");
  if (length.seconds > 0 && recipe.schedule.kind != ScheduleKind::wsd)
    root.fail("schedule.kind", "a cosine must know its end in steps",
              "use \"wsd\", or a length in steps or tokens");
  if (recipe.data.sources.empty())
    root.fail("data.sources", "is empty", "name shards, or a corpus to pack");
  if (recipe.batch.sequences % recipe.at_once() != 0)
    root.fail("batch.at_once",
              fmt::format("is {}, which does not divide the {} sequences of a step",
                          recipe.at_once(), recipe.batch.sequences));
}

std::string text_of(const ordered_json& value) { return value.is_null() ? "absent" : value.dump(); }

}  // namespace

Recipe recipe_from_json(std::string_view text, std::string_view place, std::string_view folder) {
  const nlohmann::json json = parse_json(text, place);
  const JsonNode root(json, place);
  root.object();
  Recipe recipe;
  Reader reader(root, folder);
  all(reader, recipe);
  reader.end();
  check_whole(recipe, root);
  return recipe;
}

Recipe load_recipe(const std::string& path) {
  return recipe_from_json(read_file(path), path,
                          std::filesystem::path(path).parent_path().string());
}

std::string to_json(const Recipe& recipe) {
  Recipe copy = recipe;
  Writer writer;
  all(writer, copy);
  return writer.written().dump(2) + "\n";
}

std::optional<std::string> difference(const Recipe& saved, const Recipe& given) {
  Recipe a = saved, b = given;
  Writer first(true), second(true);
  all(first, a);
  all(second, b);
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
