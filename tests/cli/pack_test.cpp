// pliant data pack.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/process.h"
#include "core/files.h"

namespace pliant::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string pack_tokenizer = "golden/text/gpt2.tokenizer.json",
                  other_tokenizer = "golden/text/llama3.tokenizer.json";

std::string folder(const std::string& name) {
  const std::string path = temporary(name);
  fs::remove_all(path);
  return path;
}

Outcome pack(const std::string& corpus, const std::string& out, std::vector<std::string> more = {},
             const std::string& tokenizer = pack_tokenizer) {
  more.insert(more.begin(), {"data", "pack", corpus, "--tokenizer", tokenizer, "-o", out});
  return pliant(more);
}

TEST(DataPack, PacksAppendsAndReports) {
  const std::string corpus = temporary("pack.txt", "Two little words.\n\nAnd a second text.\n"),
                    out = folder("packed");
  const Outcome first = pack(corpus, out, {"--split", "blank-lines", "--json"});
  ASSERT_EQ(first.code, 0) << first.err;
  const json summary = json::parse(first.out);
  EXPECT_EQ(summary["documents"], 2);
  EXPECT_EQ(summary["documents_read"], 2);
  EXPECT_EQ(summary["shards"], 1);
  EXPECT_EQ(summary["text_bytes"], 35);
  EXPECT_EQ(summary["dropped"]["few_tokens"], 0);
  EXPECT_EQ(summary["shard_bytes"], fs::file_size(out + "/shard-00000.tokens"));
  EXPECT_EQ(first.err, "");

  const Outcome again = pack(corpus, out);
  EXPECT_EQ(again.code, 2);
  EXPECT_NE(again.err.find("holds packed text already"), std::string::npos) << again.err;
  // corpus.json is read and written anew
  const Outcome second = pack(corpus, out, {"--append"});
  EXPECT_EQ(second.code, 0) << second.err;
  EXPECT_NE(second.out.find("documents   1 of the 1 document in 1 file\n"), std::string::npos)
      << second.out;
  const Outcome other = pack(corpus, out, {"--append"}, other_tokenizer);
  EXPECT_EQ(other.code, 1);
  EXPECT_NE(other.err.find("was packed with the tokenizer"), std::string::npos) << other.err;
  EXPECT_EQ(json::parse(read_file(out + "/corpus.json"))["shards"].size(), 2U);
}

TEST(DataCheck, SaysWhatIsPackedAndWhetherItIsWhole) {
  const std::string corpus = temporary("check.txt", "Two little words.\n\nAnd a second text.\n"),
                    out = folder("checked");
  ASSERT_EQ(pack(corpus, out, {"--split", "blank-lines"}).code, 0);
  const Outcome plain = pliant({"data", "check", out});
  EXPECT_EQ(plain.code, 0) << plain.err;
  EXPECT_EQ(plain.out.find("shards      1, whole\ndocuments   2, of up to "), 0U) << plain.out;
  const Outcome shown =
      pliant({"data", "check", out, "--tokenizer", pack_tokenizer, "--show", "1", "--json"});
  ASSERT_EQ(shown.code, 0) << shown.err;
  EXPECT_EQ(json::parse(shown.out)["texts"], json({"Two little words.<|endoftext|>"}));
  EXPECT_EQ(json::parse(shown.out)["text_bytes"], 35);
  EXPECT_EQ(pliant({"data", "check", out, "--tokenizer", other_tokenizer}).code, 1);
  EXPECT_EQ(pliant({"data", "check", out, "--show", "1"}).code, 2);
  std::string bytes = read_file(out + "/shard-00000.tokens");
  bytes[20] = static_cast<char>(bytes[20] ^ 1);
  write_file(out + "/shard-00000.tokens", bytes);
  const Outcome damaged = pliant({"data", "check", out});
  EXPECT_EQ(damaged.code, 1);
  EXPECT_NE(damaged.err.find("the checksum of block 0 is wrong"), std::string::npos) << damaged.err;
}

