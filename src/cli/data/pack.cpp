#include "data/pack/pack.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/log/progress.h"
#include "data/tokenizer/identity.h"
#include "text/load/load.h"

namespace pliant::cli {

enum class Filters : std::uint8_t { none, openelm };

}  // namespace pliant::cli

namespace pliant {

template <>
struct OptionWords<data::TextFormat> {
  static constexpr std::pair<data::TextFormat, const char*> words[] = {
      {data::TextFormat::automatic, "auto"},
      {data::TextFormat::text, "text"},
      {data::TextFormat::jsonl, "jsonl"}};
};
template <>
struct OptionWords<data::TextSplit> {
  static constexpr std::pair<data::TextSplit, const char*> words[] = {
      {data::TextSplit::files, "files"},
      {data::TextSplit::lines, "lines"},
      {data::TextSplit::blank_lines, "blank-lines"}};
};
template <>
struct OptionWords<data::Begin> {
  static constexpr std::pair<data::Begin, const char*> words[] = {{data::Begin::automatic, "auto"},
                                                                  {data::Begin::always, "always"},
                                                                  {data::Begin::never, "never"}};
};
template <>
struct OptionWords<cli::Filters> {
  static constexpr std::pair<cli::Filters, const char*> words[] = {
      {cli::Filters::none, "none"}, {cli::Filters::openelm, "openelm"}};
};

}  // namespace pliant

namespace pliant::cli {
namespace {

using nlohmann::ordered_json;

struct PackVerb {
  std::vector<std::string> corpus;
  std::string out;
  Filters filters = Filters::none;
  std::optional<std::int64_t> piece_words, min_characters, min_tokens;
  Bytes largest{data::ReadingOptions{}.largest};
  bool no_end = false, dry_run = false;
  data::PackOptions pack;
};

data::PackOptions options_of(const PackVerb& verb) {
  data::PackOptions options = verb.pack;
  options.reading.largest = verb.largest.count;
  options.encoding.end = !verb.no_end;
  data::FilterOptions& filters = options.encoding.filters;
  if (verb.filters == Filters::openelm) {
    filters = data::openelm_filters();
    if (options.encoding.begin == data::Begin::automatic)
      options.encoding.begin = data::Begin::always;
  }
  filters.piece_words = verb.piece_words.value_or(filters.piece_words);
  filters.min_characters = verb.min_characters.value_or(filters.min_characters);
  filters.min_tokens = verb.min_tokens.value_or(filters.min_tokens);
  return options;
}

// Shows how far the work is; ends it when the user wants that.
class Watch {
 public:
  explicit Watch(const Invocation& context) : context_(context), progress_(context.log, clock_) {}

  double seconds() const { return progress_.seconds(); }
  const Clock& clock() const { return clock_; }

  void operator()(const data::PackState& state) {
    if (context_.stop)
      throw Error(ErrorKind::cancelled, "data pack",
                  fmt::format("ended after {} of {}; nothing is written",
                              bytes_text(state.bytes_read), bytes_text(state.bytes)));
    progress_.show([&] { return line(state); });
  }

 private:
  std::string line(const data::PackState& state) const {
    const double seconds = progress_.seconds(), read = static_cast<double>(state.bytes_read),
                 all = static_cast<double>(state.bytes);
    std::string text = fmt::format(
        "data pack: {:.0f} % of {}, {} tokens, {}/s", all > 0 ? 100 * read / all : 0.0,
        bytes_text(state.bytes), grouped_text(state.counts.tokens),
        count_text(static_cast<std::int64_t>(static_cast<double>(state.counts.tokens) / seconds)));
    if (read > 0 && read < all)
      text += fmt::format(", {} left", seconds_text(seconds * (all - read) / read));
    return text;
  }

