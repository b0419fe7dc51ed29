#include "data/pack/pack.h"

#include <fmt/format.h>

#include <filesystem>
#include <sstream>
#include <system_error>

#include "core/error.h"
#include "core/files.h"
#include "core/units.h"
#include "data/tokenizer/identity.h"

namespace pliant::data {
namespace {

namespace fs = std::filesystem;

// A folder that gets new files, and loses them again unless they are kept.
class NewFiles {
 public:
  explicit NewFiles(const std::string& folder) : folder_(folder) {
    std::error_code error;
    made_ = fs::create_directories(folder, error);
    if (error) throw Error(ErrorKind::io, folder, "cannot make the folder: " + error.message());
  }
  ~NewFiles() {
    if (kept_) return;
    std::error_code none;
    for (const std::string& each : paths_) fs::remove(each, none);
    if (made_) fs::remove(folder_, none);
  }
  NewFiles(const NewFiles&) = delete;
  NewFiles& operator=(const NewFiles&) = delete;

  std::string add(const std::string& name) {
    return paths_.emplace_back((fs::path(folder_) / name).string());
  }
  void keep() { kept_ = true; }

 private:
  std::string folder_;
  std::vector<std::string> paths_;
  bool made_ = false, kept_ = false;
};

PackedFolder folder_before(const std::string& folder, const TokenizerIdentity& tokenizer,
                           const PackOptions& options) {
  std::error_code none;
  const bool packed = fs::exists(index_path(folder), none);
  if (!packed && options.append)
    throw Error(ErrorKind::usage, folder, "holds no packed text to append to",
                "leave --append out to begin a new folder");
  if (packed && !options.append)
    throw Error(ErrorKind::usage, folder, "holds packed text already",
                "add to it with --append, or choose another folder");
  if (!packed) return {tokenizer, options.tokenizer_file, {}};
  PackedFolder before = read_packed_folder(folder);
  if (before.tokenizer != tokenizer)
    throw Error(
        ErrorKind::invalid, folder,
        fmt::format("was packed with the tokenizer {}, '{}'; this one is {}",
                    to_string(before.tokenizer), before.tokenizer_file, to_string(tokenizer)),
        "use that tokenizer, or pack all of the text into another folder");
  return before;
}

class Packer {
 public:
  Packer(const std::vector<std::string>& files, const Tokenizer& tokenizer,
         const PackOptions& options, ThreadPool& pool, const PackWatch& watch)
      : corpus_(files, options.reading),
        encoder_(corpus_, tokenizer, options.encoding, pool),
        options_(options),
        watch_(watch) {
    if (options.shard_tokens < 1) throw Error(ErrorKind::usage, "shard-tokens", "is below 1");
  }

  bool any() {
    if (waiting_ == nullptr) take();
    return waiting_ != nullptr;
  }

  // As many pieces as a shard holds. Where `out` fails, whoever gave it says so.
  ShardEntry fill(std::ostream& out, const TokenizerIdentity& identity) {
    ShardWriter shard(out, identity);
    ShardEntry entry;
    while (out && any()) {
      const std::int64_t size = std::ssize(waiting_->ids);
      if (shard.documents() > 0 && shard.tokens() + size > options_.shard_tokens) break;
      shard.add(waiting_->ids, waiting_->text_bytes, waiting_->text_hash);
      entry.text_bytes += waiting_->text_bytes;
      waiting_ = nullptr;
    }
    shard.finish();
    entry.documents = shard.documents();
    entry.tokens = shard.tokens();
    bytes_ += shard.bytes();
    return entry;
  }

  PackSummary summary() const {
    PackSummary summary{.counts = encoder_.counts(),
                        .files = corpus_.files_read(),
                        .empty_documents = corpus_.empty_documents(),
                        .first_skipped = corpus_.first_skipped(),
                        .shard_bytes = bytes_};
    for (int i = 0; i < fault_count; ++i)
      summary.skipped[i] = corpus_.skipped(static_cast<Fault>(i));
    return summary;
  }

