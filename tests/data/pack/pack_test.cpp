#include "data/pack/pack.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "core/files.h"
#include "core/rng.h"
#include "data/shards/batches.h"
#include "data/tokenizer/identity.h"
#include "errors.h"
#include "text/load/load.h"
#include "text/train/bpe.h"

namespace pliant::data {
namespace {

namespace fs = std::filesystem;

std::shared_ptr<const Tokenizer> small_tokenizer(std::int64_t size = 275,
                                                 bool with_special = true) {
  BpeTraining training;
  training.size = size;
  training.special = {"<|end|>"};
  const TrainedBpe trained =
      train_byte_bpe("the cat and the dog and the hen and then the end of the tale", training);
  return tokenizer_from_json(tokenizer_json(trained),
                             with_special ? tokenizer_config_json(trained) : "", "made");
}

std::string some_text(std::int64_t words, std::uint64_t seed) {
  Rng rng(seed);
  std::string text;
  const char* known[] = {"the ", "cat ", "and ", "dog, ", "hen ", "sat\n", "on ", "a ", "mat. "};
  for (std::int64_t i = 0; i < words; ++i) text += known[rng.below(9)];
  return text;
}

class Pack : public testing::Test {
 protected:
  Pack() : folder_(testing::TempDir() + "pliant-pack-" + std::to_string(::getpid())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_ + "/text");
  }
  ~Pack() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void text(const std::string& name, const std::string& content) const {
    write_file(path("text/" + name), content);
  }
  PackSummary pack_all(const PackOptions& options, const std::string& out = "packed",
                       int threads = 2) const {
    ThreadPool pool(threads);
    return pack(corpus_files({path("text")}), path(out), *tokenizer_, options, pool);
  }
  // What stands in the folder: texts of the documents, in order.
  std::vector<std::string> packed_texts(const std::string& out = "packed") const {
    std::vector<std::string> texts;
    for (const std::string& file : shard_files(path(out))) {
      const Shard shard(file);
      for (std::int64_t i = 0; i < shard.documents(); ++i) {
        const DocumentEntry entry = shard.document(i);
        std::vector<TokenId> ids(entry.tokens());
        shard.read(entry.begin, ids);
        texts.push_back(tokenizer_->decode(ids, true));
      }
    }
    return texts;
  }
  std::map<std::string, std::string> files(const std::string& out) const {
    std::map<std::string, std::string> contents;
    for (const auto& each : fs::directory_iterator(path(out)))
      contents[each.path().filename()] = read_file(each.path());
    return contents;
  }

