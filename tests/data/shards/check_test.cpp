#include "data/shards/check.h"

#include <gtest/gtest.h>

#include "data/shards/folder.h"
#include "data/shards/made.h"
#include "errors.h"

namespace pliant::data {
namespace {

TEST(CheckShards, CountsAndFindsDamage) {
  const Folder folder;
  ThreadPool pool(2);
  PackedFolder packed{narrow, "tokenizer.json", {{"a", 2, 5, 20}, {"b", 1, 1, 4}}};
  write_shard(folder, "a", {{1, 2, 3}, {4, 5}}, narrow);
  write_shard(folder, "b", {{6}}, narrow);
  const auto check = [&] {
    write_file(index_path(folder.path()), to_json(packed));
    return check_shards({folder.path()}, pool);
  };
  const Checked checked = check();
  EXPECT_EQ(checked.shards, 2);
  EXPECT_EQ(checked.documents, 3);
  EXPECT_EQ(checked.tokens, 6);
  EXPECT_EQ(checked.text_bytes, 24);
  EXPECT_EQ(checked.longest, 3);
  EXPECT_EQ(checked.tokenizer, narrow);
  EXPECT_EQ(check_shards({folder / "a"}, pool).documents, 2);

  packed.shards[1].tokens = 2;
  EXPECT_EQ(thrown_by(check).problem(), "has 1 documents and 1 tokens; corpus.json says 1 and 2");
  packed.shards[1].tokens = 1;
  write_shard(folder, "b", {{6}}, wide);
  EXPECT_EQ(thrown_by(check).kind(), ErrorKind::invalid);
  packed.shards[1].file = "c";
  EXPECT_EQ(thrown_by(check).kind(), ErrorKind::not_found);
  packed.shards.clear();
  EXPECT_EQ(thrown_by(check).problem(), "there are no shards");
  std::string bytes = shard_bytes({{1, 2, 3}}, narrow);
  bytes[17] = 9;
  write_file(folder / "bad", bytes);
  EXPECT_EQ(thrown_by([&] { check_shards({folder / "bad"}, pool); }).kind(), ErrorKind::format);
}

}  // namespace
}  // namespace pliant::data
