#include "data/corpus/corpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/files.h"
#include "core/json.h"
#include "core/units.h"
#include "core/utf8.h"
#include "data/corpus/archive.h"
#include "data/corpus/filters.h"

namespace pliant::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_levels = 4;  // of archives in archives
constexpr std::size_t most_shown = 5;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_hidden(const fs::path& path) {
  return std::ranges::any_of(path, [](const fs::path& part) {
    const std::string name = part.string();
    return name.starts_with('.') && name != "." && name != "..";
  });
}

// By the ending below those of compression.
bool is_json_lines(const std::string& name) {
  fs::path path = file_name(name);
  for (const std::string_view packed : {".gz", ".zst", ".xz", ".bz2"})
    if (extension(path.string()) == packed) path = path.stem();
  const std::string ending = extension(path.string());
  return ending == ".jsonl" || ending == ".ndjson" || ending == ".json";
}

void unify_line_ends(std::string& text) {
  std::size_t to = 0;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') text[to++] = text[i];
  text.resize(to);
}

// `line`: on which the document begins.
void check_utf8(std::string_view text, const std::string& place, std::int64_t line) {
  if (is_utf8(text)) return;
  std::size_t at = 0;
  for (auto first = first_character(text); first.status == Utf8Character::Status::whole;
       first = first_character(text.substr(at)))
    at += first.length;
  line += std::ranges::count(text.substr(0, at), '\n');
  throw Error(ErrorKind::format, fmt::format("{}: line {}", place, line),
              fmt::format("the byte {:#04x} is not UTF-8", static_cast<unsigned char>(text[at])),
              "convert the text (iconv -t UTF-8), or leave such documents out (--skip-bad)");
}

}  // namespace

std::string_view name(Fault fault) {
  switch (fault) {
    case Fault::json: return "no JSON object with the text";
    case Fault::utf8: return "not UTF-8";
    case Fault::size: return "too large";
    default: return "cut or damaged";
  }
}

class Corpus::Reader {
 public:
  Reader(std::vector<std::string> files, const ReadingOptions& options)
      : files_(std::move(files)), options_(options) {
    if (options.largest < 1) throw Error(ErrorKind::usage, "largest-document", "is below one byte");
    if (options.field.empty()) throw Error(ErrorKind::usage, "field", "is empty");
    for (const std::string& each : files_) sizes_.push_back(size_of(each));
    for (const std::int64_t each : sizes_) bytes_ += each;
  }

  bool next(Document& document) {
    while (true) {
      try {
        if (lines_ == nullptr && !open_content()) return false;
        if (!read(document)) {
          lines_.reset();
        } else if (is_blank(document.text)) {
          ++empty_;
        } else {
          return true;
        }
      } catch (const Error& error) {
        if (!options_.skip_bad || error.kind() == ErrorKind::io ||
            error.kind() == ErrorKind::not_found)
          throw;
        pass_over(error);
      }
    }
  }

  std::int64_t bytes_read() const {
    return done_ + (file_ ? std::min(file_->position(), sizes_[at_ - 1]) : 0);
  }

  std::int64_t bytes_ = 0;
  std::array<std::int64_t, fault_count> skipped_{};
  std::vector<std::string> first_skipped_;
  std::int64_t empty_ = 0;
  std::size_t at_ = 0;  // files begun

 private:
  struct Level {
    std::string place, name;
    std::unique_ptr<Archive> archive;
  };

  static std::int64_t size_of(const std::string& file) {
    std::error_code none;
    const auto size = fs::file_size(file, none);
    return none ? 0 : static_cast<std::int64_t>(size);
  }

  void enter(ByteStream& stream, std::string place, std::string name) {
    if (levels_.size() == most_levels)
      throw Error(ErrorKind::unsupported, place, fmt::format("lies {} archives deep", most_levels),
                  "unpack the outer ones");
    auto archive = std::make_unique<Archive>(stream, place);
    levels_.push_back({std::move(place), std::move(name), std::move(archive)});
  }

  // The next text, in a file or in a member of an archive.
  bool open_content() {
    reading_ = Fault::archive;
    while (true) {
      if (levels_.empty()) {
        if (file_) done_ += sizes_[at_ - 1];
        file_.reset();
        if (at_ == files_.size()) return false;
        const std::string& path = files_[at_];
        file_ = std::make_unique<FileStream>(path);
        ++at_;
        enter(*file_, path, path);
      }
      Archive& archive = *levels_.back().archive;
      if (!archive.next()) {
        levels_.pop_back();
      } else if (archive.is_bare()) {
        begin(archive.content());
        return true;
      } else if (!is_hidden(archive.name())) {
        enter(archive.content(), levels_.back().place + ": " + archive.name(), archive.name());
      }
    }
  }

  void begin(ByteStream& content) {
    lines_ = std::make_unique<Lines>(content, options_.largest, levels_.back().place);
    content_ = &content;
    json_lines_ = options_.format == TextFormat::automatic ? is_json_lines(levels_.back().name)
                                                           : options_.format == TextFormat::jsonl;
    at_begin_ = true;
  }