TEST(DataPack, FiltersAsOpenElmDid) {
  const std::string corpus = temporary("filters.txt", "short"), out = folder("filtered");
  const Outcome none = pack(corpus, out, {"--filters", "openelm", "--begin", "never"});
  EXPECT_EQ(none.code, 1);
  EXPECT_NE(none.err.find("1 pieces have too few characters"), std::string::npos) << none.err;
  const Outcome kept = pack(
      corpus, out,
      {"--filters", "openelm", "--begin", "never", "--min-characters", "0", "--min-tokens", "1"});
  EXPECT_EQ(kept.code, 0) << kept.err;
  EXPECT_NE(kept.out.find("1 piece of the 1 document in 1 file"), std::string::npos) << kept.out;
}

TEST(DataPack, SaysWhatItWouldTake) {
  const std::string out = folder("dry");
  const Outcome outcome = pack(PLIANT_SOURCE "/docs/design.md", out, {"--dry-run", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json estimate = json::parse(outcome.out);
  EXPECT_EQ(estimate["exact"], true);
  EXPECT_EQ(estimate["documents"], 1);
  EXPECT_GT(estimate["tokens"], 1000);
  EXPECT_FALSE(fs::exists(out));
}

TEST(DataPack, SaysThatDocumentsHaveNoEnd) {
  const Outcome outcome = pack(PLIANT_SOURCE "/docs/design.md", folder("endless"), {"--dry-run"},
                               "golden/text/steps.tokenizer.json");
  EXPECT_NE(outcome.err.find("has no end token"), std::string::npos) << outcome.err;
}

TEST(DataPack, SaysWhatIsWrong) {
  const std::string broken = temporary("broken.jsonl", "{\"text\": \"x\"}\n{\"text\": 1}\n"),
                    out = folder("wrong");
  EXPECT_EQ(pliant({"data", "pack", broken, "-o", out}).code, 2);  // no tokenizer
  EXPECT_EQ(pack("no such file", out).code, 1);
  EXPECT_EQ(pack(broken, out, {}, "no such tokenizer").code, 1);
  EXPECT_EQ(pack(broken, out, {"--split", "lines", "--separator", "x"}).code, 2);
  const Outcome line = pack(broken, out);
  EXPECT_EQ(line.code, 1);
  EXPECT_NE(line.err.find("broken.jsonl: line 2"), std::string::npos) << line.err;
  const Outcome skipped = pack(broken, out, {"--skip-bad"});
  EXPECT_EQ(skipped.code, 0);
  EXPECT_NE(skipped.err.find("left out: "), std::string::npos) << skipped.err;
  EXPECT_NE(skipped.out.find("left out    1 no JSON object with the text"), std::string::npos)
      << skipped.out;
}

std::string much_text() {
  const std::string once = read_file(PLIANT_SOURCE "/docs/design.md");
  std::string text;
  while (text.size() < (std::size_t{32} << 20)) text += once + "\n\n";
  return text;
}

TEST(DataPack, LeavesNothingBehindWhenItIsInterruptedOrTheDiskIsFull) {
  const std::string corpus = temporary("much.txt", much_text()), out = folder("ended");
  const Outcome ended =
      pliant_interrupted({"data", "pack", corpus, "--split", "blank-lines", "--tokenizer",
                          pack_tokenizer, "-o", out, "--threads", "1"},
                         SIGINT, 1);
  EXPECT_EQ(ended.code, 1);
  EXPECT_NE(ended.err.find("nothing is written"), std::string::npos) << ended.err;
  EXPECT_FALSE(fs::exists(out));
  // a limit on the size of files, which fails as a full disk does
  const Outcome full = shell("trap '' XFSZ; ulimit -f 8; " PLIANT_BINARY " data pack " + corpus +
                             " --split blank-lines --tokenizer " + pack_tokenizer + " -o " + out);
  EXPECT_EQ(full.code, 1);
  EXPECT_NE(full.err.find("cannot write: File too large"), std::string::npos) << full.err;
  EXPECT_FALSE(fs::exists(out));
}

}  // namespace
}  // namespace pliant::test
