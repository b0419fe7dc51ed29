// What a grammar must hold to so that generation under it goes on and ends: no rule calls itself
// before it has read a character, and every rule matches some finite text.
#include <fmt/format.h>

#include "core/error.h"
#include "lm/decode/grammar/tree.h"

namespace pliant::lm {
namespace {

constexpr std::int32_t most_empty_rounds = 64;  // of a repetition whose body may match nothing

class GrammarCheck {
 public:
  explicit GrammarCheck(const GrammarTree& tree)
      : tree_(tree),
        empty_(tree.rules.size()),
        finite_(tree.rules.size()),
        state_(tree.rules.size()) {}

  void check() {
    settle(empty_, [this](std::int32_t node) { return may_be_empty(node); });
    settle(finite_, [this](std::int32_t node) { return is_finite(node); });
    for (std::size_t rule = 0; rule < finite_.size(); ++rule)
      if (!finite_[rule])
        tree_.fail(tree_.rules[rule].at,
                   fmt::format("no finite text matches the rule '{}'", tree_.rules[rule].name));
    for (std::size_t rule = 0; rule < state_.size(); ++rule)
      visit_left(static_cast<std::int32_t>(rule));
    for (const GrammarNode& each : tree_.nodes) check_repeat(each);
  }

 private:
  using Kind = GrammarNode::Kind;

  const GrammarNode& node(std::int32_t id) const { return tree_.nodes[id]; }

  // The least fixed point of a property of rules that grows with them.
  template <typename Holds>
  void settle(std::vector<char>& rules, Holds&& holds) const {
    for (bool changed = true; changed;) {
      changed = false;
      const auto update = [&](std::size_t rule) {
        if (rules[rule] || !holds(tree_.rules[rule].body)) return;
        rules[rule] = 1;
        changed = true;
      };
      for (std::size_t rule = 0; rule < rules.size(); ++rule) update(rule);
      for (std::size_t rule = rules.size(); rule-- > 0;) update(rule);
    }
  }

  bool may_be_empty(std::int32_t id) const {
    const GrammarNode& at = node(id);
    switch (at.kind) {
      case Kind::characters: return false;
      case Kind::rule: return empty_[at.rule] != 0;
      case Kind::repeat: return at.least == 0 || may_be_empty(at.children[0]);
      case Kind::sequence:
        for (const std::int32_t child : at.children)
          if (!may_be_empty(child)) return false;
        return true;
      case Kind::choice:
        for (const std::int32_t child : at.children)
          if (may_be_empty(child)) return true;
        return false;
    }
    return false;
  }

  bool is_finite(std::int32_t id) const {
    const GrammarNode& at = node(id);
    switch (at.kind) {
      case Kind::characters: return true;
      case Kind::rule: return finite_[at.rule] != 0;
      case Kind::repeat: return at.least == 0 || is_finite(at.children[0]);
      case Kind::sequence:
        for (const std::int32_t child : at.children)
          if (!is_finite(child)) return false;
        return true;
      case Kind::choice:
        for (const std::int32_t child : at.children)
          if (is_finite(child)) return true;
        return false;
    }
    return false;
  }

  // The rules that `id` may call before it has read a character.
  void collect_left(std::int32_t id, std::vector<std::int32_t>& calls) const {
    const GrammarNode& at = node(id);
    if (at.kind == Kind::rule) calls.push_back(id);
    for (const std::int32_t child : at.children) {
      collect_left(child, calls);
      if (at.kind == Kind::sequence && !may_be_empty(child)) return;
    }
  }

  // Depth first, with a stack of its own: chains of rules may be as long as the grammar.
  void visit_left(std::int32_t from) {
    struct Frame {
      std::int32_t rule;
      std::vector<std::int32_t> calls;
      std::size_t next;
    };
    if (state_[from] != unseen) return;
    std::vector<Frame> open;
    const auto enter = [&](std::int32_t rule) {
      state_[rule] = is_open;
      open.push_back({rule, {}, 0});
      collect_left(tree_.rules[rule].body, open.back().calls);
    };
    enter(from);
    while (!open.empty()) {
      Frame& top = open.back();
      if (top.next == top.calls.size()) {
        state_[top.rule] = closed;
        open.pop_back();
        continue;
      }
      const GrammarNode& call = node(top.calls[top.next++]);
      const State state = state_[call.rule];
      if (state == is_open)
        tree_.fail(call.at,
                   fmt::format(
                       "the rule '{}' calls itself before it has read a character (left recursion)",
                       tree_.rules[call.rule].name));
      if (state == unseen) enter(call.rule);
    }
  }

  void check_repeat(const GrammarNode& at) const {
    if (at.kind != Kind::repeat || !may_be_empty(at.children[0])) return;
    if (at.least > most_empty_rounds || at.most > most_empty_rounds)
      throw Error(
          ErrorKind::capacity, std::string(tree_.place),
          fmt::format("a repetition of more than {} of what may be empty", most_empty_rounds));
  }

  enum State : char { unseen, is_open, closed };
  const GrammarTree& tree_;
  std::vector<char> empty_, finite_;
  std::vector<State> state_;
};

}  // namespace

void check_grammar(const GrammarTree& tree) { GrammarCheck(tree).check(); }

}  // namespace pliant::lm
