#include "lm/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/checked.h"
#include "core/error.h"
#include "core/reserved.h"
#include "core/rng.h"
#include "core/time/clock.h"
#include "lm/beginnings.h"
#include "lm/draft_rows.h"
#include "lm/pieces.h"
#include "lm/policy_facts.h"
#include "lm/saved.h"
#include "lm/stages.h"

namespace pliant::lm {

namespace {

// From here to the end of the block, if anybody wants to know.
class Span {
 public:
  Span(Trace* trace, std::string_view what, std::int64_t rows)
      : trace_(trace), what_(what), rows_(rows), begin_(trace == nullptr ? 0 : steady_seconds()) {}
  ~Span() {
    if (trace_ != nullptr) trace_->span(what_, rows_, begin_, steady_seconds());
  }
  Span(const Span&) = delete;

 private:
  Trace* trace_;
  std::string_view what_;
  std::int64_t rows_;
  double begin_;
};

std::int64_t store_bytes(const WeightStore& weights) {
  std::int64_t total = 0;
  weights.for_each(
      [&](const std::string&, const Stored& stored) { total += std::ssize(stored.bytes); });
  return total;
}

// Tells models apart: the structure, the names, and how each weight begins.
std::uint64_t fingerprint(const Stages& stages, const WeightStore& weights) {
  constexpr std::size_t beginning = 4096;
  std::uint64_t hash = stages.hash();
  weights.for_each([&](const std::string& name, const Stored& stored) {
    const auto* bytes = reinterpret_cast<const char*>(stored.bytes.data());
    hash = hash64({bytes, std::min(stored.bytes.size(), beginning)}, hash64(name, hash));
  });
  return hash;
}

SessionOptions checked(SessionOptions options, const LanguageConfig& config) {
  const auto positive = [](std::int64_t value, const char* what) {
    if (value < 1)
      throw Error(ErrorKind::invalid, "session",
                  fmt::format("{} {}, at least 1 expected", value, what));
  };
  if (options.context == 0) options.context = std::min(config.context, default_context);
  positive(options.context, "tokens of context");
  positive(options.sequences, "sequences");
  positive(options.prompt_rows, "prompt rows");
  positive(options.decode_rows, "decode rows");
  if (options.branches < 0)
    throw Error(ErrorKind::invalid, "session", fmt::format("{} branches", options.branches));
  if (config.learned_positions && options.context > config.context)
    throw Error(ErrorKind::invalid, "session",
                fmt::format("a context of {} tokens; the model has learned {} positions",
                            options.context, config.context));
  options.prompt_rows =
      std::min(options.prompt_rows, round_up(options.context, default_decode_rows));
  if (options.prefix_bytes < 0)
    throw Error(ErrorKind::invalid, "session",
                fmt::format("{} bytes of beginnings", options.prefix_bytes));
  if (options.cache_bytes < 0)
    throw Error(ErrorKind::invalid, "session",
                fmt::format("{} bytes of cache", options.cache_bytes));
  if (options.memory_limit < 0)
    throw Error(ErrorKind::invalid, "session",
                fmt::format("a memory limit of {} bytes", options.memory_limit));
  return options;
}

LanguageModel with_context(LanguageModel model, std::int64_t context) {
  if (!model.config.learned_positions) model.config.context = context;
  return model;
}

}  // namespace

struct Session::State {
  State(LanguageModel given, ThreadPool& pool, const SessionOptions& wanted)
      : options(checked(wanted, given.config)),
        trained_context(given.config.context),
        model(with_context(std::move(given), options.context)),
        machine(pool, native::Options{.round_tall = !options.exact_prompts}) {
    limit(store_bytes(*model.weights), 0, 0);  // before anything is decoded
    buffers.emplace(std::max(options.prompt_rows, options.decode_rows), model.config.width);
    decode.emplace(model, machine, *buffers, options.decode_rows);
    prompt.emplace(model, machine, *buffers, options.prompt_rows, options.by_layer);
    if (options.by_layer)
      hidden = {checked_multiply(options.context + kv::page_entries, model.config.width, "session"),
                "session"};
    const Need one = decode->need(), other = prompt->need();
    const Need need{std::max(one.arena_bytes, other.arena_bytes)};
    const kv::CacheOptions cache_options{.types = options.cache_types,
                                         .sequences = options.sequences,
                                         .context = options.context,
                                         .kept = options.prefix_bytes > 0 ? most_beginnings : 0,
                                         .kept_bytes = options.prefix_bytes,
                                         .pool_bytes = options.cache_bytes,
                                         .branches = options.branches,
                                         .branch_rows = options.decode_rows,
                                         .by_query_head = options.by_query_head};
    const std::vector<kv::CacheLayer> layers = kv::layers_of(decode->layers());
    memory.weights = checked_add(store_bytes(*model.weights), machine.weight_copies(), "weights");
    memory.arena = checked_add(need.arena_bytes, buffers->bytes(), "arena");
    memory.arena = checked_add(memory.arena, hidden.size() * size_of(DType::f32), "arena");
    memory.cache = kv::Cache::bytes(layers, cache_options);
    for (const kv::CacheLayer& layer : layers) {
      memory.chains += layer.heads;
      memory.widest_layer = std::max(memory.widest_layer, layer.heads);
    }
    limit(memory.weights, memory.cache, memory.arena);
    workspace.emplace(need, pool);
    cache.emplace(layers, cache_options);
    if (memory.chains > 0) memory.cache_entries = cache->pages() / memory.chains * kv::page_entries;
    beginnings.emplace(*cache);
    known.resize(cache_options.open());
    for (Known& each : known) each.tokens.reserve(options.context);
    drafts.emplace(*cache, options.decode_rows);
    path.reserve(options.decode_rows);
    key = fingerprint(*decode, *model.weights);
  }

