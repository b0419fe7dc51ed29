#include "data/shards/batches.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <numeric>
#include <set>

#include "data/shards/documents.h"
#include "data/shards/made.h"
#include "errors.h"

namespace pliant::data {
namespace {

using Column = std::vector<std::int32_t>;

Column column(const Tensor& tensor) {
  const auto values = tensor.span<std::int32_t>();
  return {values.begin(), values.end()};
}

struct Rows {
  Column ids, targets, seq, pos, tag;
  std::int64_t valid = 0;
  bool operator==(const Rows&) const = default;
};

Rows next_rows(Batches& batches) {
  Batch batch;
  if (!batches.next(batch)) return {};
  return {column(batch.ids), column(batch.targets), column(batch.seq),
          column(batch.pos), column(batch.tag),     batch.valid};
}

std::vector<Rows> take(Batches& batches, int count) {
  std::vector<Rows> rows;
  for (int i = 0; i < count; ++i) rows.push_back(next_rows(batches));
  return rows;
}

// The (token, next token) pairs that the documents hold, or rows give.
using Pairs = std::multiset<std::pair<std::int32_t, std::int32_t>>;
Pairs pairs_of(const std::vector<Ids>& documents) {
  Pairs pairs;
  for (const Ids& each : documents)
    for (std::size_t i = 0; i + 1 < each.size(); ++i) pairs.emplace(each[i], each[i + 1]);
  return pairs;
}
void add(Pairs& pairs, const Rows& rows) {
  for (std::size_t i = 0; i < rows.ids.size(); ++i)
    if (rows.targets[i] >= 0) pairs.emplace(rows.ids[i], rows.targets[i]);
}

TEST(Batches, PacksDocumentsOneAfterAnother) {
  const Folder folder;
  const Source source{{write_shard(folder, "a", {{10, 11, 12, 13, 14, 15, 16}})}};
  Batches batches({source}, {.rows = 8, .length = 4}, Split::train);
  // six rows, of which four fill a window; then the two others and the next epoch's first two
  const Rows rows = next_rows(batches);
  EXPECT_EQ(rows.ids, (Column{10, 11, 12, 13, 14, 15, 10, 11}));
  EXPECT_EQ(rows.targets, (Column{11, 12, 13, 14, 15, 16, 11, 12}));
  EXPECT_EQ(rows.seq, (Column{0, 0, 0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(rows.pos, (Column{0, 1, 2, 3, 0, 1, 0, 1}));
  EXPECT_EQ(rows.tag, Column(8, 0));
  EXPECT_EQ(rows.valid, 8);
}

TEST(Batches, CutsAndDropsAsThePaperDoes) {
  const Folder folder;
  const Source source{{write_shard(folder, "a", {{10, 11, 12, 13, 14, 15}, {20, 21}})}};
  Batches batches({source}, {.rows = 8, .length = 4, .cut_and_drop = true}, Split::train);
  const Rows rows = next_rows(batches);
  const bool long_first = rows.ids[0] == 10;
  const Column longer{10, 11, 12, 13, 11, 12, 13, 14, 0, 1, 2, 3},
      shorter{20, 0, 0, 0, 21, -1, -1, -1, 0, 0, 0, 0};
  for (const std::size_t from : {0, 4}) {
    const Column& wanted = (from == 0) == long_first ? longer : shorter;
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(rows.ids[from + i], wanted[i]);
      EXPECT_EQ(rows.targets[from + i], wanted[4 + i]);
      EXPECT_EQ(rows.pos[from + i], wanted[8 + i]);
      EXPECT_EQ(rows.seq[from + i] < 0, wanted[4 + i] < 0);
    }
  }
  EXPECT_EQ(rows.valid, 5);
}

TEST(Batches, GiveEveryTokenOnceAnEpochAndShuffleEachAnew) {
  const Folder folder;
  const std::vector<Ids> documents = distinct_documents(60, 40);
  const Source source{{write_shard(folder, "a", documents)}};
  const Pairs all = pairs_of(documents);
  const std::int64_t rows = std::ssize(all);  // of an epoch: one batch
  Batches batches({source}, {.rows = rows, .length = rows, .seed = 4}, Split::train);
  const Rows first = next_rows(batches), second = next_rows(batches);
  for (const Rows& each : {first, second}) {
    Pairs seen;
    add(seen, each);
    EXPECT_EQ(seen, all);
  }
  EXPECT_NE(first.ids, second.ids);
  Batches other({source}, {.rows = rows, .length = rows, .seed = 5}, Split::train);
  EXPECT_NE(next_rows(other).ids, first.ids);
  EXPECT_EQ(batches.tokens(), rows + batches.documents());
}

TEST(Batches, KeepRowsOfOneWindowTogether) {
  const Folder folder;
  const Source source{{write_shard(folder, "a", distinct_documents(200, 30))}};
  Batches batches({source}, {.rows = 64, .length = 16, .seed = 1}, Split::train);
  for (const Rows& rows : take(batches, 20)) {
    std::map<std::int32_t, std::size_t> first;
    for (std::size_t i = 0; i < rows.ids.size(); ++i) {
      const std::size_t begin = first.emplace(rows.seq[i], i).first->second;
      EXPECT_EQ(begin / 16, i / 16);
      EXPECT_EQ(std::size_t(rows.pos[i]), i - begin);
      EXPECT_TRUE(i == begin || rows.ids[i] == rows.targets[i - 1]);
    }
  }
}

struct Mixed {
  Folder folder;
  std::vector<Source> sources{
      {{write_shard(folder, "a", distinct_documents(50, 60)),
        write_shard(folder, "b", distinct_documents(30, 9, 10'000))},
       0.5},
      {{write_shard(folder, "c", distinct_documents(40, 50, 20'000))}, 0.3},
      {{write_shard(folder, "d", distinct_documents(300, 5, 30'000))}, 0.2}};
};

PackingOptions any_options() {
  return {.rows = 12 * *rc::gen::inRange(1, 4),
          .length = *rc::gen::element(3, 6, 12),
          .cut_and_drop = *rc::gen::arbitrary<bool>(),
          .seed = *rc::gen::arbitrary<std::uint64_t>(),
          .held_out = *rc::gen::element(0.0, 0.3)};
}

TEST(Batches, GoOnExactlyWhereTheyStopped) {
  const Mixed mixed;
  EXPECT_TRUE(rc::check([&] {
    const PackingOptions options = any_options();
    const Split split =
        options.held_out > 0 && *rc::gen::arbitrary<bool>() ? Split::held_out : Split::train;
    Batches batches(mixed.sources, options, split);
    take(batches, *rc::gen::inRange(0, 150));
    const std::string saved = to_json(batches.state());
    const std::vector<Rows> wanted = take(batches, 20);
    Batches again(mixed.sources, options, split);
    again.restore(state_from_json(saved, "state"));
    RC_ASSERT(take(again, 20) == wanted);
  }));
}

TEST(Batches, AreTheSameInParts) {
  const Mixed mixed;
  PackingOptions options{.rows = 24, .length = 4, .seed = 9};
  Batches whole(mixed.sources, options, Split::train);
  options.parts = 3;
  std::vector<Batches> parts;
  for (options.part = 0; options.part < 3; ++options.part)
    parts.emplace_back(mixed.sources, options, Split::train);
  for (int i = 0; i < 30; ++i) {
    const Rows all = next_rows(whole);
    Column ids, targets;
    for (Batches& each : parts) {
      const Rows rows = next_rows(each);
      EXPECT_EQ(rows.ids.size(), 8U);
      EXPECT_EQ(rows.seq[0], 0);
      ids.insert(ids.end(), rows.ids.begin(), rows.ids.end());
      targets.insert(targets.end(), rows.targets.begin(), rows.targets.end());
      EXPECT_EQ(each.state(), whole.state());
    }
    EXPECT_EQ(ids, all.ids);
    EXPECT_EQ(targets, all.targets);
  }
}

TEST(Batches, MixByWeightAtEveryMoment) {
  const Mixed mixed;
  Batches batches(mixed.sources, {.rows = 6, .length = 6, .seed = 2}, Split::train);
  const double shares[] = {0.5, 0.3, 0.2};
  for (int n = 1; n <= 500; ++n) {
    const Rows rows = next_rows(batches);
    EXPECT_EQ(rows.valid, 6);
    const State state = batches.state();
    for (std::size_t i = 0; i < 3; ++i)
      ASSERT_LE(std::abs(static_cast<double>(state.places[i].windows) - n * shares[i]),
                0.75 + 1e-9);
  }
  EXPECT_GE(batches.state().places[2].epoch, 1);  // small, and seen again
}

TEST(Batches, EndEpochsTogetherWithoutWeights) {
  Mixed mixed;
  for (Source& each : mixed.sources) each.weight = 0;
  Batches batches(mixed.sources, {.rows = 6, .length = 6}, Split::train);
  take(batches, static_cast<int>(batches.windows()));
  for (const State::Place& each : batches.state().places)
    EXPECT_TRUE(each.epoch == 1 && each.document <= 6) << each.epoch << " " << each.document;
}

TEST(Batches, HoldOutDocumentsByTheirTextsAlone) {
  const Mixed mixed;
  const PackingOptions options{.rows = 24, .length = 6, .seed = 3, .held_out = 0.2};
  Batches held(mixed.sources, options, Split::held_out);
  Pairs seen;
  Batch batch;
  int passes = 0;
  while (held.next(batch)) {
    Rows rows{column(batch.ids), column(batch.targets), {}, {}, {}, batch.valid};
    add(seen, rows);
    ++passes;
  }
  EXPECT_EQ(passes, (held.windows() + 3) / 4);
  EXPECT_EQ(std::ssize(seen), held.tokens() - held.documents());
  EXPECT_NEAR(static_cast<double>(held.documents()), 0.2 * 400, 0.05 * 400);
  // training has the rest
  Batches train(mixed.sources, options, Split::train);
  for (const Rows& rows : take(train, 400)) {
    Pairs trained;
    add(trained, rows);
    for (const auto& each : trained) ASSERT_FALSE(seen.contains(each));
  }
  // again, and with another seed: the same ones
  Pairs again, other;
  while (held.next(batch)) add(again, {column(batch.ids), column(batch.targets), {}, {}, {}, 0});
  EXPECT_EQ(again, seen);
  PackingOptions reseeded = options;
  reseeded.seed = 77;
  Batches shuffled(mixed.sources, reseeded, Split::held_out);
  while (shuffled.next(batch))
    add(other, {column(batch.ids), column(batch.targets), {}, {}, {}, 0});
  EXPECT_EQ(other, seen);
}

TEST(Batches, GiveEachHeldOutDocumentAWindowWhereTheyAreCut) {
  const Mixed mixed;
  Batches held(mixed.sources, {.rows = 12, .length = 6, .cut_and_drop = true, .held_out = 0.2},
               Split::held_out);
  EXPECT_EQ(held.windows(), held.documents());
  std::set<std::int32_t> beginnings;  // every token is of one document only
  Batch batch;
  while (held.next(batch))
    for (std::size_t i = 0; i < 12; i += 6)
      if (column(batch.targets)[i] >= 0) beginnings.insert(column(batch.ids)[i]);
  EXPECT_EQ(std::ssize(beginnings), held.documents());
}

TEST(Batches, HoldOutOneOfFewDocuments) {
  const Folder folder;
  const std::vector<Ids> documents{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {7}};
  const Source source{{write_shard(folder, "few", documents)}};
  PackingOptions options{.rows = 4, .length = 2, .held_out = 1e-9};
  Batches held({source}, options, Split::held_out);
  EXPECT_EQ(held.documents(), 1);
  EXPECT_EQ(Batches({source}, options, Split::train).documents(), 2);
  const Rows rows = next_rows(held);
  options.seed = 5;
  Batches reseeded({source}, options, Split::held_out);
  EXPECT_EQ(next_rows(reseeded).ids, rows.ids);
  // of one text, were it there twice, none can be spared
  const Source single{{write_shard(folder, "single", {{1, 2, 3}, {1, 2, 3}, {9}})}};
  EXPECT_EQ(Batches({single}, options, Split::train).documents(), 2);
  EXPECT_NE(error_of([&] {
              Batches({single}, options, Split::held_out);
            }).find("has 3 documents, of which none is held out at a share of 1e-09"),
            std::string::npos);
}

TEST(Batches, CountBytesOfTheirTexts) {
  const Mixed mixed;
  PackingOptions options{.rows = 24, .length = 6, .held_out = 0.2};
  const Batches held(mixed.sources, options, Split::held_out),
      train(mixed.sources, options, Split::train);
  // every made-up token stands for four bytes; documents of one token are on neither side
  EXPECT_EQ(held.text_bytes(), 4 * held.tokens());
  EXPECT_EQ(train.text_bytes(), 4 * train.tokens());
}

std::string refusal(const std::vector<Source>& sources, const PackingOptions& options,
                    Split split = Split::train) {
  return error_of([&] { Batches(sources, options, split); });
}

TEST(Batches, RefuseOptionsThatMakeNoSense) {
  const Mixed mixed;
  const auto refuses = [&](const PackingOptions& options, const std::string& wanted) {
    const std::string said = refusal(mixed.sources, options);
    EXPECT_NE(said.find(wanted), std::string::npos) << said;
  };
  refuses({.rows = 8, .length = 0}, "length: 0 is below 1");
  refuses({.rows = 0, .length = 4}, "rows: 0 is not from 1 to 2147483647");
  refuses({.rows = 10, .length = 4}, "rows: 10 rows are not a number of windows of 4 rows");
  refuses({.rows = 8, .length = 4, .held_out = 1}, "held-out: 1 is not a share");
  refuses({.rows = 8, .length = 4, .part = 2, .parts = 2}, "part: there is no part 2 of 2");
  refuses({.rows = 8, .length = 4, .parts = 3}, "for each of 3 parts");
}

TEST(Batches, RefuseSourcesThatDoNotGoTogether) {
  const Folder folder;
  const PackingOptions options{.rows = 8, .length = 4};
  const std::string one = write_shard(folder, "one", {{1, 2, 3}}),
                    other = write_shard(folder, "other", {{1, 2, 3}}, narrow),
                    nothing = write_shard(folder, "nothing", {{1}, {}});
  const auto says = [&](const std::vector<Source>& sources, const std::string& wanted) {
    const std::string said = refusal(sources, options);
    EXPECT_NE(said.find(wanted), std::string::npos) << said;
  };
  says({}, "sources: there are none");
  says({{{}}}, "sources: one names no shards");
  says({{{one}, -1}}, "weight: -1 is no weight");
  says({{{one}, 1}, {{one}}}, "some sources have a weight and others do not");
  says({{{one}}, {{other}}}, "was made with the tokenizer 0000000000000007 (50,000 tokens)");
  says({{{nothing}}}, "has 2 documents, of which none is left to train on");
  says({{{folder / "absent"}}}, "cannot open");
  says({{{folder.path()}}}, "holds no corpus.json");
}

TEST(Batches, RefuseStatesOfOtherRuns) {
  const Mixed mixed;
  const PackingOptions options{.rows = 12, .length = 6, .seed = 1};
  Batches batches(mixed.sources, options, Split::train);
  take(batches, 5);
  const State state = batches.state();
  const auto refused_by = [&](std::vector<Source> sources, const PackingOptions& changed) {
    Batches others(sources, changed, Split::train);
    return thrown_by([&] { others.restore(state); }).kind() == ErrorKind::invalid;
  };
  PackingOptions changed = options;
  changed.seed = 2;
  EXPECT_TRUE(refused_by(mixed.sources, changed));
  changed = options, changed.length = 12;
  EXPECT_TRUE(refused_by(mixed.sources, changed));
  std::vector<Source> heavier = mixed.sources;
  heavier[0].weight = 3;
  EXPECT_TRUE(refused_by(heavier, options));
  heavier = {mixed.sources[0], mixed.sources[2], mixed.sources[1]};
  EXPECT_TRUE(refused_by(heavier, options));

  changed = options, changed.rows = 60;  // batches may grow
  Batches larger(mixed.sources, changed, Split::train);
  larger.restore(state);
  EXPECT_EQ(next_rows(larger).ids[0], next_rows(batches).ids[0]);

  State broken = state;
  broken.places[1].document = 1'000'000;
  EXPECT_THROW(batches.restore(broken), Error);
  broken = state, broken.places[0].row = 1'000'000;
  EXPECT_THROW(batches.restore(broken), Error);
  EXPECT_THROW(state_from_json("{}", "state"), Error);
  EXPECT_THROW(state_from_json(R"({"seed": -1, "data": "0", "places": []})", "state"), Error);
}

TEST(Batches, StayWhereTheyWereWhenAShardIsDamaged) {
  const Folder folder;
  std::string bytes = shard_bytes({Ids(600'000, 1), Ids(200'000, 2)}, narrow);
  bytes[bytes.size() / 2 + (1 << 18)] = 9;
  write_file(folder / "bad", bytes);
  Batches batches({{{folder / "bad"}}}, {.rows = 100'000, .length = 100'000}, Split::train);
  EXPECT_THROW(batches.verify(), Error);
  Batch batch;
  bool found = false;
  for (int i = 0; i < 10 && !found; ++i) {
    const State before = batches.state();
    try {
      batches.next(batch);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::format);
      EXPECT_EQ(batches.state(), before);
      found = true;
    }
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace pliant::data