  bool read(Document& document) {
    reading_ = Fault::archive;
    document.place = levels_.back().place;
    std::int64_t line = 1;
    const bool whole =
        !json_lines_ && options_.split == TextSplit::files && options_.separator.empty();
    const bool any = whole ? read_whole(document.text) : read_lines(document.text, line);
    if (!any) return false;
    if (!whole) document.place += fmt::format(": line {}", line);
    reading_ = Fault::utf8;
    check_utf8(document.text, levels_.back().place, line);
    if (json_lines_ && !is_blank(document.text)) parse(document);
    return true;
  }

  // Of the whole text.
  bool read_whole(std::string& text) {
    if (!std::exchange(at_begin_, false)) return false;
    text.clear();
    for (std::string_view more = content_->more(); !more.empty(); more = content_->more()) {
      if (std::ssize(text) + std::ssize(more) > options_.largest) refuse_size(levels_.back().place);
      text += more;
    }
    if (text.starts_with(byte_order_mark)) text.erase(0, byte_order_mark.size());
    unify_line_ends(text);
    return true;
  }

  // Up to where a document ends; `first` becomes the number of its first line.
  bool read_lines(std::string& text, std::int64_t& first) {
    text.clear();
    bool any = false, too_long = false;
    std::string line;
    while (next_line(line)) {
      if (ends_before(line)) {
        if (any) break;
        continue;
      }
      if (!any) first = lines_->number();
      else if (!too_long) text += '\n';
      any = true;
      too_long = too_long || std::ssize(text) + std::ssize(line) > options_.largest;
      if (!too_long) text += line;
      if (is_single(line)) break;
    }
    if (too_long) refuse_size(fmt::format("{}: line {}", levels_.back().place, first));
    return any;
  }

  bool next_line(std::string& line) {
    if (!lines_->next(line)) return false;
    if (std::exchange(at_begin_, false) && line.starts_with(byte_order_mark))
      line.erase(0, byte_order_mark.size());
    return true;
  }

  // Whether `line` is between documents, and whether it is one.
  bool ends_before(const std::string& line) const {
    if (json_lines_ || is_single(line)) return is_blank(line);
    return options_.separator.empty() ? is_blank(line) : line == options_.separator;
  }
  bool is_single(const std::string&) const {
    return json_lines_ || (options_.separator.empty() && options_.split == TextSplit::lines);
  }

  void parse(Document& document) {
    reading_ = Fault::json;
    const nlohmann::json json = parse_json(document.text, document.place);
    document.text = JsonNode(json, document.place).object().text(options_.field);
    reading_ = Fault::utf8;
  }

  [[noreturn]] void refuse_size(const std::string& place) const {
    throw Error(ErrorKind::capacity, place,
                "is a document of more than " + bytes_text(options_.largest),
                "say where documents end (--split, --separator), allow more (--largest-document), "
                "or leave such documents out (--skip-bad)");
  }

  void pass_over(const Error& error) {
    const Fault fault = error.kind() == ErrorKind::capacity ? Fault::size : reading_;
    ++skipped_[static_cast<std::size_t>(fault)];
    if (first_skipped_.size() < most_shown) first_skipped_.emplace_back(error.what());
    if (fault != Fault::archive) return;
    lines_.reset();
    if (!levels_.empty()) levels_.pop_back();
    while (!levels_.empty() && levels_.back().archive->failed()) levels_.pop_back();
  }

  std::vector<std::string> files_;
  ReadingOptions options_;
  std::vector<std::int64_t> sizes_;
  std::int64_t done_ = 0;  // bytes of files that were read to the end
  std::unique_ptr<FileStream> file_;
  std::vector<Level> levels_;
  std::unique_ptr<Lines> lines_;  // of the text being read; null: none is
  ByteStream* content_ = nullptr;
  bool json_lines_ = false, at_begin_ = false;
  Fault reading_ = Fault::archive;  // what an error now means
};

Corpus::Corpus(std::vector<std::string> files, const ReadingOptions& options)
    : reader_(std::make_unique<Reader>(std::move(files), options)) {}
Corpus::~Corpus() = default;

bool Corpus::next(Document& document) { return reader_->next(document); }
std::int64_t Corpus::bytes() const { return reader_->bytes_; }
std::int64_t Corpus::bytes_read() const { return reader_->bytes_read(); }
std::int64_t Corpus::files_read() const { return static_cast<std::int64_t>(reader_->at_); }
std::int64_t Corpus::empty_documents() const { return reader_->empty_; }
std::int64_t Corpus::skipped(Fault fault) const {
  return reader_->skipped_[static_cast<std::size_t>(fault)];
}
const std::vector<std::string>& Corpus::first_skipped() const { return reader_->first_skipped_; }

}  // namespace pliant::data