  void limit(std::int64_t weights, std::int64_t cache_bytes, std::int64_t arena) const {
    const std::int64_t total =
        checked_add(checked_add(weights, cache_bytes, "session"), arena, "session");
    if (options.memory_limit == 0 || total <= options.memory_limit) return;
    throw Error(
        ErrorKind::capacity, "memory limit",
        fmt::format("{} bytes are needed (weights {}, cache {}, arena {}), the limit is {}", total,
                    weights, cache_bytes, arena, options.memory_limit),
        "raise the limit, shorten the context, or use a smaller cache type or quantised weights");
  }

  // What a sequence holds.
  struct Known {
    std::vector<TokenId> tokens;
    // of them: those without tags that prompt runs computed, from the first on
    std::int64_t prompt = 0;

    std::span<const TokenId> beginning() const { return std::span(tokens).first(prompt); }
    void truncate(std::int64_t length) {
      if (std::ssize(tokens) > length) tokens.resize(length);
      prompt = std::min(prompt, length);
    }
  };

  Known& of(SeqId id) { return known[id % std::ssize(known)]; }

  void check_logits(const TensorView& logits, std::int64_t rows) const {
    const Shape& shape = logits.type.shape;
    if (logits.type.dtype != DType::f32 || shape.size() != 2 || shape[0] != rows ||
        shape[1] != model.config.vocabulary || logits.data == nullptr)
      throw Error(ErrorKind::invalid, "logits",
                  fmt::format("bound to {}, f32[{},{}] expected", to_string(logits.type), rows,
                              model.config.vocabulary));
  }

  void check_positions(SeqId id, std::int64_t more) const {
    const std::int64_t length = cache->length(id);
    if (model.config.learned_positions && more > model.config.context - length)
      throw Error(ErrorKind::capacity, fmt::format("sequence {}", id),
                  fmt::format("{} tokens and {} more; the model has learned {} positions", length,
                              more, model.config.context));
  }

  // A text that does not fit is refused before anything of it is run.
  void check_context(SeqId id, std::int64_t more) const {
    const std::int64_t length = cache->length(id);
    const kv::Policy& policy = cache->policy(id);
    if (policy.window > 0 || policy.editor || more <= options.context - length) return;
    throw Error(ErrorKind::capacity, fmt::format("sequence {}", id),
                fmt::format("{} tokens and {} more; the context has room for {}", length, more,
                            options.context),
                room_advice());
  }

  std::string room_advice() const {
    if (options.context < trained_context)
      return fmt::format(
          "give --context, up to the model's {}, or keep the last tokens alone with --window",
          trained_context);
    if (model.config.learned_positions)
      return "shorten the text: the model knows no position beyond";
    return "give a longer --context, or keep the last tokens alone with --window";
  }

