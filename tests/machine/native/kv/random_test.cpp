// Random operations on a cache: its invariants hold after each, and nothing changes but the
// sequence that was meant.
#include <cmath>

#include "machine/native/kv/tiny.h"
#include "machine/native/kv/view.h"

namespace pliant::kv {
namespace {

// Drops every third entry when a prompt ends, merges the first two in every run.
class DropAndMerge : public ChainEditor {
 public:
  std::string_view name() const override { return "drop and merge"; }
  bool observes() const override { return true; }
  void edit_chain(const Chain& chain, std::span<Fate> fates) const override {
    if (chain.size() > 6) merge_into(fates, 1, 0);
    for (std::int64_t i = 4; chain.prompt_end() && i < chain.size(); i += 3) fates[i].keep = false;
  }
};

class Play {
 public:
  Play(std::uint64_t seed, const CacheTypes& types)
      : rng_(seed), cache_(runner_.cache({types, sequences, 150, 5, kept_bytes})) {}

  // One operation on one sequence, or a new one.
  void move() {
    const std::vector<SeqId> open = cache_.open_sequences();
    const SeqId id = open.empty() ? -1 : open[rng_.below(std::ssize(open))];
    changed_ = id;
    const std::int64_t what = rng_.below(11);
    const bool room = std::ssize(open) < sequences;
    if (id < 0 || (what == 0 && room)) changed_ = cache_.open(policy());
    else if (what == 1 && room) fork(id);
    else if (what == 2) close(id);
    else if (what == 3) truncate(id);
    else if (what == 4 && room) restore(id);
    else if (what == 5) reserve(id);
    else if (what == 6) keep(id);
    else if (what == 7) adopt(id);
    else if (what == 8) adopt_of(id, open[rng_.below(std::ssize(open))]);
    else feed(id);
    cache_.check();
    compare();
  }

 private:
  static constexpr std::int64_t sequences = 4;
  // room for some 200 entries of all chains in f32
  static constexpr std::int64_t kept_bytes = std::int64_t{70} << 10;

  Policy policy() {
    switch (rng_.below(4)) {
      case 0: return sink_window(3, 20);
      case 1: return sink_window(0, 1);
      case 2: return edited(editor_);
      default: return full();
    }
  }

  void fork(SeqId id) {
    changed_ = cache_.fork(id);
    EXPECT_EQ(state(changed_), state(id));
  }

  void close(SeqId id) {
    cache_.close(id);
    known_.erase(id);
    changed_ = -1;
  }

  void truncate(SeqId id) {
    const std::int64_t least = cache_.floor(id), length = cache_.length(id);
    cache_.truncate(id, rng_.below(5) == 0 ? 0 : rng_.between(least, length));
  }

  void restore(SeqId id) {
    const auto editor = cache_.policy(id).editor;
    changed_ = cache_.restore(state(id), 1, editor);
    EXPECT_EQ(state(changed_), state(id));
  }

  // A run that does not come.
  void reserve(SeqId id) {
    const SequenceRows rows{id, std::min(cache_.room(id), rng_.between(0, 40))};
    cache_.reserve({&rows, 1});
  }

  // When there is no room, one that was kept is forgotten instead.
  void keep(SeqId id) {
    const std::int64_t length = rng_.between(0, cache_.length(id));
    if (!cache_.keeps(id) || length == 0) return;
    if (cache_.has_room(id, length)) {
      kept_.push_back({cache_.keep(id, length), cache_.policy(id), length});
    } else {
      EXPECT_EQ(thrown_by([&] { cache_.keep(id, length); }).kind(), ErrorKind::capacity);
      if (kept_.empty()) return;
      cache_.forget(kept_.back().id);
      kept_.pop_back();
    }
  }

  void adopt(SeqId id) {
    if (kept_.empty()) return;
    const Kept& from = kept_[static_cast<std::size_t>(rng_.below(std::ssize(kept_)))];
    const std::int64_t length = rng_.between(0, from.length);
    if (!same(from.policy, cache_.policy(id))) return;
    cache_.adopt(id, from.id, length);
    EXPECT_EQ(cache_.length(id), length);
  }

