// Documents out of files of text: plain, JSON lines, compressed, in archives.
// docs/training-data.md.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/ids.h"

namespace pliant::data {

enum class TextFormat : std::uint8_t { automatic, text, jsonl };
// Where documents end in plain text.
enum class TextSplit : std::uint8_t { files, lines, blank_lines };

struct ReadingOptions {
  TextFormat format = TextFormat::automatic;  // by the file's or member's name: .jsonl, .ndjson,
                                              // .json are JSON lines, all else is text
  TextSplit split = TextSplit::files;
  std::string separator = {};  // a line that ends a document, in place of `split`; empty: none
  std::string field = "text";  // of a JSON line
  std::int64_t largest = std::int64_t{256} << 20;  // bytes of a document
  bool skip_bad = false;                           // leave out what cannot be read, and count it
};

struct Document {
  std::string text;   // valid UTF-8, without a byte order mark
  std::string place;  // "books.tar.xz: books/one.txt", "web.jsonl.gz: line 12"
};

enum class Fault : std::uint8_t { json, utf8, size, archive };
constexpr int fault_count = 4;
std::string_view name(Fault fault);  // "no JSON with a text", ...

// The files below folders (in the order of their names; hidden ones are left out), and what is no
// folder as it is. What lies in `except` is left out. Throws Error{not_found}, Error{io}, and
// Error{invalid} for a folder without files.
std::vector<std::string> corpus_files(const std::vector<std::string>& paths,
                                      const std::string& except = "");

// Reads one file after another; of each, no more than a document is in memory. Archives may hold
// compressed files and archives, a few deep.
class Corpus {
 public:
  // Throws Error{usage} for options that make no sense.
  Corpus(std::vector<std::string> files, const ReadingOptions& options);
  ~Corpus();
  Corpus(const Corpus&) = delete;
  Corpus& operator=(const Corpus&) = delete;

  // Documents without a character other than blanks are passed over and counted. Throws
  // Error{format} (broken JSON, text that is not UTF-8, cut or damaged archives), Error{capacity}
  // (a document above the limit), each naming file, member and line; with skip_bad only
  // Error{not_found} and Error{io}.
  bool next(Document& document);

  std::int64_t bytes() const;       // of all files, as they are on disk
  std::int64_t bytes_read() const;  // of them so far
  std::int64_t files_read() const;
  std::int64_t empty_documents() const;
  std::int64_t skipped(Fault fault) const;
  const std::vector<std::string>& first_skipped() const;  // what was wrong with the first few

 private:
  class Reader;
  std::unique_ptr<Reader> reader_;
};

}  // namespace pliant::data