  // Of what is read again: so many tokens before lead a run to its own.
  static constexpr std::int64_t cue = 8;
  std::int64_t replay_rows(SeqId id, std::int64_t count) const {
    const kv::Editor* editor = cache->policy(id).editor.get();
    if (editor == nullptr || !editor->replays()) return 0;
    const std::int64_t room = std::max<std::int64_t>(cache->room(id) - count, 1);
    return std::min({options.prompt_rows, count, room});
  }

  // A prompt that begins at position `length` again behind itself, in runs of `most` rows. False if
  // it was stopped: then the sequence has lost it.
  bool replay(SeqId id, std::span<const Piece> pieces, std::int64_t length, std::int64_t most,
              const std::atomic<bool>* stop) {
    const std::int64_t count = cache->length(id) - length,
                       step = std::max(most - cue, most / 2 + 1);
    for (std::int64_t at = 0, end = 0; at < count; at = end) {
      if (stop != nullptr && *stop) {
        truncate(id, length);
        return false;
      }
      end = std::min(at + (at == 0 ? most : step), count);
      const std::int64_t first = std::max<std::int64_t>(end - most, 0), n = end - first;
      const Span span(trace, "replay", n);
      const kv::SequenceRows reserved{id, n, 1, true};
      cache->reserve({&reserved, 1});
      // Their positions are those behind the prompt.
      embed_rows(id, pieces, length + count - first, first, n);
      prompt->run(n, *workspace, *cache, nullptr);
      cache->truncate(id, length + count);
    }
    cache->end_prompt(id);
    return true;
  }

  void truncate(SeqId id, std::int64_t length) {
    cache->truncate(id, length);
    of(id).truncate(length);
  }

  // Writes a part of a piece into the buffers: rows from `row` on, the first one at position `pos`.
  void fill(std::int64_t row, SeqId id, std::int64_t pos, const Piece& part) {
    for (std::int64_t i = 0; i < rows_in(part, model.config.width); ++i, ++row) {
      buffers->ids[row] = part.rows.empty() ? part.tokens[i] : 0;
      buffers->seq[row] = id;
      buffers->pos[row] = static_cast<std::int32_t>(pos + i);
      buffers->tag[row] = part.tags.empty() ? 0 : part.tags[i];
    }
  }

  // The rows [first, first + n) of a prompt that begins at position `length`, into the buffers;
  // whether tokens are among them.
  bool fill_rows(SeqId id, std::span<const Piece> pieces, std::int64_t length, std::int64_t first,
                 std::int64_t n) {
    bool tokens = false;
    each_part(pieces, model.config.width, first, n, [&](std::int64_t row, const Piece& part) {
      fill(row, id, length + first + row, part);
      tokens |= part.rows.empty();
    });
    return tokens;
  }

  void embed_rows(SeqId id, std::span<const Piece> pieces, std::int64_t length, std::int64_t first,
                  std::int64_t n) {
    if (fill_rows(id, pieces, length, first, n)) prompt->embed(n, *workspace);
    each_part(pieces, model.config.width, first, n, [&](std::int64_t row, const Piece& part) {
      std::ranges::copy(part.rows, buffers->hidden.begin() + row * model.config.width);
    });
  }

  void remember_rows(SeqId id, std::span<const Piece> pieces, std::int64_t length,
                     std::int64_t first, std::int64_t n) {
    each_part(pieces, model.config.width, first, n, [&](std::int64_t row, const Piece& part) {
      const std::int64_t position = length + first + row;
      remember(id, position, part.tokens);
      Known& now = of(id);
      const bool tagged = std::ranges::any_of(part.tags, [](std::int32_t tag) { return tag != 0; });
      if (!tagged && now.prompt == position) now.prompt = std::ssize(now.tokens);
    });
  }

  // `length`: where the prompt begins.
  void run_prompt(SeqId id, std::span<const Piece> pieces, std::int64_t length, std::int64_t first,
                  std::int64_t n, std::byte* logits) {
    const Span span(trace, "prompt", n);
    embed_rows(id, pieces, length, first, n);
    prompt->run(n, *workspace, *cache, logits);
    remember_rows(id, pieces, length, first, n);
  }

  bool by_layer(SeqId id) const {
    return options.by_layer && kv::Cache::runs_by_layer(cache->policy(id));
  }

