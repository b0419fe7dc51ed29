#include "text/chat/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/error.h"

namespace pliant::chat {
namespace {

constexpr std::int64_t most_work = 4'000'000;
constexpr std::size_t longest_text = 16U << 20, largest_output = 64U << 20;
constexpr int deepest_run = 400;

using Scope = std::map<std::string, Value, std::less<>>;
enum class Flow { on, break_loop, continue_loop };

class Renderer {
 public:
  Renderer(const TemplateSource& source, const RenderInputs& inputs)
      : source_(source), inputs_(inputs) {
    scopes_.push_back(&inputs.variables);
    scopes_.push_back(&top_);
  }

  std::string run_all(const Block& block) {
    run(block);
    return std::move(output_);
  }

 private:
  class Deeper {
   public:
    explicit Deeper(Renderer& renderer) : renderer_(renderer) {
      if (++renderer.depth_ > deepest_run)
        throw Error(ErrorKind::capacity, renderer.source_.place(),
                    fmt::format("calls nested deeper than {}", deepest_run));
    }
    ~Deeper() { --renderer_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

   private:
    Renderer& renderer_;
  };

  // Gives errors of `action` the place `at`, unless they have one.
  template <typename Action>
  auto located(std::size_t at, Action&& action) {
    try {
      return action();
    } catch (const Error& error) {
      if (!error.place().empty() && error.place() != "chat template") throw;
      throw Error(error.kind(), source_.place_of(at), error.problem(), error.next_step());
    }
  }

  // Statements

  Flow run(const Block& block) {
    const Deeper deeper(*this);
    for (const auto& each : block) {
      const Flow flow = run(*each);
      if (flow != Flow::on) return flow;
    }
    return Flow::on;
  }

  Flow run(const Statement& at) {
    located(at.at, [&] { meter_.spend(1); });
    switch (at.kind) {
      case Statement::Kind::data: write(at.text, at.at); break;
      case Statement::Kind::write:
        write(located(at.at, [&] { return to_text(evaluate(*at.value)); }), at.at);
        break;
      case Statement::Kind::branch: return branch(at);
      case Statement::Kind::loop: loop(at); break;
      case Statement::Kind::assign: assign(at); break;
      case Statement::Kind::capture: capture(at); break;
      case Statement::Kind::macro: {
        auto callable = std::make_shared<Callable>();
        callable->macro = at.macro.get();
        callable->name = at.macro->name;
        set(at.macro->name, Value(std::shared_ptr<const Callable>(std::move(callable))));
        break;
      }
      case Statement::Kind::block: return run(at.bodies[0]);
      case Statement::Kind::break_loop: return Flow::break_loop;
      case Statement::Kind::continue_loop: return Flow::continue_loop;
    }
    return Flow::on;
  }

  void write(const std::string& text, std::size_t at) {
    if (output_.size() + text.size() > largest_output)
      throw Error(ErrorKind::capacity, source_.place_of(at),
                  fmt::format("output of more than {} bytes", largest_output));
    located(at, [&] { meter_.spend(text.size() / 64); });
    output_ += text;
  }

  Flow branch(const Statement& at) {
    for (std::size_t i = 0; i < at.conditions.size(); ++i)
      if (!at.conditions[i] || evaluate(*at.conditions[i]).truth()) return run(at.bodies[i]);
    return Flow::on;
  }

  void loop(const Statement& at) {
    std::vector<Value> items = located(at.at, [&] {
      const Value over = evaluate(*at.value);
      return items_of(over, meter_);
    });
    if (at.condition) {
      std::vector<Value> kept;
      for (Value& each : items) {
        Scope scope;
        scopes_.push_back(&scope);
        bind(scope, at, each);
        const bool keep = evaluate(*at.condition).truth();
        scopes_.pop_back();
        if (keep) kept.push_back(std::move(each));
      }
      items = std::move(kept);
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      Scope scope;
      bind(scope, at, items[i]);
      scope.insert_or_assign("loop", loop_value(items, i));
      scopes_.push_back(&scope);
      const Flow flow = run(at.bodies[0]);
      scopes_.pop_back();
      if (flow == Flow::break_loop) break;
    }
    if (items.empty() && at.bodies.size() > 1) {
      Scope scope;
      scopes_.push_back(&scope);
      run(at.bodies[1]);
      scopes_.pop_back();
    }
  }

