#include "data/shards/shard.h"

#include <gtest/gtest.h>

#include <cstring>

#include "data/shards/made.h"
#include "errors.h"

namespace pliant::data {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

Ids read_all(const Shard& shard) {
  Ids ids(shard.tokens());
  shard.read(0, ids);
  return ids;
}

TEST(Shard, GivesBackItsDocuments) {
  for (const TokenizerIdentity& identity : {narrow, wide}) {
    const std::vector<Ids> documents{{1, 2, 3}, {}, {49999}, {0, 5}};
    const std::string bytes = shard_bytes(documents, identity);
    const Shard shard(bytes_of(bytes), "made");
    EXPECT_EQ(shard.identity(), identity);
    ASSERT_EQ(shard.documents(), 4);
    EXPECT_EQ(shard.tokens(), 6);
    for (std::int64_t i = 0; i < 4; ++i) {
      const DocumentEntry entry = shard.document(i);
      Ids ids(entry.tokens());
      shard.read(entry.begin, ids);
      EXPECT_EQ(ids, documents[i]);
      EXPECT_EQ(entry.text_bytes, 4 * std::ssize(documents[i]));
    }
    EXPECT_EQ(shard.document(0).text_hash, shard.document(0).text_hash);
    EXPECT_NE(shard.document(0).text_hash, shard.document(3).text_hash);
  }
}

TEST(Shard, MayBeEmpty) {
  const std::string bytes = shard_bytes({}, narrow);
  const Shard shard(bytes_of(bytes), "made");
  EXPECT_EQ(shard.documents(), 0);
  shard.verify();
}

TEST(Shard, ReadsAcrossBlocks) {
  std::vector<Ids> documents(3, Ids(300'000));
  Rng rng(1);
  for (Ids& each : documents)
    for (std::int32_t& id : each) id = static_cast<std::int32_t>(rng.below(wide.vocabulary));
  const std::string bytes = shard_bytes(documents, wide);
  const Shard shard(bytes_of(bytes), "made");
  Ids part(300'000);
  shard.read(200'000, part);
  EXPECT_TRUE(std::equal(part.begin(), part.begin() + 100'000, documents[0].begin() + 200'000));
  EXPECT_TRUE(std::equal(part.begin() + 100'000, part.end(), documents[1].begin()));
}

TEST(Shard, FindsEveryDamagedByte) {
  const std::string good = shard_bytes({{1, 2, 3}, {4, 5}}, narrow);
  for (std::size_t i = 0; i < good.size(); ++i)
    for (const int bit : {0, 7}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_THROW(read_all(Shard(bytes_of(bad), "bad")), Error) << "byte " << i;
      EXPECT_THROW(Shard(bytes_of(bad), "bad").verify(), Error) << "byte " << i;
    }
}

TEST(Shard, RefusesFilesThatAreCut) {
  const std::string good = shard_bytes({{1, 2, 3}, {4, 5}}, narrow);
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_THROW(Shard(bytes_of(good.substr(0, size)), "cut"), Error) << size;
}

TEST(Shard, NamesTheDamagedBlockWhenItIsReadAndNotBefore) {
  std::string bytes = shard_bytes({Ids(600'000, 3), Ids(1000, 4)}, narrow);
  bytes[16 + (1 << 20) + 10] = 9;
  const Shard shard(bytes_of(bytes), "far");
  Ids ids(10);
  shard.read(0, ids);
  const Error error = thrown_by([&] { shard.read(599'990, ids); });
  EXPECT_EQ(error.kind(), ErrorKind::format);
  EXPECT_EQ(error.place(), "far: byte 1048592");
  EXPECT_EQ(error.problem(), "the checksum of block 1 is wrong");
}

TEST(Shard, SaysWhatOtherFilesAre) {
  EXPECT_EQ(error_of([] { Shard(bytes_of("no shard at all, but a text"), "text.txt"); }),
            "text.txt: is not a token shard (make one from text: pliant data pack)");
  std::string later = shard_bytes({{1}}, narrow);
  later[8] = 2;
  EXPECT_EQ(thrown_by([&] { Shard(bytes_of(later), "later"); }).problem(),
            "is a shard of version 2, known is 1");
}

TEST(Shard, RefusesIdsOutsideTheVocabularyBehindGoodChecksums) {
  std::string bytes = shard_bytes({{499}}, {.id = 1, .vocabulary = 500});
  const std::size_t parts[] = {0, 16, 18, 24, 48, 56, 96};  // head, token, zeros, tables, counts
  ASSERT_EQ(bytes.size(), parts[6] + 8);
  bytes[64] = 100, bytes[65] = 0;  // the vocabulary
  std::uint64_t sum = hash64(bytes.substr(0, 16));
  for (int i = 2; i < 6; ++i) sum = hash64(bytes.substr(parts[i], parts[i + 1] - parts[i]), sum);
  std::memcpy(bytes.data() + parts[6], &sum, sizeof sum);
  const Shard shard(bytes_of(bytes), "hostile");
  EXPECT_EQ(thrown_by([&] { read_all(shard); }).problem(),
            "block 0 has the id 499, the vocabulary 100 tokens");
}

TEST(ShardWriter, RefusesIdsOutsideTheVocabulary) {
  EXPECT_THROW(shard_bytes({{50000}}, narrow), Error);
  EXPECT_THROW(shard_bytes({{-1}}, narrow), Error);
  EXPECT_THROW(shard_bytes({}, {.id = 1, .vocabulary = 0}), Error);
}

TEST(Shard, WritesHashesAsDigits) {
  EXPECT_EQ(hexadecimal(0x12ab), "00000000000012ab");
  EXPECT_EQ(from_hexadecimal("00000000000012ab", "x"), 0x12abU);
  EXPECT_THROW(from_hexadecimal("12ab", "x"), Error);
  EXPECT_THROW(from_hexadecimal("000000000000x2ab", "x"), Error);
}

}  // namespace
}  // namespace pliant::data