  // All rows through each layer. False if it was stopped: then nothing is appended.
  bool feed_by_layer(SeqId id, std::span<const Piece> pieces, std::int64_t count, std::byte* logits,
                     const std::atomic<bool>* stop) {
    const std::int64_t length = cache->length(id), width = model.config.width;
    const auto rows_of = [&](std::int64_t first, std::int64_t n) {
      return std::span(hidden.data() + first * width, static_cast<std::size_t>(n * width));
    };
    const auto runs = [&](const auto& run) {
      for (std::int64_t first = 0; first < count; first += options.prompt_rows)
        run(first, std::min(options.prompt_rows, count - first));
    };
    runs([&](std::int64_t first, std::int64_t n) {
      embed_rows(id, pieces, length, first, n);
      std::ranges::copy(buffers->hidden.first(n * width), rows_of(first, n).begin());
    });
    for (int layer = 0; layer < std::ssize(model.config.layers); ++layer) {
      if (length == 0 && stop != nullptr && *stop) {
        cache->truncate(id, 0);
        return false;
      }
      runs([&](std::int64_t first, std::int64_t n) {
        const Span span(trace, "prompt", n);
        fill_rows(id, pieces, length, first, n);
        cache->reserve({id, n, count - first - n}, layer);
        prompt->run_layer(layer, n, rows_of(first, n), *workspace, *cache);
      });
    }
    if (logits != nullptr)
      runs([&](std::int64_t first, std::int64_t n) {
        prompt->run_head(n, rows_of(first, n), *workspace,
                         logits + first * model.config.vocabulary * size_of(DType::f32));
      });
    remember_rows(id, pieces, length, 0, count);
    return true;
  }

  // Where another sequence, or a beginning that is kept, holds a page more of `tokens` than this
  // one does, it takes that over; the last token is left to be run for its logits.
  void adopt(SeqId id, std::span<const TokenId> tokens) {
    const kv::Policy& policy = cache->policy(id);
    const auto wanted = tokens.first(tokens.empty() ? 0 : tokens.size() - 1);
    const std::int64_t least = cache->length(id) + kv::page_entries;
    if (std::ssize(wanted) < least) return;
    const Beginnings::Match kept = beginnings->longest(wanted, policy);
    std::int64_t longest = std::max(kept.length, least - 1);
    SeqId from = -1;
    for (const SeqId other : cache->open_sequences()) {
      if (other == id || !cache->keeps(other) || !alike(cache->policy(other), policy)) continue;
      const std::int64_t length = common(of(other).beginning(), wanted);
      if (length > longest) {
        longest = length;
        from = other;
      }
    }
    if (from >= 0) cache->adopt(id, from, longest);
    else if (kept.length >= least) beginnings->adopt(id, kept);
    else return;
    Known& now = of(id);
    now.tokens.assign(wanted.begin(), wanted.begin() + longest);
    now.prompt = longest;
  }

  // What stands at `position` and behind, if all before is known.
  void remember(SeqId id, std::int64_t position, std::span<const TokenId> more) {
    std::vector<TokenId>& kept = of(id).tokens;
    if (std::ssize(kept) != position) return;
    const std::size_t count = std::min(more.size(), kept.capacity() - kept.size());
    kept.insert(kept.end(), more.begin(), more.begin() + count);
  }

  // The sequence's known tokens become those that lead to one of its draft.
  void remember_path(std::span<const DraftRow> draft, std::int32_t last) {
    path.clear();
    for (; last >= 0; last = draft[last].parent) path.push_back(draft[last].token);
    std::ranges::reverse(path);
    of(draft[0].sequence).truncate(draft[0].position);
    remember(draft[0].sequence, draft[0].position, path);
  }

