#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/chrome_trace.h"
#include "cli/language/bench_peer.h"
#include "cli/language/language.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/log/progress.h"
#include "core/rng.h"
#include "eval/speed.h"
#include "machine/native/kv/pages.h"
#include "machine/native/limits/processor_limits.h"
#include "models/language/files/convert.h"
#include "models/language/openelm.h"
#include "models/language/random.h"
#include "open/language_model.h"
#include "quant/format_names.h"

namespace pliant::cli {
namespace {

struct BenchOptions {
  std::string model, folder, trace;
  CacheChoice cache;
  std::vector<std::string> sizes, encodings;
  std::int64_t runs = 3, prefix = 0;
  eval::SpeedOptions speed;
};

LanguageConfig small_config() {
  LanguageConfig config = openelm::config(openelm::Size::m270);
  config.width = 768;
  config.layers = openelm::layers({config.width, config.head_width, 2, 256},
                                  openelm::multipliers(0.5, 1, 8), openelm::multipliers(0.5, 4, 8));
  return config;
}

constexpr std::int64_t most_tokens = 1 << 24;
constexpr std::int64_t most_prefix_bytes = std::int64_t{8} << 30;  // of addresses; memory as used

const std::vector<std::string> size_names = {"50M", "270M", "450M", "1.1B", "3B"};

LanguageConfig config_of(const std::string& size) {
  if (size == size_names[1]) return openelm::config(openelm::Size::m270);
  if (size == size_names[2]) return openelm::config(openelm::Size::m450);
  if (size == size_names[3]) return openelm::config(openelm::Size::b1_1);
  if (size == size_names[4]) return openelm::config(openelm::Size::b3);
  return small_config();
}

// A folder that goes with its files.
class Folder {
 public:
  explicit Folder(const std::string& inside) {
    const std::string root =
        inside.empty() ? std::filesystem::temp_directory_path().string() : inside;
    path_ = root + "/pliant-bench-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr)
      throw Error(ErrorKind::io, root, "no folder can be made there", "give another --folder");
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Subject {
  std::string name, path;
};

struct Row {
  std::string model, encoding;
  int threads = 1;
  std::int64_t weight_bytes = 0, token_bytes = 0, prompt_operations = 0;
  double peak = 0;
  native::Limits limits;
  eval::Speed speed;
  std::vector<PeerSpeed> peers;

  // With one thread its processor time, which other work on the machine changes little.
  double seconds(const eval::Sample& sample) const {
    return threads == 1 ? sample.processor : sample.wall;
  }
  template <typename Field>
  static double middle(const auto& samples, const Field& field) {
    std::vector<double> values;
    for (const auto& each : samples) values.push_back(field(each));
    return eval::median(std::move(values));
  }
  double prompt_seconds() const {
    return middle(speed.prompts, [&](const eval::Sample& each) { return seconds(each); });
  }
  double token_seconds() const {
    return middle(speed.tokens, [&](const eval::Sample& each) { return seconds(each); });
  }
  double token_percentile(double share) const {
    std::vector<double> values;
    for (const eval::Sample& each : speed.tokens) values.push_back(seconds(each));
    return eval::percentile(std::move(values), share);
  }
  double share_of_peak() const {
    return static_cast<double>(prompt_operations) / prompt_seconds() / peak;
  }
  double share_of_bandwidth() const {
    return static_cast<double>(token_bytes) / token_seconds() / limits.read_bytes;
  }
  double first_seconds(const std::vector<eval::Sample>& samples) const {
    return middle(samples, [&](const eval::Sample& each) { return seconds(each); });
  }
  // above 1: we are faster; both by the clock
  double prompt_ratio() const {
    return middle(peers, [](const PeerSpeed& each) { return each.prompt; }) /
           middle(speed.prompts, [](const eval::Sample& each) { return each.wall; });
  }
  double token_ratio() const {
    return middle(peers, [](const PeerSpeed& each) { return each.token; }) /
           middle(speed.tokens, [](const eval::Sample& each) { return each.wall; });
  }
};

// The rate that products with weights of this encoding can reach.
double peak_of(Encoding encoding, const native::Limits& limits) {
  if (encoding == Encoding::plain) return limits.f32;
  if (is_half(encoding)) return std::max(limits.f32, limits.bf16_dots);
  return std::max(limits.f32, limits.byte_dots);
}

std::int64_t cached_bytes(const LanguageConfig& config, const kv::CacheTypes& types) {
  const kv::PageLayout layout{{types.key, types.rotate, config.head_width},
                              {types.value, types.rotate, config.head_width}};
  return cache_bytes_per_token(config, layout.keys.bytes() + layout.values.bytes());
}

class Bench {
 public:
  Bench(const BenchOptions& options, const Invocation& context)
      : options_(options),
        context_(context),
        progress_(context.log, steady_clock()),
        trace_(options.trace) {
    if (const char* peer = std::getenv("PLIANT_PEER_LLAMA")) peer_ = peer;
  }

  std::vector<Row> run() {
    std::optional<Folder> folder;
    std::vector<Row> rows;
    if (!options_.model.empty())
      add(rows, {std::filesystem::path(options_.model).filename().string(), options_.model});
    if (options_.model.empty() || !options_.sizes.empty()) {
      folder.emplace(options_.folder);
      for (const std::string& size : or_default(options_.sizes, {"50M"}))
        for (const std::string& encoding :
             or_default(options_.encodings, {"F16", "Q8_0", "Q4_0", "Q4_K"})) {
          const std::string path = write(folder->path(), size, encoding);
          add(rows, {size, path});
          std::filesystem::remove(path);
        }
    }
    trace_.write();
    return rows;
  }

 private:
  static std::vector<std::string> or_default(const std::vector<std::string>& given,
                                             const std::vector<std::string>& otherwise) {
    return given.empty() ? otherwise : given;
  }

  bool go_on(const std::string& what) {
    progress_.show([&] { return "bench: " + what; });
    return !context_.stop;
  }

  std::string write(const std::string& folder, const std::string& size,
                    const std::string& encoding) {
    go_on(fmt::format("writing {} {}", size, encoding));
    std::string path = fmt::format("{}/openelm-{}-{}.gguf", folder, size, encoding);
    write_language_model(
        random_language_model(config_of(size), format_from_name(encoding, "--encoding"),
                              options_.speed.seed),
        ModelFormat::gguf, path, {.metadata = {{"tokenizer.ggml.model", std::string("none")}}});
    return path;
  }

  void add(std::vector<Row>& rows, const Subject& subject) {
    std::vector<int> threads = {static_cast<int>(context_.common.threads)};
    if (threads[0] == 0) {
      threads = {1};
      if (default_threads() > 1) threads.push_back(default_threads());
    }
    for (const int each : threads)
      if (!context_.stop) rows.push_back(measure(subject, each));
  }

  Row measure(const Subject& subject, int threads) {
    const LanguageModel model = load_language_model(subject.path);
    const Encoding encoding = eval::main_encoding(model);
    Row row;
    row.model = subject.name;
    row.encoding = encoding == Encoding::plain ? "F32" : name(encoding);
    row.threads = threads;
    ThreadPool pool(threads);
    lm::SessionOptions session_options;
    session_options.context =
        std::max(options_.speed.depth + std::max(options_.speed.prompt, options_.speed.tokens),
                 options_.prefix + eval::tokens_behind_prefix);
    if (options_.prefix > 0) session_options.prefix_bytes = most_prefix_bytes;
    session_options.cache_types = options_.cache.types();
    row.weight_bytes = eval::weight_bytes_per_token(model);
    const std::int64_t cached = cached_bytes(model.config, session_options.cache_types);
    row.token_bytes =
        row.weight_bytes + cached * (options_.speed.depth + options_.speed.tokens / 2);
    row.prompt_operations = 2 * eval::prompt_multiply_adds(model.config) * options_.speed.prompt;
    const std::string what =
        fmt::format("{} {}, {} thread(s)", row.model, row.encoding, row.threads);
    go_on(what + ": limits");
    row.limits = native::measure_limits(pool, row.weight_bytes);
    row.peak = peak_of(encoding, row.limits);
    lm::Session session(model, pool, session_options);
    for (std::int64_t run = 0; run < options_.runs && !context_.stop; ++run) {
      eval::measure_speed(
          session, options_.speed,
          [&] { return go_on(fmt::format("{}: run {} of {}", what, run + 1, options_.runs)); },
          row.speed, &context_.stop);
      if (options_.prefix > 0 && go_on(fmt::format("{}: a prefix", what)))
        eval::measure_prefix(session, options_.prefix, options_.speed.seed, row.speed);
      if (!peer_.empty() && !context_.stop)
        row.peers.push_back(run_peer({peer_, subject.path, threads, options_.speed.prompt,
                                      options_.speed.tokens, options_.speed.depth}));
    }
    if (!options_.trace.empty()) trace_run(session, what);
    return row;
  }

  // One run more, which is in no figure.
  void trace_run(lm::Session& session, const std::string& what) {
    eval::Speed ignored;
    session.trace(trace_.trace());
    eval::measure_speed(
        session, options_.speed, [&] { return go_on(what + ": traced"); }, ignored, &context_.stop);
    session.trace(nullptr);
  }

  const BenchOptions& options_;
  const Invocation& context_;
  Progress progress_;
  std::string peer_;
  TraceFile trace_;
};

nlohmann::ordered_json to_json(const Row& row, const BenchOptions& options) {
  const auto prompt = static_cast<double>(options.speed.prompt);
  nlohmann::ordered_json json{{"model", row.model},
                              {"encoding", row.encoding},
                              {"threads", row.threads},
                              {"depth", options.speed.depth},
                              {"weight_bytes", row.weight_bytes},
                              {"bytes_per_token", row.token_bytes},
                              {"limits",
                               {{"f32_operations", row.limits.f32},
                                {"byte_dot_operations", row.limits.byte_dots},
                                {"bf16_dot_operations", row.limits.bf16_dots},
                                {"read_bytes", row.limits.read_bytes}}},
                              {"prompt_tokens_per_second", prompt / row.prompt_seconds()},
                              {"prompt_share_of_peak", row.share_of_peak()},
                              {"decode_tokens_per_second", 1 / row.token_seconds()},
                              {"decode_share_of_bandwidth", row.share_of_bandwidth()},
                              {"token_seconds_p50", row.token_percentile(0.5)},
                              {"token_seconds_p99", row.token_percentile(0.99)}};
  for (const eval::Sample& each : row.speed.prompts)
    json["prompts"].push_back({{"processor", each.processor}, {"wall", each.wall}});
  if (!row.speed.first.empty()) {
    json["first_token_seconds"] = row.first_seconds(row.speed.first);
    json["first_token_seconds_behind_prefix"] = row.first_seconds(row.speed.first_cached);
  }
  if (!row.peers.empty()) {
    json["peer_prompt_ratio"] = row.prompt_ratio();
    json["peer_decode_ratio"] = row.token_ratio();
  }
  return json;
}

void print(std::ostream& out, const std::vector<Row>& rows, const BenchOptions& options) {
  out << fmt::format("prompt of {}, {} tokens, {} in the cache before; medians of {} run(s)\n",
                     options.speed.prompt, options.speed.tokens, options.speed.depth, options.runs);
  out << fmt::format("{:<24}{:<8}{:>7}{:>10}{:>10}{:>9}{:>10}{:>9}{:>9}{:>9}", "model", "type",
                     "threads", "read GB/s", "prompt/s", "of peak", "decode/s", "of read", "p50 ms",
                     "p99 ms");
  const bool peers = std::ranges::any_of(rows, [](const Row& row) { return !row.peers.empty(); });
  out << (peers ? "  / peer: prompt  decode\n" : "\n");
  for (const Row& row : rows) {
    out << fmt::format(
        "{:<24}{:<8}{:>7}{:>10.1f}{:>10.1f}{:>7.1f} %{:>10.1f}{:>7.1f} %{:>9.2f}{:>9.2f}",
        row.model.substr(0, 23), row.encoding, row.threads, row.limits.read_bytes * 1e-9,
        static_cast<double>(options.speed.prompt) / row.prompt_seconds(), 100 * row.share_of_peak(),
        1 / row.token_seconds(), 100 * row.share_of_bandwidth(), 1e3 * row.token_percentile(0.5),
        1e3 * row.token_percentile(0.99));
    if (!row.peers.empty())
      out << fmt::format("{:>16.2f}{:>8.2f}", row.prompt_ratio(), row.token_ratio());
    out << '\n';
  }
  for (const Row& row : rows)
    if (!row.speed.first.empty()) {
      const double whole = row.first_seconds(row.speed.first),
                   cached = row.first_seconds(row.speed.first_cached);
      out << fmt::format(
          "{} {}, {} thread(s): first token behind {} tokens {:.1f} ms, {:.1f} ms ({:.1f} %) where "
          "{} of them were known\n",
          row.model, row.encoding, row.threads, options.prefix + eval::tokens_behind_prefix,
          1e3 * whole, 1e3 * cached, 100 * cached / whole, options.prefix);
    }
  for (const Row& row : rows)
    if (&row == &rows.front() || row.threads != rows.front().threads) {
      out << fmt::format(
          "{} thread(s): f32 {:.0f} G/s, byte dots {:.0f} G/s, bf16 dots {:.0f} G/s ({} vectors)\n",
          row.threads, row.limits.f32 * 1e-9, row.limits.byte_dots * 1e-9,
          row.limits.bf16_dots * 1e-9, native::widest_vectors());
      if (&row != &rows.front()) break;
    }
}

int run_bench(const BenchOptions& options, const Invocation& context) {
  BenchOptions seeded = options;
  seeded.speed.seed = context.common.seed;
  std::vector<Row> rows = Bench(seeded, context).run();
  std::erase_if(rows, [](const Row& row) { return row.speed.tokens.empty(); });
  if (context.common.json) {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const Row& row : rows) json.push_back(to_json(row, seeded));
    print_json(context.out, json);
  } else if (!rows.empty()) {
    print(context.out, rows, seeded);
  }
  if (context.stop) context.log.warning("stopped early: not everything was measured");
  return context.stop ? failure : success;
}

}  // namespace

Verb bench_lm_verb() {
  const auto options = std::make_shared<BenchOptions>();
  Command command{
      .name = "bench lm",
      .summary = "how fast language models run, beside what the processor can do",
      .description =
          {"Measures a model file, or OpenELM models of random weights that are written for it and "
           "removed. Every figure stands beside a limit measured in the same run: decoding beside "
           "the rate at which a buffer of the weights' size can be read, prompts beside the "
           "processor's rate for their kind (multiply-adds of f32, dot products of bytes for "
           "blocks, of BF16 for halves); attention's work is not counted. Times are medians: with "
           "one thread of its processor time, with more by the clock.",
           "PLIANT_PEER_LLAMA may name a llama-bench of llama.cpp, built for this processor: it "
           "then runs in turns with ours on the same file and threads. Its ratios are above 1 "
           "where Pliant is faster."},
      .arguments = {argument("MODEL", options->model, "a model; without one, models are made")
                        .path()
                        .optional()},
      .options = {option("size", "SIZE", options->sizes, "of made models; several may be given")
                      .with_choices(size_names)
                      .with_default("50M"),
                  option("encoding", "TYPE", options->encodings,
                         "how their weights are written; several may be given")
                      .with_default("F16, Q8_0, Q4_0, Q4_K"),
                  option("prompt", "N", options->speed.prompt, "tokens of the prompt")
                      .within(1, most_tokens),
                  option("tokens", "N", options->speed.tokens, "tokens decoded in each run")
                      .within(1, most_tokens)
                      .with_letter('n'),
                  option("depth", "N", options->speed.depth, "tokens in the cache before")
                      .within(0, most_tokens),
                  option("prefix", "N", options->prefix,
                         "also the time until the first token behind N tokens and a few more, and "
                         "where another sequence has begun with those N; 0: not measured")
                      .within(0, most_tokens),
                  option("runs", "N", options->runs, "of each").at_least(1),
                  option("folder", "DIR", options->folder, "where models are written meanwhile")
                      .path()
                      .with_default("the system's for temporary files"),
                  option("trace", "FILE", options->trace,
                         "write what one more run did when, on which thread, for "
                         "chrome://tracing or Perfetto")
                      .written()},
      .examples = {
          {"pliant bench lm", "a small model in four encodings, on one thread and on all"},
          {"pliant bench lm model.gguf --depth 4096 --threads 2", "with a long text before"},
          {"pliant bench lm --size 270M --size 1.1B --encoding Q4_0 --json",
           "larger ones, for a script"}}};
  for (Option& each : cache_options(options->cache)) command.options.push_back(std::move(each));
  return {std::move(command),
          [options](const Invocation& context) { return run_bench(*options, context); }};
}

}  // namespace pliant::cli