  void bind(Scope& scope, const Statement& at, const Value& item) {
    if (at.names.size() == 1) {
      scope.insert_or_assign(at.names[0], item);
      return;
    }
    located(at.at, [&] {
      const std::vector<Value> parts = items_of(item, meter_);
      if (parts.size() != at.names.size())
        wrong(fmt::format("{} values for {} names", parts.size(), at.names.size()));
      for (std::size_t i = 0; i < parts.size(); ++i) scope.insert_or_assign(at.names[i], parts[i]);
    });
  }

  static Value loop_value(const std::vector<Value>& items, std::size_t i) {
    const std::int64_t count = std::ssize(items), at = i;
    Named fields = {{"index", Value(at + 1)},          {"index0", Value(at)},
                    {"revindex", Value(count - at)},   {"revindex0", Value(count - at - 1)},
                    {"first", Value(i == 0)},          {"last", Value(i + 1 == items.size())},
                    {"length", Value(count)},          {"depth", Value(std::int64_t{1})},
                    {"depth0", Value(std::int64_t{0})}};
    // As namespaces, the neighbours do not nest what they are in.
    if (i > 0) fields.emplace_back("previtem", items[i - 1]);
    if (i + 1 < items.size()) fields.emplace_back("nextitem", items[i + 1]);
    return make_dict(std::move(fields));
  }

  void assign(const Statement& at) {
    Value value = evaluate(*at.value);
    if (!at.text.empty()) {
      const Value* space = find(at.names[0]);
      located(at.at, [&] {
        if (!space || !space->is_dict() || !space->dict().is_namespace)
          wrong(fmt::format("'{}' is not a namespace", at.names[0]));
        set_attribute(space->dict(), at.text, std::move(value));
      });
    } else {
      Scope& scope = own();
      bind(scope, at, value);
    }
  }

  void capture(const Statement& at) {
    Scope scope;
    scopes_.push_back(&scope);
    std::string outer = std::exchange(output_, "");
    run(at.bodies[0]);
    std::string text = std::exchange(output_, std::move(outer));
    scopes_.pop_back();
    Value value(std::move(text));
    if (at.value) value = filtered(*at.value, &value);
    set(at.names[0], std::move(value));
  }

  // Names

  // the innermost is never the inputs'
  Scope& own() { return *const_cast<Scope*>(scopes_.back()); }
  void set(const std::string& name, Value value) { own().insert_or_assign(name, std::move(value)); }

  const Value* find(std::string_view name) const {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
      if (const auto found = (*scope)->find(name); found != (*scope)->end()) return &found->second;
    return nullptr;
  }

  static bool is_function(std::string_view name) {
    return name == "range" || name == "namespace" || name == "dict" || name == "raise_exception" ||
           name == "strftime_now";
  }

  Value name_value(const std::string& name) const {
    if (const Value* value = find(name)) return *value;
    if (!is_function(name)) return Value(Undefined{name});
    auto callable = std::make_shared<Callable>();
    callable->name = name;
    return Value(std::shared_ptr<const Callable>(std::move(callable)));
  }

  // Expressions

  Value evaluate(const Expression& at) {
    const Deeper deeper(*this);
    return located(at.at, [&] {
      meter_.spend(1);
      return evaluate_kind(at);
    });
  }

  Value evaluate_kind(const Expression& at) {
    using Kind = Expression::Kind;
    switch (at.kind) {
      case Kind::literal: return at.value;
      case Kind::name: return name_value(at.text);
      case Kind::list:
      case Kind::tuple: return list(at);
      case Kind::dict: return dict(at);
      case Kind::attribute: return attribute_of(evaluate(*at.parts[0]), at.text);
      case Kind::item: return item(at);
      case Kind::slice: return slice(at);
      case Kind::call: return call(at);
      case Kind::filter: return filtered(at, nullptr);
      case Kind::test: return test(at);
      case Kind::unary: return unary(at);
      case Kind::binary: return binary(at);
      case Kind::comparison: return comparison(at);
      case Kind::conditional:
        if (evaluate(*at.parts[1]).truth()) return evaluate(*at.parts[0]);
        return at.parts[2] ? evaluate(*at.parts[2])
                           : Value(Undefined{"the other case of an inline if"});
    }
    return {};
  }

  Value list(const Expression& at) {
    std::vector<Value> items;
    for (const auto& each : at.parts) items.push_back(evaluate(*each));
    return meter_.list(std::move(items), at.kind == Expression::Kind::tuple);
  }

  Value dict(const Expression& at) {
    Named items;
    for (std::size_t i = 0; i < at.parts.size(); i += 2) {
      const Value key = evaluate(*at.parts[i]);
      if (!key.is_text())
        wrong(fmt::format("the key of a dict is {}, not a string", type_name(key)));
      put(items, key.text(), evaluate(*at.parts[i + 1]));
    }
    return make_dict(std::move(items));
  }