  const Invocation& context_;
  Clock clock_ = steady_clock();
  Progress progress_;
};

std::string rate(std::int64_t count, double seconds) {
  return count_text(
      static_cast<std::int64_t>(static_cast<double>(count) / std::max(seconds, 1e-9)));
}

std::string bytes_a_token(const data::EncodingCounts& counts) {
  return fmt::format("{:.2f} bytes a token",
                     static_cast<double>(counts.kept_bytes) / static_cast<double>(counts.tokens));
}

// "3 below 200 characters, 1 without text"; empty: nothing was dropped
std::string dropped_text(const data::PackSummary& summary, const data::FilterOptions& filters) {
  std::string text;
  const auto add = [&](std::int64_t count, const std::string& what) {
    if (count > 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", grouped_text(count), what);
  };
  add(summary.counts.few_characters, fmt::format("below {} characters", filters.min_characters));
  add(summary.counts.few_tokens, fmt::format("below {} tokens", filters.min_tokens));
  add(summary.empty_documents + summary.counts.blank, "without text");
  for (int i = 0; i < data::fault_count; ++i)
    add(summary.skipped[i], std::string(data::name(static_cast<data::Fault>(i))));
  return text;
}

ordered_json json_of(const data::PackSummary& summary, const PackVerb& verb, double seconds) {
  const data::EncodingCounts& counts = summary.counts;
  ordered_json skipped;
  const char* names[data::fault_count] = {"json", "utf8", "too_large", "damaged"};
  for (int i = 0; i < data::fault_count; ++i) skipped[names[i]] = summary.skipped[i];
  return {{"out", verb.out},
          {"tokenizer", data::hexadecimal(summary.tokenizer.id)},
          {"vocabulary", summary.tokenizer.vocabulary},
          {"files", summary.files},
          {"documents_read", counts.documents},
          {"documents", counts.pieces},
          {"tokens", counts.tokens},
          {"unknown_tokens", counts.unknown},
          {"text_bytes", counts.kept_bytes},
          {"dropped",
           {{"few_characters", counts.few_characters},
            {"few_tokens", counts.few_tokens},
            {"empty", summary.empty_documents + counts.blank}}},
          {"skipped", skipped},
          {"shards", summary.shards},
          {"shard_bytes", summary.shard_bytes},
          {"seconds", seconds}};
}

std::string counted(std::int64_t count, const std::string& what) {
  return fmt::format("{} {}{}", grouped_text(count), what, count == 1 ? "" : "s");
}

std::string documents_text(const data::PackSummary& summary, const data::FilterOptions& filters) {
  const data::EncodingCounts& counts = summary.counts;
  return fmt::format(
      "{} of the {} in {}",
      filters.piece_words > 0 ? counted(counts.pieces, "piece") : grouped_text(counts.pieces),
      counted(counts.documents, "document"), counted(summary.files, "file"));
}

void print(std::ostream& out, const data::PackSummary& summary, const PackVerb& verb,
           const data::FilterOptions& filters, double seconds) {
  const data::EncodingCounts& counts = summary.counts;
  print_line(out, "written",
             fmt::format("{}, {}, {}", verb.out, counted(summary.shards, "shard"),
                         exact_bytes(summary.shard_bytes)));
  print_line(out, "documents", documents_text(summary, filters));
  print_line(out, "tokens",
             fmt::format("{} ({})", grouped_text(counts.tokens), bytes_a_token(counts)));
  if (const std::string text = dropped_text(summary, filters); !text.empty())
    print_line(out, "left out", text);
  print_line(out, "tokenizer", to_string(summary.tokenizer));
  print_line(out, "time",
             fmt::format("{}, {} tokens/s", seconds_text(seconds), rate(counts.tokens, seconds)));
}

void warn(const data::PackSummary& summary, const Invocation& context) {
  for (const std::string& each : summary.first_skipped) context.log.warning("left out: " + each);
  const data::EncodingCounts& counts = summary.counts;
  if (counts.unknown * 100 > counts.tokens)
    context.log.warning(
        fmt::format("{} of {} tokens are unknown: the tokenizer does not fit the text",
                    grouped_text(counts.unknown), grouped_text(counts.tokens)));
}

int run_estimate(const std::vector<std::string>& files, const Tokenizer& tokenizer,
                 const data::PackOptions& options, const Invocation& context) {
  Watch watch(context);
  const data::PackEstimate estimate = data::estimate(
      files, tokenizer, options, context.pool(), watch.clock(), [&](const auto& at) { watch(at); });
  const auto whole = [](double number) { return static_cast<std::int64_t>(number + 0.5); };
  if (context.common.json) {
    print_json(context.out, {{"dry_run", true},
                             {"exact", estimate.whole},
                             {"files", files.size()},
                             {"documents", whole(estimate.documents)},
                             {"tokens", whole(estimate.tokens)},
                             {"text_bytes", whole(estimate.text_bytes)},
                             {"shard_bytes", whole(estimate.shard_bytes)},
                             {"seconds", estimate.seconds}});
    return success;
  }
  const char* about = estimate.whole ? "" : "about ";
  print_line(context.out, "files", grouped_text(std::ssize(files)));
  print_line(context.out, "documents", about + grouped_text(whole(estimate.documents)));
  print_line(context.out, "tokens", about + grouped_text(whole(estimate.tokens)));
  print_line(context.out, "disk", about + bytes_text(whole(estimate.shard_bytes)));
  print_line(context.out, "time", about + seconds_text(estimate.seconds));
  return success;
}

int run_pack(const PackVerb& verb, const Invocation& context) {
  const data::PackOptions options = options_of(verb);
  const auto tokenizer = load_tokenizer(options.tokenizer_file);
  const std::vector<std::string> files = data::corpus_files(verb.corpus, verb.out);
  if (options.encoding.end && tokenizer->special().eos < 0)
    context.log.warning("the tokenizer has no end token: documents end without one");
  if (verb.dry_run) return run_estimate(files, *tokenizer, options, context);
  Watch watch(context);
  const data::PackSummary summary = data::pack(files, verb.out, *tokenizer, options, context.pool(),
                                               [&](const data::PackState& state) { watch(state); });
  const double seconds = watch.seconds();
  warn(summary, context);
  if (context.common.json) print_json(context.out, json_of(summary, verb, seconds));
  else print(context.out, summary, verb, options.encoding.filters, seconds);
  return success;
}

std::vector<Option> table(PackVerb& verb) {
  data::ReadingOptions& reading = verb.pack.reading;
  return {
      option("tokenizer", "FILE", verb.pack.tokenizer_file,
             "a tokenizer, or a model or folder that has one")
          .path()
          .must(),
      option("out", "FOLDER", verb.out, "the folder to write").with_letter('o').written().must(),
      flag("append", verb.pack.append, "add to packed text that the folder holds"),
      option("format", "FORMAT", reading.format,
             "how files are read; auto: .jsonl, .ndjson and .json as JSON lines, all else as text"),
      option("split", "WHERE", reading.split, "where documents end in text"),
      option("separator", "TEXT", reading.separator,
             "a line that ends a document, such as <|endoftext|>")
          .excludes("--split", "both say where documents end"),
      option("field", "NAME", reading.field, "the field of a JSON line that holds the text"),
      option("filters", "WHOSE", verb.filters,
             "defaults of the next three; openelm: 2048, 200 and 256, and a token that begins each "
             "piece"),
      option("piece-words", "N", verb.piece_words, "cut documents after N words; 0: never")
          .at_least(0)
          .with_default("that of --filters"),
      option("min-characters", "N", verb.min_characters,
             "drop pieces with fewer characters, without punctuation and repeated blanks")
          .at_least(0)
          .with_default("that of --filters"),
      option("min-tokens", "N", verb.min_tokens, "drop pieces with fewer tokens")
          .at_least(0)
          .with_default("that of --filters"),
      flag("nfc", verb.pack.encoding.nfc, "bring text into Unicode's normal form C"),
      option("begin", "WHEN", verb.pack.encoding.begin,
             "put the token that begins texts before each piece; auto: if the tokenizer does"),
      flag("no-end", verb.no_end, "do not put the end token after each piece"),
      option("largest-document", "SIZE", verb.largest, "refuse larger documents"),
      flag("skip-bad", reading.skip_bad,
           "leave out what is broken, too large or not UTF-8, and count it"),
      option("shard-tokens", "N", verb.pack.shard_tokens, "tokens in a file, about").at_least(1),
      flag("dry-run", verb.dry_run, "say how many tokens, what space and time it would take")};
}

}  // namespace

Verb data_pack_verb() {
  const auto verb = std::make_shared<PackVerb>();
  Command command{
      .name = "data pack",
      .summary = "turn text into token shards to train on",
      .description =
          {"CORPUS is any number of files and folders: text, JSON lines, either of them compressed "
           "(gzip, zstd, xz, bzip2), and tar archives of all that; what they are is told from "
           "their bytes. A file of text is one document unless --split or --separator says "
           "otherwise. Text is UTF-8.",
           "The folder gets shards (shard-00000.tokens ...) and corpus.json, which names them. "
           "Ctrl-C or an error leaves it as it was. The same corpus gives the same files at any "
           "number of threads.",
           "With --json: the counts of documents, tokens and bytes, of what was dropped and "
           "skipped and why, and seconds; with --dry-run whether they are exact, being of all of "
           "the text and not of its beginning."},
      .arguments = {argument("CORPUS", verb->corpus, "files and folders of text").path()},
      .options = table(*verb),
      .examples = {
          {"pliant data pack books.tar.xz notes/ --tokenizer tokenizer.json -o packed",
           "an archive and a folder of text"},
          {"pliant data pack stories.txt --split blank-lines --tokenizer model.gguf -o packed",
           "many documents in one file"},
          {"pliant data pack web.jsonl.zst --filters openelm --tokenizer tokenizer.model -o packed "
           "--append",
           "more text, filtered as OpenELM's"}}};
  return {std::move(command),
          [verb](const Invocation& context) { return run_pack(*verb, context); }};
}

}  // namespace pliant::cli
