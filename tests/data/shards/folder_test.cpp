#include "data/shards/folder.h"

#include <gtest/gtest.h>

#include "data/shards/made.h"
#include "errors.h"

namespace pliant::data {
namespace {

const PackedFolder example{
    narrow, "tokenizer.json", {{"shard-00000.tokens", 2, 5, 20}, {"shard-00001.tokens", 1, 3, 12}}};

TEST(PackedFolder, NamesItsShards) {
  const Folder folder;
  write_file(index_path(folder.path()), to_json(example));
  const PackedFolder read = read_packed_folder(folder.path());
  EXPECT_EQ(to_json(read), to_json(example));
  EXPECT_EQ(read.tokenizer, narrow);
  EXPECT_EQ(shard_files(folder.path()), (std::vector<std::string>{folder / "shard-00000.tokens",
                                                                  folder / "shard-00001.tokens"}));
  EXPECT_EQ(shard_files("one.tokens"), (std::vector<std::string>{"one.tokens"}));
}

TEST(PackedFolder, RefusesNamesThatLeadElsewhere) {
  for (const std::string name : {"../x", "/etc/passwd", "..", "", "a/b"}) {
    PackedFolder elsewhere = example;
    elsewhere.shards[0].file = name;
    const Error error =
        thrown_by([&] { packed_folder_from_json(to_json(elsewhere), "corpus.json"); });
    EXPECT_EQ(error.place(), "corpus.json: shards[0].file");
  }
}

TEST(PackedFolder, RefusesOtherVersions) {
  EXPECT_THROW(packed_folder_from_json(R"({"pliant_corpus": 2})", "corpus.json"), Error);
  EXPECT_THROW(packed_folder_from_json(R"({})", "corpus.json"), Error);
}

}  // namespace
}  // namespace pliant::data
