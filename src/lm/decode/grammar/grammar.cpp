#include "lm/decode/grammar/grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "core/error.h"
#include "lm/decode/grammar/automaton.h"
#include "lm/decode/grammar/tree.h"

namespace pliant::lm {
namespace {

constexpr std::size_t most_masks = 256;

using Mask = std::vector<std::uint64_t>;  // a bit per token: it may follow

void allow(Mask& mask, TokenId id) { mask[id / 64] |= std::uint64_t{1} << (id % 64); }

Mask work_out_mask(Automaton& automaton, Automaton::State state, const TokenTrie& vocabulary) {
  Mask mask((vocabulary.size() + 63) / 64);
  std::vector<Automaton::State> path(vocabulary.depth() + 1);
  path[0] = state;
  const std::span<const TokenTrie::Node> nodes = vocabulary.nodes();
  const TokenId* ids = vocabulary.ids().data();
  const TokenTrie::Node* const base = nodes.data();
  for (std::size_t i = 0; i < nodes.size();) {
    const TokenTrie::Node& node = base[i];
    const Automaton::State reached = automaton.next(path[node.depth], node.byte);
    if (reached == Automaton::dead) {
      i = node.end;
      continue;
    }
    path[node.depth + 1U] = reached;
    ++i;
    for (std::uint32_t each = node.first, end = base[i].first; each < end; ++each)
      allow(mask, ids[each]);
  }
  if (automaton.accepts(state))
    for (const TokenId id : vocabulary.end_tokens()) allow(mask, id);
  return mask;
}

}  // namespace

Grammar::Grammar(std::string_view gbnf, std::string_view place) {
  const GrammarTree tree = parse_grammar(gbnf, place);
  check_grammar(tree);
  program_ = std::make_shared<const GrammarProgram>(compile_grammar(tree));
}

bool Grammar::matches(std::string_view text) const {
  auto automaton = std::make_unique<Automaton>(program_);
  Automaton::State state = automaton->start();
  for (const char byte : text) {
    automaton->begin_work();
    state = automaton->next(state, static_cast<std::uint8_t>(byte));
    if (automaton->crowded()) automaton = automaton->afresh(state);
  }
  return automaton->accepts(state);
}

struct GrammarFilter::Shared {
  std::shared_ptr<const TokenTrie> vocabulary;
  std::unique_ptr<Automaton> automaton;
  std::unordered_map<Automaton::State, Mask> masks;

  const Mask& mask_of(Automaton::State state) {
    if (const auto known = masks.find(state); known != masks.end()) return known->second;
    if (masks.size() == most_masks) masks.clear();
    automaton->begin_work();
    return masks.emplace(state, work_out_mask(*automaton, state, *vocabulary)).first->second;
  }
};

GrammarFilter::GrammarFilter(const Grammar& grammar, std::shared_ptr<const TokenTrie> vocabulary)
    : shared_(std::make_shared<Shared>()) {
  shared_->vocabulary = std::move(vocabulary);
  shared_->automaton = std::make_unique<Automaton>(grammar.program());
  state_ = shared_->automaton->start();
}

void GrammarFilter::mask(std::span<float> logits) const {
  constexpr float excluded = -std::numeric_limits<float>::infinity();
  if (ended_) return std::fill(logits.begin(), logits.end(), excluded);
  const Mask& mask = shared_->mask_of(state_);
  const std::size_t known =
      std::min(logits.size(), static_cast<std::size_t>(shared_->vocabulary->size()));
  bool any = false;
  for (std::size_t word = 0; word * 64 < known; ++word) {
    const std::uint64_t bits = mask[word];
    any |= bits != 0;
    if (bits == ~std::uint64_t{0}) continue;
    const std::size_t from = word * 64, to = std::min(known, from + 64);
    for (std::size_t id = from; id < to; ++id)
      logits[id] = (bits >> (id - from)) & 1 ? logits[id] : excluded;
  }
  std::fill(logits.begin() + known, logits.end(), excluded);
  if (any || done()) return;
  if (shared_->automaton->met_depth())
    throw Error(ErrorKind::capacity, "grammar",
                "the text can go on only through rules nested too deeply");
  throw Error(ErrorKind::unsupported, "grammar", "no token of the vocabulary can go on here");
}

void GrammarFilter::accept(TokenId id) {
  const TokenTrie& vocabulary = *shared_->vocabulary;
  const auto fail = [&](std::string_view problem) {
    throw Error(ErrorKind::invalid, "grammar", fmt::format("token {} {}", id, problem));
  };
  if (id < 0 || id >= vocabulary.size()) fail("is not in the vocabulary");
  if (ended_) fail("comes after the end");
  if (vocabulary.ends(id)) {
    if (!complete()) fail("ends a text that is not complete");
    ended_ = true;
    return;
  }
  Automaton::State state = state_;
  shared_->automaton->begin_work();
  for (const char byte : vocabulary.bytes(id))
    state = shared_->automaton->next(state, static_cast<std::uint8_t>(byte));
  if (vocabulary.bytes(id).empty() || state == Automaton::dead) fail("may not follow");
  state_ = state;
  if (shared_->automaton->crowded()) move_on();
}

// Copies keep what was worked out so far; this filter leaves it.
void GrammarFilter::move_on() {
  auto fresh = std::make_shared<Shared>();
  fresh->vocabulary = shared_->vocabulary;
  fresh->automaton = shared_->automaton->afresh(state_);
  shared_ = std::move(fresh);
}

bool GrammarFilter::complete() const { return shared_->automaton->accepts(state_); }

bool GrammarFilter::done() const {
  return ended_ || (complete() && !shared_->automaton->goes_on(state_));
}

std::unique_ptr<TokenFilter> GrammarFilter::copy() const {
  return std::make_unique<GrammarFilter>(*this);
}

}  // namespace pliant::lm
