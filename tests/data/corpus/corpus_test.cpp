#include "data/corpus/corpus.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "core/files.h"
#include "core/rng.h"
#include "data/corpus/packing.h"
#include "errors.h"

namespace pliant::data {
namespace {

using Texts = std::vector<std::string>;

class CorpusTest : public testing::Test {
 protected:
  CorpusTest() : folder_(testing::TempDir() + "pliant-corpus-" + std::to_string(::getpid())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    std::filesystem::current_path(folder_);  // so that places are short
  }
  ~CorpusTest() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }

  static std::string file(const std::string& name, const std::string& bytes) {
    if (const auto parent = std::filesystem::path(name).parent_path(); !parent.empty())
      std::filesystem::create_directories(parent);
    write_file(name, bytes);
    return name;
  }

  // "place = text" of each document.
  static Texts read(Corpus& corpus) {
    Texts texts;
    Document document;
    while (corpus.next(document)) texts.push_back(document.place + " = " + document.text);
    EXPECT_EQ(corpus.bytes_read(), corpus.bytes());
    return texts;
  }
  static Texts read(const std::string& name, const ReadingOptions& options = {}) {
    Corpus corpus(corpus_files({name}), options);
    return read(corpus);
  }
  static std::string refusal(const std::string& name, const ReadingOptions& options = {}) {
    return error_of([&] { read(name, options); });
  }