  std::string folder_;
  std::shared_ptr<const Tokenizer> tokenizer_ = small_tokenizer();
};

using Texts = std::vector<std::string>;

TEST_F(Pack, WritesDocumentsWithTheirEnds) {
  text("a.txt", "the cat");
  text("b.jsonl", "{\"text\": \"a dog<|end|>\"}\n{\"text\": \"hen\"}\n");
  const PackSummary summary = pack_all({.tokenizer_file = "tokenizer.json"});
  EXPECT_EQ(packed_texts(), (Texts{"the cat<|end|>", "a dog<|end|><|end|>", "hen<|end|>"}));
  EXPECT_EQ(summary.counts.documents, 3);
  EXPECT_EQ(summary.counts.pieces, 3);
  EXPECT_EQ(summary.counts.kept_bytes, 7 + 12 + 3);
  EXPECT_EQ(summary.files, 2);
  EXPECT_EQ(summary.shards, 1);
  const PackedFolder folder = read_packed_folder(path("packed"));
  EXPECT_EQ(folder.tokenizer, identify(*tokenizer_));
  EXPECT_EQ(folder.tokenizer_file, "tokenizer.json");
  ASSERT_EQ(folder.shards.size(), 1U);
  EXPECT_EQ(folder.shards[0].tokens, summary.counts.tokens);
  EXPECT_EQ(folder.shards[0].text_bytes, summary.counts.kept_bytes);
  EXPECT_EQ(std::int64_t(fs::file_size(path("packed/shard-00000.tokens"))), summary.shard_bytes);
  // a name of a control token in a text is plain text
  const Shard shard(path("packed/shard-00000.tokens"));
  EXPECT_GT(shard.document(1).tokens(), 8);
}

TEST_F(Pack, IsTheSameAtEveryNumberOfThreads) {
  for (int i = 0; i < 40; ++i) text("t" + std::to_string(100 + i), some_text(i * i, i));
  const PackOptions options{.shard_tokens = 8'000};
  pack_all(options, "one", 1);
  pack_all(options, "three", 3);
  EXPECT_GT(files("one").size(), 4U);
  EXPECT_EQ(files("one"), files("three"));
}

TEST_F(Pack, DropsWhatThePaperDrops) {
  std::string words;
  for (int i = 0; i < 450; ++i) words += (i > 0 ? " w" : "w") + std::to_string(i);
  text("a.txt", words);  // pieces of 200, 200 and 50 words
  text("b.txt", std::string(100, '.') + "short");
  text("c.txt", " \n ");
  text("d.txt", words.substr(0, 160));
  PackOptions options;
  options.encoding.filters = {.piece_words = 200, .min_characters = 100, .min_tokens = 300};
  const PackSummary summary = pack_all(options);
  EXPECT_EQ(summary.counts.documents, 3);
  EXPECT_EQ(summary.empty_documents, 1);
  EXPECT_EQ(summary.counts.few_characters, 1);  // b
  EXPECT_EQ(summary.counts.few_tokens, 2);      // the end of a; d
  const Texts texts = packed_texts();
  ASSERT_EQ(texts.size(), 2U);
  EXPECT_TRUE(texts[0].starts_with("w0 w1 ") && texts[0].ends_with(" w199<|end|>"));
  EXPECT_TRUE(texts[1].starts_with("w200 ") && texts[1].ends_with(" w399<|end|>"));
  // pieces of one text stay on one side when some are held out
  const Shard shard(path("packed/shard-00000.tokens"));
  EXPECT_EQ(shard.document(0).text_hash, shard.document(1).text_hash);
}

TEST_F(Pack, PutsTokensAroundTextsAsItIsTold) {
  text("a.txt", "the cat");
  PackOptions options;
  options.encoding.begin = Begin::always;
  options.encoding.end = false;
  pack_all(options, "begun");
  EXPECT_EQ(packed_texts("begun"), (Texts{"<|end|>the cat"}));
  options.encoding.begin = Begin::automatic;  // the tokenizer puts none
  pack_all(options, "plain");
  EXPECT_EQ(packed_texts("plain"), (Texts{"the cat"}));
  tokenizer_ = small_tokenizer(275, false);
  options.encoding.begin = Begin::always;
  EXPECT_EQ(error_of([&] { pack_all(options, "not"); }).find("begin: the tokenizer has no token"),
            0U);
}

TEST_F(Pack, ComposesCharactersWhereItIsAskedTo) {
  text("a.txt", "cafe\xCC\x81");
  PackOptions options;
  options.encoding.nfc = true;
  EXPECT_EQ(pack_all(options).counts.kept_bytes, 5);
  EXPECT_EQ(packed_texts(), (Texts{"caf\xC3\xA9<|end|>"}));
}

TEST_F(Pack, AppendsWithTheSameTokenizerOnly) {
  text("a.txt", "the cat");
  EXPECT_EQ(thrown_by([&] { pack_all({.append = true}); }).kind(), ErrorKind::usage);
  pack_all({});
  const auto before = files("packed");
  EXPECT_EQ(thrown_by([&] { pack_all({}); }).kind(), ErrorKind::usage);
  pack_all({.append = true});
  EXPECT_EQ(packed_texts(), (Texts{"the cat<|end|>", "the cat<|end|>"}));
  EXPECT_EQ(files("packed").at("shard-00000.tokens"), before.at("shard-00000.tokens"));
  tokenizer_ = small_tokenizer(265);
  const Error error = thrown_by([&] { pack_all({.append = true}); });
  EXPECT_EQ(error.kind(), ErrorKind::invalid);
  EXPECT_NE(error.problem().find("was packed with the tokenizer"), std::string::npos);
}

TEST_F(Pack, LeavesNothingBehindWhenItFailsOrIsEnded) {
  text("a.txt", some_text(3000, 1));
  text("b.txt", "caf\xE9");
  const PackOptions options{.shard_tokens = 1000};
  EXPECT_EQ(thrown_by([&] { pack_all(options); }).kind(), ErrorKind::format);
  EXPECT_FALSE(fs::exists(path("packed")));
  fs::remove(path("text/b.txt"));
  for (int i = 0; i < 30; ++i) text("t" + std::to_string(i), some_text(100, i));
  pack_all(options);
  const auto before = files("packed");
  int calls = 0;
  ThreadPool pool(2);
  PackOptions more = options;
  more.append = true;
  const auto stop = [&](const PackState& state) {
    EXPECT_LE(state.bytes_read, state.bytes);
    if (++calls > 20) throw Error(ErrorKind::cancelled, "test", "ended");
  };
  EXPECT_EQ(thrown_by([&] {
              pack(corpus_files({path("text")}), path("packed"), *tokenizer_, more, pool, stop);
            }).kind(),
            ErrorKind::cancelled);
  EXPECT_EQ(files("packed"), before);
}

TEST_F(Pack, RefusesACorpusOfWhichNothingIsLeft) {
  text("a.txt", " \n");
  text("b.txt", "short");
  PackOptions options;
  options.encoding.filters.min_characters = 100;
  const Error error = thrown_by([&] { pack_all(options); });
  EXPECT_EQ(error.kind(), ErrorKind::invalid);
  EXPECT_EQ(error.problem(),
            "gives nothing to train on: 1 documents with text, 1 without, 0 that cannot be read; 1 "
            "pieces have too few characters, 0 too few tokens");
  EXPECT_FALSE(fs::exists(path("packed")));
}

TEST_F(Pack, CountsWhatItSkips) {
  text("a.jsonl", "{\"text\": \"the cat\"}\n{\"text\": 4}\n");
  text("b.txt", "caf\xE9");
  PackOptions options;
  options.reading.skip_bad = true;
  const PackSummary summary = pack_all(options);
  EXPECT_EQ(summary.skipped, (std::array<std::int64_t, fault_count>{1, 1, 0, 0}));
  EXPECT_EQ(summary.first_skipped.size(), 2U);
}

TEST_F(Pack, EstimatesByTheBeginning) {
  for (int i = 0; i < 60; ++i) text("t" + std::to_string(i), some_text(400, i));
  const PackSummary summary = pack_all({});
  ThreadPool pool(1);
  const auto files = corpus_files({path("text")});
  double now = 0;
  const auto clock = [&] { return now += 1; };
  const PackEstimate whole = estimate(files, *tokenizer_, {}, pool, clock);
  EXPECT_TRUE(whole.whole);
  EXPECT_EQ(whole.tokens, summary.counts.tokens);
  EXPECT_EQ(whole.shard_bytes, summary.shard_bytes);
  EXPECT_EQ(whole.documents, 60);
  EXPECT_EQ(whole.seconds, 1);
}

TEST_F(Pack, FeedsTraining) {
  text("a.txt", some_text(500, 1));
  text("b.txt", some_text(300, 2));
  const PackSummary summary = pack_all({});
  Batches batches({{{path("packed")}}}, {.rows = 64, .length = 32}, Split::train);
  EXPECT_EQ(batches.tokens(), summary.counts.tokens);
  EXPECT_EQ(batches.text_bytes(), summary.counts.kept_bytes);
  EXPECT_EQ(batches.tokenizer(), summary.tokenizer);
  Batch batch;
  EXPECT_TRUE(batches.next(batch));
}

TEST(Identity, TellsTokenizersApart) {
  const TokenizerIdentity one = identify(*small_tokenizer());
  EXPECT_EQ(one, identify(*small_tokenizer()));
  EXPECT_NE(one, identify(*small_tokenizer(265)));
}

}  // namespace
}  // namespace pliant::data