  static void put(Named& items, const std::string& name, Value value) {
    for (auto& [key, old] : items)
      if (key == name) return void(old = std::move(value));
    items.emplace_back(name, std::move(value));
  }

  Value item(const Expression& at) {
    const Value value = evaluate(*at.parts[0]), key = evaluate(*at.parts[1]);
    return item_of(value, key, meter_);
  }

  Value slice(const Expression& at) {
    const Value value = evaluate(*at.parts[0]);
    std::optional<Value> ends[3];
    for (std::size_t i = 0; i < 3; ++i)
      if (at.parts[i + 1]) ends[i] = evaluate(*at.parts[i + 1]);
    const auto end = [&](std::size_t i) { return ends[i] ? &*ends[i] : nullptr; };
    return take_slice(value, end(0), end(1), end(2), meter_);
  }

  Value test(const Expression& at) {
    std::vector<Value> values;
    for (const auto& each : at.parts) values.push_back(evaluate(*each));
    return Value(apply_test(at.text, values[0], {values.begin() + 1, values.end()}));
  }

  Value unary(const Expression& at) {
    const Value value = evaluate(*at.parts[0]);
    if (at.text == "not") return Value(!value.truth());
    if (!value.number()) wrong(fmt::format("'{}' of {}", at.text, type_name(value)));
    if (!value.integral()) return Value(at.text == "-" ? -value.real() : value.real());
    return at.text == "-" ? binary_operation("-", Value(std::int64_t{0}), value, meter_)
                          : Value(value.integer());
  }

  Value binary(const Expression& at) {
    const Value left = evaluate(*at.parts[0]);
    if (at.text == "and") return left.truth() ? evaluate(*at.parts[1]) : left;
    if (at.text == "or") return left.truth() ? left : evaluate(*at.parts[1]);
    return binary_operation(at.text, left, evaluate(*at.parts[1]), meter_);
  }

  Value comparison(const Expression& at) {
    Value left = evaluate(*at.parts[0]);
    for (std::size_t i = 0; i < at.words.size(); ++i) {
      Value right = evaluate(*at.parts[i + 1]);
      meter_.spend(cost_of(left) + cost_of(right));
      if (!compare(at.words[i], left, right)) return Value(false);
      left = std::move(right);
    }
    return Value(true);
  }

  static bool compare(const std::string& word, const Value& a, const Value& b) {
    if (word == "==") return equal(a, b);
    if (word == "!=") return !equal(a, b);
    if (word == "in") return is_in(a, b);
    if (word == "not in") return !is_in(a, b);
    const int sign = order(a, b);
    return word == "<" ? sign < 0 : word == ">" ? sign > 0 : word == "<=" ? sign <= 0 : sign >= 0;
  }

  Arguments arguments(const Expression& at) {
    Arguments result;
    for (std::size_t i = 1; i < at.parts.size(); ++i)
      result.positional.push_back(evaluate(*at.parts[i]));
    for (const auto& [name, each] : at.named) result.named.emplace_back(name, evaluate(*each));
    return result;
  }

  // `innermost`: what stands for a null part (the text of a block).
  Value filtered(const Expression& at, const Value* innermost) {
    const Expression* inside = at.parts[0].get();
    Value value = !inside ? *innermost : innermost ? filtered(*inside, innermost) : Value();
    // A variable that is missing may be given to filters; all others see its error when they use
    // it.
    if (inside && !innermost) value = evaluate(*inside);
    const Arguments given = arguments(at);
    return located(at.at, [&] { return apply_filter(at.text, value, given, meter_); });
  }

  // Calls

  Value call(const Expression& at) {
    const Expression& target = *at.parts[0];
    if (target.kind == Expression::Kind::attribute) {
      const Value self = evaluate(*target.parts[0]);
      if (has_method(target.text, self))
        return call_method(target.text, self, arguments(at), meter_);
      return call(attribute_of(self, target.text), at, target.text);
    }
    return call(evaluate(target), at, target.text);
  }

  Value call(const Value& function, const Expression& at, const std::string& name) {
    if (!function.callable())
      wrong(fmt::format("'{}' is {}, not a function", name, type_name(function)));
    const Callable& callable = *std::get<std::shared_ptr<const Callable>>(function.data);
    const Arguments given = arguments(at);
    return callable.macro ? call_macro(*callable.macro, given)
                          : call_built_in(callable.name, given);
  }