 private:
  std::filesystem::path before_ = std::filesystem::current_path();
  std::string folder_;
};

const std::string compressions[] = {"none", "gzip", "zstd", "xz", "bzip2"};

TEST_F(CorpusTest, ReadsTextWhole) {
  file("a.txt", "\xEF\xBB\xBFone\r\ntwo\n\nthree\n");
  EXPECT_EQ(read("a.txt"), (Texts{"a.txt = one\ntwo\n\nthree\n"}));
}

TEST_F(CorpusTest, SplitsTextWhereItIsTold) {
  file("a.txt", "one\ntwo\n\n \nthree\n<|end|>\nfour");
  EXPECT_EQ(read("a.txt", {.split = TextSplit::lines}),
            (Texts{"a.txt: line 1 = one", "a.txt: line 2 = two", "a.txt: line 5 = three",
                   "a.txt: line 6 = <|end|>", "a.txt: line 7 = four"}));
  EXPECT_EQ(read("a.txt", {.split = TextSplit::blank_lines}),
            (Texts{"a.txt: line 1 = one\ntwo", "a.txt: line 5 = three\n<|end|>\nfour"}));
  EXPECT_EQ(read("a.txt", {.separator = "<|end|>"}),
            (Texts{"a.txt: line 1 = one\ntwo\n\n \nthree", "a.txt: line 7 = four"}));
}

TEST_F(CorpusTest, ReadsJsonLines) {
  file("a.jsonl", "{\"text\": \"one\\ntwo\"}\n\n{\"id\": 3, \"text\": \"three\"}");
  EXPECT_EQ(read("a.jsonl"), (Texts{"a.jsonl: line 1 = one\ntwo", "a.jsonl: line 3 = three"}));
  file("b.txt", "{\"body\": \"one\"}\n");
  EXPECT_EQ(read("b.txt", {.format = TextFormat::jsonl, .field = "body"}),
            (Texts{"b.txt: line 1 = one"}));
  EXPECT_EQ(read("a.jsonl", {.format = TextFormat::text}).size(), 1U);
}

TEST_F(CorpusTest, ReadsCompressedStreamsAndArchives) {
  for (const std::string& compression : compressions) {
    SCOPED_TRACE(compression);
    file("web.jsonl.gz", compressed("{\"text\": \"one\"}\n{\"text\": \"two\"}\n", compression));
    EXPECT_EQ(read("web.jsonl.gz"),
              (Texts{"web.jsonl.gz: line 1 = one", "web.jsonl.gz: line 2 = two"}));
    file("books.tar.gz", packed({{"books/b.txt", "bee"},
                                 {"books/._b.txt", "\x00\x05\x16"},
                                 {"books/empty.txt", ""},
                                 {"books/a.jsonl", "{\"text\": \"ay\"}"}},
                                compression));
    EXPECT_EQ(read("books.tar.gz"), (Texts{"books.tar.gz: books/b.txt = bee",
                                           "books.tar.gz: books/a.jsonl: line 1 = ay"}));
  }
}

TEST_F(CorpusTest, ReadsCompressedFilesAndArchivesWithinArchives) {
  const std::string inner = packed({{"deep.txt", "found"}}, "zstd");
  file("all.tar", packed({{"a.jsonl.gz", compressed("{\"text\": \"one\"}", "gzip")},
                          {"inner.tar.zst", inner},
                          {"z.txt", "last"}},
                         "none"));
  EXPECT_EQ(read("all.tar"),
            (Texts{"all.tar: a.jsonl.gz: line 1 = one", "all.tar: inner.tar.zst: deep.txt = found",
                   "all.tar: z.txt = last"}));
  std::string nested = "text";
  for (int i = 0; i < 6; ++i) nested = packed({{"in", nested}}, "none");
  file("nested.tar", nested);
  EXPECT_NE(refusal("nested.tar").find("lies 4 archives deep"), std::string::npos);
}

TEST_F(CorpusTest, ReadsFoldersInOrderWithoutHiddenFilesAndItsOwnOutput) {
  file("c/b.txt", "bee");
  file("c/a/x.txt", "ex");
  file("c/.git/config", "no");
  file("c/.hidden", "no");
  file("c/packed/shard", "no");
  Corpus corpus(corpus_files({"c"}, "c/packed"), {});
  EXPECT_EQ(read(corpus), (Texts{"c/a/x.txt = ex", "c/b.txt = bee"}));
  EXPECT_EQ(corpus.files_read(), 2);
  std::filesystem::create_directories("nothing");
  EXPECT_EQ(error_of([] { corpus_files({"nothing"}); }),
            "nothing: holds no files (name a folder with text)");
  EXPECT_EQ(thrown_by([] { corpus_files({"absent.txt"}); }).kind(), ErrorKind::not_found);
}

TEST_F(CorpusTest, CountsDocumentsWithoutText) {
  file("a.jsonl", "{\"text\": \"\"}\n{\"text\": \" \\n\"}\n{\"text\": \"x\"}\n");
  file("empty.txt", "");
  Corpus corpus({"a.jsonl", "empty.txt"}, {});
  EXPECT_EQ(read(corpus).size(), 1U);
  EXPECT_EQ(corpus.empty_documents(), 2);  // the empty file is no document at all
}

TEST_F(CorpusTest, TakesNoMoreMemoryThanADocument) {
  // far more lines than the limit on a document allows bytes
  std::string lines;
  for (int i = 0; i < 50'000; ++i) lines += "{\"text\": \"" + std::to_string(i) + "\"}\n";
  file("a.jsonl", lines);
  EXPECT_EQ(read("a.jsonl", {.largest = 100}).size(), 50'000U);
}

TEST_F(CorpusTest, NamesTheLineOfBrokenJson) {
  file("a.tar.gz", packed({{"w.jsonl", "{\"text\": \"one\"}\n{\"text\": 5}\n"}}, "gzip"));
  EXPECT_EQ(refusal("a.tar.gz").find("a.tar.gz: w.jsonl: line 2: text: "), 0U)
      << refusal("a.tar.gz");
  file("b.jsonl", "{\"text\": \"one\"\n");
  EXPECT_EQ(refusal("b.jsonl").find("b.jsonl: line 1"), 0U) << refusal("b.jsonl");
  file("c.jsonl", "[1]\n");
  EXPECT_EQ(refusal("c.jsonl").find("c.jsonl: line 1"), 0U) << refusal("c.jsonl");
  file("d.jsonl", "{\"body\": \"x\"}\n");
  EXPECT_NE(refusal("d.jsonl").find("text"), std::string::npos) << refusal("d.jsonl");
}

TEST_F(CorpusTest, NamesTheLineThatIsNotUtf8) {
  file("a.txt", "one\ntwo\ncaf\xE9 three\n");
  EXPECT_EQ(refusal("a.txt"),
            "a.txt: line 3: the byte 0xe9 is not UTF-8 (convert the text (iconv -t UTF-8), or "
            "leave such documents out (--skip-bad))");
  file("b.jsonl", "{\"text\": \"caf\xE9\"}\n");
  EXPECT_EQ(refusal("b.jsonl").find("b.jsonl: line 1: the byte 0xe9"), 0U);
}

TEST_F(CorpusTest, RefusesDocumentsAboveTheLimit) {
  file("a.txt", std::string(1001, 'x') + "\n\nshort\n");
  const ReadingOptions limited{.largest = 1000};
  EXPECT_EQ(thrown_by([&] { read("a.txt", limited); }).kind(), ErrorKind::capacity);
  EXPECT_EQ(refusal("a.txt", limited).find("a.txt: is a document of more than 1000 B"), 0U)
      << refusal("a.txt", limited);
  ReadingOptions split = limited;
  split.split = TextSplit::blank_lines;
  EXPECT_EQ(refusal("a.txt", split).find("a.txt: line 1: is longer than 1000 B"), 0U);
  split.skip_bad = true;
  EXPECT_EQ(read("a.txt", split), (Texts{"a.txt: line 3 = short"}));
  file("b.txt", "xxxx\nxxxx\nxxxx\n\nshort\n");
  split.largest = 10;
  EXPECT_EQ(read("b.txt", split), (Texts{"b.txt: line 5 = short"}));
}

TEST_F(CorpusTest, ReadsGzipOfSeveralParts) {
  const std::string parts = compressed("one ", "gzip") + compressed("two", "gzip");
  file("a.gz", parts);
  EXPECT_EQ(read("a.gz"), (Texts{"a.gz = one two"}));
  file("a.gz", parts + std::string(600, '\0'));
  EXPECT_EQ(read("a.gz"), (Texts{"a.gz = one two"}));
  file("a.gz", parts + "more");
  EXPECT_EQ(refusal("a.gz"), "a.gz: is cut or damaged: bytes after the end of the gzip data");
}

TEST_F(CorpusTest, FindsWhatIsCutOrDamaged) {
  std::string text;
  Rng rng(3);
  for (int i = 0; i < 3000; ++i) text += std::to_string(rng.bits()) + " ";
  for (const std::string& compression : compressions) {
    if (compression == "none") continue;
    SCOPED_TRACE(compression);
    const std::string good = compressed(text, compression);
    for (const std::size_t size : {good.size() - 1, good.size() / 2, good.size() / 10}) {
      file("cut", good.substr(0, size));
      const Error error = thrown_by([] { read("cut"); });
      EXPECT_EQ(error.kind(), ErrorKind::format) << size;
      EXPECT_EQ(error.place(), "cut");
    }
    if (compression == "zstd") continue;  // libarchive's frames have no checksum, those of zstd do
    std::string bad = good;
    bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 0x55);
    file("damaged", bad);
    EXPECT_NE(refusal("damaged"), "accepted");
  }
  const std::string tar = packed({{"a.txt", text}, {"b.txt", text}}, "none");
  file("cut.tar", tar.substr(0, tar.size() / 4));
  EXPECT_EQ(refusal("cut.tar").find("cut.tar: a.txt: is cut or damaged"), 0U) << refusal("cut.tar");
  file("cut.tar.xz", packed({{"a.txt", text}, {"b.txt", text}}, "xz").substr(0, 9000));
  EXPECT_EQ(refusal("cut.tar.xz").find("cut.tar.xz: "), 0U) << refusal("cut.tar.xz");
}

TEST_F(CorpusTest, LeavesOutWhatIsBadWhereItIsAskedTo) {
  const std::string gz = compressed(std::string(100'000, 'x') + "y", "gzip");
  file("c/a.jsonl", "{\"text\": \"one\"}\n{broken\n{\"text\": \"caf\xE9\"}\n{\"text\": \"two\"}\n");
  file("c/b.txt.gz", gz.substr(0, gz.size() / 2));
  file("c/c.tar",
       packed({{"in.txt.gz", gz.substr(0, gz.size() / 2)}, {"out.txt", "three"}}, "none"));
  file("c/d.txt", std::string(2000, 'x'));
  file("c/e.txt", "four");
  Corpus corpus(corpus_files({"c"}), {.largest = 1000, .skip_bad = true});
  EXPECT_EQ(read(corpus), (Texts{"c/a.jsonl: line 1 = one", "c/a.jsonl: line 4 = two",
                                 "c/c.tar: out.txt = three", "c/e.txt = four"}));
  EXPECT_EQ(corpus.skipped(Fault::json), 1);
  EXPECT_EQ(corpus.skipped(Fault::utf8), 1);
  EXPECT_EQ(corpus.first_skipped().size(), 5U);
  EXPECT_EQ(corpus.skipped(Fault::size) + corpus.skipped(Fault::archive), 3);
}

TEST_F(CorpusTest, CountsAnArchiveThatIsCutWithinAMemberOnce) {
  Rng rng(4);
  std::string text;
  for (int i = 0; i < 3000; ++i) text += std::to_string(rng.bits());
  const std::string tar = packed({{"a.txt.gz", compressed(text, "gzip")}, {"b.txt", "b"}}, "none");
  file("a.tar", tar.substr(0, 2000));
  file("b.txt", "after");
  Corpus corpus({"a.tar", "b.txt"}, {.skip_bad = true});
  EXPECT_EQ(read(corpus), (Texts{"b.txt = after"}));
  EXPECT_EQ(corpus.skipped(Fault::archive), 1);
}

TEST_F(CorpusTest, NeverLeavesOutFilesThatCannotBeOpened) {
  file("a.txt", "one");
  Corpus corpus({"a.txt", "gone.txt"}, {.skip_bad = true});
  Document document;
  EXPECT_TRUE(corpus.next(document));
  EXPECT_EQ(thrown_by([&] { corpus.next(document); }).kind(), ErrorKind::not_found);
}

TEST_F(CorpusTest, RefusesOptionsThatMakeNoSense) {
  EXPECT_THROW(Corpus({}, {.largest = 0}), Error);
  EXPECT_THROW(Corpus({}, {.field = ""}), Error);
}

}  // namespace
}  // namespace pliant::data