  void adopt_of(SeqId id, SeqId other) {
    if (id == other || !cache_.keeps(other) || !same(cache_.policy(id), cache_.policy(other)))
      return;
    const std::int64_t length = rng_.between(0, cache_.length(other));
    cache_.adopt(id, other, length);
    const SeqId part = std::ssize(cache_.open_sequences()) < sequences ? cache_.fork(other) : -1;
    if (part < 0) return;
    cache_.truncate(part, length);
    EXPECT_EQ(state(part), state(id));
    cache_.close(part);
  }

  static bool same(const Policy& a, const Policy& b) {
    return a.editor == b.editor && a.sinks == b.sinks && a.window == b.window;
  }

  void feed(SeqId id) {
    const std::int64_t count = std::min(cache_.room(id), rng_.between(1, 40));
    if (count == 0) return;
    const Outputs out =
        runner_.step(cache_, {{id, text(count, rng_.below(100))}}, rng_.below(3) == 0);
    for (const auto& row : out)
      for (const float each : row) ASSERT_TRUE(std::isfinite(each));
  }

  std::vector<std::byte> state(SeqId id) const { return cache_.save(id, 1); }

  void compare() {
    for (const SeqId id : cache_.open_sequences()) {
      if (id != changed_) {
        EXPECT_EQ(state(id), known_.at(id)) << id;
      }
      known_[id] = state(id);
    }
  }

  Rng rng_;
  Runner runner_{{.heads = {4, 2}, .key_heads = {2, 1}}, 40};
  struct Kept {
    KeptId id{};
    Policy policy;
    std::int64_t length = 0;
  };
  Cache cache_;
  std::vector<Kept> kept_;
  std::shared_ptr<const Editor> editor_ = std::make_shared<DropAndMerge>();
  std::map<SeqId, std::vector<std::byte>> known_;
  SeqId changed_ = -1;
};

TEST(KvCache, ItsInvariantsHoldAfterRandomOperations) {
  const std::vector<CacheTypes> types{{},
                                      {CacheType::int8, CacheType::int4},
                                      {CacheType::int4, CacheType::f16},
                                      {CacheType::int4, CacheType::int4, false}};
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Play play(seed, types[seed % types.size()]);
    for (int i = 0; i < 120 && !testing::Test::HasFailure(); ++i) play.move();
  }
}

// The page that both would write to is shared then.
TEST(KvCache, AForkGivesUpWhatWasReserved) {
  Runner runner({}, 8);
  Cache cache = runner.cache({.sequences = 2, .context = 64});
  const SeqId first = cache.open(full());
  runner.feed(cache, first, text(5));
  const SequenceRows rows{first, 3};
  cache.reserve({&rows, 1});
  const SeqId second = cache.fork(first);
  cache.check();
  const auto before = cache.save(second, 1);
  EXPECT_EQ(thrown_by([&] { runner.run(&cache, {{first, 5}}, {1}); }).kind(), ErrorKind::invalid);
  cache.reserve({&rows, 1});
  runner.run(&cache, {{first, 5}}, {1});
  EXPECT_EQ(cache.save(second, 1), before);
}

TEST(KvCache, ACheckFindsWhatDoesNotHold) {
  Runner runner({}, 40);
  Cache cache = runner.cache({.context = 64});
  const SeqId seq = cache.open(full());
  runner.feed(cache, seq, text(40), 40);
  EXPECT_NO_THROW(cache.check());
  const Page page = View(cache, 1).page(0, seq, 1);
  for (std::int32_t* broken : {page.position, page.position + 7}) {
    const std::int32_t right = *broken;
    *broken = 40;
    const Error error = thrown_by([&] { cache.check(); });
    EXPECT_EQ(error.kind(), ErrorKind::internal);
    EXPECT_EQ(error.place(), "sequence 0, cache layer 1, head 0");
    *broken = right;
  }
  page.log_weight[3] = NAN;
  EXPECT_EQ(thrown_by([&] { cache.check(); }).problem(), "a weight is not finite");
}

}  // namespace
}  // namespace pliant::kv