  const Corpus& corpus() const { return corpus_; }
  const Encoder& encoder() const { return encoder_; }

 private:
  void take() {
    waiting_ = encoder_.next();
    if (watch_) watch_({corpus_.bytes(), corpus_.bytes_read(), encoder_.counts()});
  }

  Corpus corpus_;
  Encoder encoder_;
  const PackOptions& options_;
  const PackWatch& watch_;
  Encoded* waiting_ = nullptr;
  std::int64_t bytes_ = 0;
};

[[noreturn]] void refuse_nothing(const std::string& place, const PackSummary& summary) {
  const EncodingCounts& counts = summary.counts;
  std::int64_t skipped = 0;
  for (const std::int64_t each : summary.skipped) skipped += each;
  throw Error(ErrorKind::invalid, place,
              fmt::format("gives nothing to train on: {} documents with text, {} without, {} that "
                          "cannot be read; {} pieces have too few characters, {} too few tokens",
                          counts.documents, summary.empty_documents + counts.blank, skipped,
                          counts.few_characters, counts.few_tokens),
              "look at the files, --field and the filters");
}

}  // namespace

PackSummary pack(const std::vector<std::string>& files, const std::string& folder,
                 const Tokenizer& tokenizer, const PackOptions& options, ThreadPool& pool,
                 const PackWatch& watch) {
  const TokenizerIdentity identity = identify(tokenizer);
  PackedFolder packed = folder_before(folder, identity, options);
  const std::size_t before = packed.shards.size();
  Packer packer(files, tokenizer, options, pool, watch);
  NewFiles written(folder);
  while (packer.any()) {
    const std::string name = fmt::format("shard-{:05}.tokens", packed.shards.size());
    ShardEntry entry;
    write_file(written.add(name), [&](std::ostream& out) { entry = packer.fill(out, identity); });
    entry.file = name;
    packed.shards.push_back(entry);
  }
  PackSummary summary = packer.summary();
  if (summary.counts.pieces == 0) refuse_nothing(files.empty() ? "corpus" : files.front(), summary);
  write_file(index_path(folder), to_json(packed));
  written.keep();
  summary.shards = std::ssize(packed.shards) - static_cast<std::int64_t>(before);
  summary.tokenizer = identity;
  return summary;
}

PackEstimate estimate(const std::vector<std::string>& files, const Tokenizer& tokenizer,
                      const PackOptions& options, ThreadPool& pool,
                      const std::function<double()>& clock, const PackWatch& watch,
                      std::int64_t sample_bytes) {
  const double begun = clock();
  Corpus corpus(files, options.reading);
  Encoder encoder(corpus, tokenizer, options.encoding, pool);
  const EncodingCounts& counts = encoder.counts();
  bool whole = false;
  while (!whole && (counts.text_bytes < sample_bytes || !encoder.is_batch_over())) {
    whole = encoder.next() == nullptr;
    if (watch) watch({corpus.bytes(), corpus.bytes_read(), counts});
  }
  const auto ratio = [](std::int64_t all, std::int64_t part) {
    return part > 0 ? static_cast<double>(all) / static_cast<double>(part) : 1.0;
  };
  // of text that was read ahead nothing but the size is known
  const double scale = whole ? 1.0
                             : ratio(corpus.bytes(), corpus.bytes_read()) *
                                   ratio(encoder.text_read(), counts.text_bytes);
  std::ostringstream nowhere;
  const ShardWriter empty(nowhere, identify(tokenizer));
  return {.whole = whole,
          .documents = scale * static_cast<double>(counts.pieces),
          .tokens = scale * static_cast<double>(counts.tokens),
          .text_bytes = scale * static_cast<double>(counts.kept_bytes),
          .shard_bytes = scale * static_cast<double>(empty.bytes_of(counts.pieces, counts.tokens)),
          .seconds = scale * (clock() - begun)};
}

}  // namespace pliant::data