  Value call_macro(const MacroNode& macro, const Arguments& given) {
    const Deeper deeper(*this);
    if (given.positional.size() > macro.parameters.size())
      wrong(fmt::format("the macro '{}' takes {} arguments, not {}", macro.name,
                        macro.parameters.size(), given.positional.size()));
    for (const auto& given_one : given.named) {
      const std::string& name = given_one.first;
      if (std::none_of(macro.parameters.begin(), macro.parameters.end(),
                       [&](const auto& each) { return each.first == name; }))
        wrong(fmt::format("the macro '{}' has no argument '{}'", macro.name, name));
    }
    Scope scope;
    std::vector<const Scope*> outer = std::exchange(scopes_, {&inputs_.variables, &top_, &scope});
    std::string before = std::exchange(output_, "");
    for (std::size_t i = 0; i < macro.parameters.size(); ++i) {
      const auto& [name, fallback] = macro.parameters[i];
      const Value* value = given.find(i, name);
      scope.insert_or_assign(name, value      ? *value
                                   : fallback ? evaluate(*fallback)
                                              : Value(Undefined{name}));
    }
    run(macro.body);
    scopes_ = std::move(outer);
    return meter_.text(std::exchange(output_, std::move(before)));
  }

  Value call_built_in(const std::string& name, const Arguments& given) {
    if (name == "range") return range(given);
    if (name == "namespace" || name == "dict") return dict_of(given, name == "namespace");
    if (given.positional.size() != 1 || !given.positional[0].is_text())
      wrong(fmt::format("{} takes one string", name));
    if (name == "strftime_now")
      return meter_.text(date_text(given.positional[0].text(), inputs_.now));
    wrong(given.positional[0].text());
  }

  Value dict_of(const Arguments& given, bool is_namespace) {
    Named items;
    if (given.positional.size() > 1) wrong("one dict expected");
    if (given.positional.size() == 1) {
      if (!given.positional[0].is_dict()) wrong("a dict expected");
      items = given.positional[0].dict().items;
    }
    for (const auto& [name, value] : given.named) put(items, name, value);
    meter_.spend(std::ssize(items));
    return make_dict(std::move(items), is_namespace);
  }

  Value range(const Arguments& given) {
    const std::vector<Value>& values = given.positional;
    if (values.empty() || values.size() > 3 ||
        !std::all_of(values.begin(), values.end(),
                     [](const Value& each) { return each.integral(); }))
      wrong("range takes one to three integers");
    const std::int64_t from = values.size() > 1 ? values[0].integer() : 0;
    const std::int64_t to = values[values.size() > 1 ? 1 : 0].integer(),
                       step = values.size() > 2 ? values[2].integer() : 1;
    constexpr std::int64_t most_items = 100'000, far = std::int64_t{1} << 60;
    if (step == 0) wrong("a range with steps of 0");
    if (std::max({from, to, step}) > far || std::min({from, to, step}) < -far)
      wrong("a range beyond 2^60");
    std::vector<Value> items;
    for (std::int64_t at = from; step > 0 ? at < to : at > to; at += step) {
      if (items.size() == most_items)
        throw Error(ErrorKind::capacity, "", fmt::format("a range of more than {}", most_items));
      items.emplace_back(at);
    }
    return meter_.list(std::move(items));
  }

  const TemplateSource& source_;
  const RenderInputs& inputs_;
  Meter meter_;
  Scope top_;
  std::vector<const Scope*> scopes_;  // the inputs' first, which no assignment reaches
  std::string output_;
  int depth_ = 0;
};

}  // namespace

const Value* Arguments::find(std::size_t index, std::string_view name) const {
  if (index < positional.size()) return &positional[index];
  for (const auto& [key, value] : named)
    if (key == name) return &value;
  return nullptr;
}

void Meter::spend(std::int64_t steps) {
  spent_ += steps;
  if (spent_ > most_work)
    throw Error(ErrorKind::capacity, "", fmt::format("more than {} steps of work", most_work));
}

void Meter::spend_text(std::size_t bytes) {
  if (bytes > longest_text)
    throw Error(ErrorKind::capacity, "",
                fmt::format("a string of more than {} bytes", longest_text));
  spend(1 + bytes / 64);
}

Value Meter::list(std::vector<Value> items, bool tuple) {
  spend(1 + std::ssize(items));
  return make_list(std::move(items), tuple);
}

std::string render(const TemplateSource& source, const Block& block, const RenderInputs& inputs) {
  return Renderer(source, inputs).run_all(block);
}

}  // namespace pliant::chat