  SessionOptions options;
  std::int64_t trained_context;
  LanguageModel model;
  native::Machine machine;
  std::optional<RowBuffers> buffers;
  std::optional<Stages> decode, prompt;
  std::optional<Workspace> workspace;
  ReservedArray<float> hidden;  // by_layer: of a whole prompt
  std::optional<kv::Cache> cache;
  std::optional<Beginnings> beginnings;
  std::vector<Known> known;         // by slot
  std::optional<DraftRows> drafts;  // of the last step
  std::vector<TokenId> path;        // that leads to a token of them
  SessionMemory memory;
  std::uint64_t key = 0;
  Trace* trace = nullptr;
};

Session::Session(LanguageModel model, ThreadPool& pool, const SessionOptions& options)
    : state_(std::make_unique<State>(std::move(model), pool, options)) {}

Session::~Session() = default;

SeqId Session::open(const kv::Policy& policy) {
  const SeqId id = state_->cache->open(policy);
  state_->of(id).truncate(0);
  return id;
}

SeqId Session::open(const kv::Policy& policy, std::span<const TokenId> tokens) {
  const SeqId id = open(policy);
  state_->adopt(id, tokens);
  return id;
}

void Session::close(SeqId sequence) {
  (void)length(sequence);
  state_->drafts->settle(sequence);
  state_->beginnings->keep(sequence, state_->of(sequence).beginning());
  state_->cache->close(sequence);
}

std::int64_t Session::rewind(SeqId sequence, std::span<const TokenId> tokens) {
  std::int64_t own = std::min<std::int64_t>(common(this->tokens(sequence), tokens),
                                            std::max<std::int64_t>(std::ssize(tokens) - 1, 0));
  const State::Known& known = state_->of(sequence);
  if (own < least_length(sequence)) own = 0;
  if (own < known.prompt) state_->beginnings->keep(sequence, known.beginning());
  truncate(sequence, own);
  state_->adopt(sequence, tokens);
  return length(sequence);
}

std::int64_t Session::length(SeqId sequence) const { return state_->cache->length(sequence); }

std::span<const TokenId> Session::tokens(SeqId sequence) const {
  (void)length(sequence);
  return state_->of(sequence).tokens;
}

std::int64_t Session::room(SeqId sequence) const {
  const std::int64_t room = state_->cache->room(sequence), length = state_->cache->length(sequence);
  return state_->model.config.learned_positions
             ? std::min(room, state_->model.config.context - length)
             : room;
}

double Session::kept(SeqId sequence) const { return state_->cache->kept_entries(sequence); }

bool Session::edits(SeqId sequence) const {
  return state_->cache->policy(sequence).editor != nullptr;
}

std::vector<SeqId> Session::sequences() const { return state_->cache->open_sequences(); }

std::int64_t Session::feed(SeqId sequence, std::span<const TokenId> tokens,
                           const TensorView* logits, const std::atomic<bool>* stop) {
  const Piece whole{tokens};
  return feed(sequence, std::span(&whole, 1), logits, stop);
}

std::int64_t Session::feed(SeqId sequence, std::span<const Piece> pieces, const TensorView* logits,
                           const std::atomic<bool>* stop) {
  State& s = *state_;
  const std::int64_t rows = s.options.prompt_rows;
  const LanguageConfig& config = s.model.config;
  const std::int64_t count = rows_in(pieces, config.width);
  s.check_context(sequence, count);
  s.drafts->settle(sequence);
  const bool by_layer = s.by_layer(sequence);
  const std::int64_t again = s.replay_rows(sequence, count);
  if (by_layer) s.cache->admit_by_layer(sequence, count);
  else s.cache->admit(sequence, count + again, rows);
  s.check_positions(sequence, count + again);
  for (const Piece& each : pieces) check_piece(each, config.width, config.vocabulary);
  if (logits != nullptr) s.check_logits(*logits, count);
  if (by_layer)
    return s.feed_by_layer(sequence, pieces, count, logits == nullptr ? nullptr : logits->data,
                           stop)
               ? count
               : 0;
  const std::int64_t row_bytes = s.model.config.vocabulary * size_of(DType::f32),
                     length = s.cache->length(sequence);
  for (std::int64_t done = 0; done < count; done += rows) {
    if (stop != nullptr && *stop) return done;
    const std::int64_t n = std::min(rows, count - done);
    const kv::SequenceRows reserved{sequence, n, count - done - n + (again > 0 ? 1 : 0)};
    s.cache->reserve({&reserved, 1});
    s.run_prompt(sequence, pieces, length, done, n,
                 logits == nullptr ? nullptr : logits->data + done * row_bytes);
  }
  if (again > 0 && !s.replay(sequence, pieces, length, again, stop)) return 0;
  return count;
}

void Session::step(std::span<const Draft> drafts, const TensorView& logits) {
  State& s = *state_;
  std::int64_t rows = 0;
  for (const Draft& draft : drafts) {
    s.drafts->check(draft);
    rows += std::ssize(draft.tokens);
    if (rows > decode_rows())
      throw Error(ErrorKind::invalid, "step",
                  fmt::format("more than {} tokens in one step", decode_rows()),
                  "take several steps, or feed() them");
    check_ids(draft.tokens, s.model.config.vocabulary);
    const std::int64_t depth = DraftRows::depth(draft);
    s.check_context(draft.sequence, depth);
    s.check_positions(draft.sequence, depth);
  }
  s.check_logits(logits, rows);
  s.drafts->plan(drafts);
  if (rows == 0) return;
  const Span span(s.trace, "decode", rows);
  std::int64_t row = 0;
  for (const DraftRow& each : s.drafts->rows()) {
    const std::int32_t tag = s.cache->last_tag(each.sequence);
    s.fill(row++, each.owner, each.position,
           {.tokens = std::span(&each.token, 1), .tags = std::span(&tag, 1)});
  }
  s.decode->embed(rows, *s.workspace);
  s.decode->run(rows, *s.workspace, *s.cache, logits.data);
  for (const DraftRow& each : s.drafts->rows())
    if (each.owner == each.sequence) s.remember(each.sequence, each.position, {&each.token, 1});
}

void Session::choose(SeqId sequence, std::int64_t token) {
  State& s = *state_;
  (void)length(sequence);
  const std::span<const DraftRow> draft = s.drafts->of(sequence);
  if (token < 0 || token >= std::ssize(draft))
    throw Error(
        ErrorKind::invalid, fmt::format("sequence {}", sequence),
        fmt::format("token {} chosen of the {} that the last step ran", token, std::ssize(draft)));
  const SeqId owner = draft[token].owner;
  const std::int64_t end = draft[token].position + 1;
  if (owner != sequence) s.cache->become(sequence, owner);
  s.remember_path(draft, static_cast<std::int32_t>(token));
  truncate(sequence, end);
}

void Session::truncate(SeqId sequence, std::int64_t length) {
  state_->drafts->settle(sequence);
  state_->truncate(sequence, length);
}

std::int64_t Session::least_length(SeqId sequence) const { return state_->cache->floor(sequence); }

SeqId Session::fork(SeqId sequence) {
  const SeqId id = state_->cache->fork(sequence);
  State::Known& copy = state_->of(id);
  const State::Known& known = state_->of(sequence);
  copy.tokens.assign(known.tokens.begin(), known.tokens.end());
  copy.prompt = known.prompt;
  return id;
}

std::vector<std::byte> Session::save(SeqId sequence) const {
  const std::span<const TokenId> known = tokens(sequence);
  const auto name = std::ranges::find_if(known, [](TokenId id) { return id < 0; });  // of a row
  return saved_bytes({known.begin(), name}, state_->cache->save(sequence, state_->key));
}

SeqId Session::restore(std::span<const std::byte> state, std::shared_ptr<const kv::Editor> editor) {
  const Saved saved = read_saved(state, state_->model.config.vocabulary);
  const SeqId id = state_->cache->restore(saved.cache, state_->key, std::move(editor));
  state_->of(id).truncate(0);  // how its beginning was computed is not known
  std::vector<TokenId>& kept = state_->of(id).tokens;
  const std::size_t count =
      std::min({std::ssize(saved.tokens), length(id), static_cast<std::int64_t>(kept.capacity())});
  kept.assign(saved.tokens.begin(), saved.tokens.begin() + count);
  return id;
}

void Session::trace(Trace* trace) {
  state_->trace = state_->decode->trace = state_->prompt->trace = trace;
}

const LanguageConfig& Session::config() const { return state_->model.config; }

std::shared_ptr<const kv::OutputForms> Session::output_forms() const {
  return std::make_shared<const kv::OutputForms>(
      lm::output_forms(state_->model, state_->workspace->pool()));
}

std::shared_ptr<const kv::Expectation> Session::expectation() const {
  return std::make_shared<const kv::Expectation>(lm::expectation(state_->model.config));
}

std::int64_t Session::decode_rows() const { return state_->options.decode_rows; }

std::int64_t Session::branches() const { return state_->options.branches; }

SessionMemory Session::memory() const {
  SessionMemory memory = state_->memory;
  memory.cache_touched = state_->cache->touched_bytes();
  memory.cache_used = state_->cache->used_bytes();
  memory.kept = state_->cache->kept_bytes();
  return memory;
}

}  // namespace pliant::lm
