#include "cli/train/data.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>

#include "cli/child.h"
#include "core/error.h"
#include "core/json.h"
#include "core/rng.h"
#include "core/units.h"
#include "data/shards/folder.h"
#include "data/tokenizer/identity.h"

namespace pliant::cli {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> pack_words(const train::SourceRecipe& source, const std::string& tokenizer,
                                    const std::string& out) {
  std::vector<std::string> words{"data", "pack"};
  words.insert(words.end(), source.corpus.begin(), source.corpus.end());
  words.insert(words.end(), {"--tokenizer", tokenizer, "--out", out});
  return words;
}

// Another text or tokenizer has another place.
std::string folder_of(const train::SourceRecipe& source, const data::TokenizerIdentity& identity,
                      const std::string& run) {
  std::uint64_t hash = identity.id;
  for (const std::string& each : source.corpus) hash = hash64(each, hash);
  return fs::absolute(fs::path(run) / "packed" / data::hexadecimal(hash)).lexically_normal();
}

void refuse_to_pack(const std::string& place, const std::vector<std::string>& words, bool dry_run) {
  if (!dry_run && std::getenv("RANK") == nullptr) return;
  throw Error(ErrorKind::usage, place,
              dry_run ? "is not packed yet, and --dry-run keeps nothing"
                      : "is not packed yet, which one process must do before several train",
              fmt::format("pliant {}", fmt::join(words, " ")));
}

// In a program of its own: this one is to need libtorch alone.
void pack_corpus(const std::vector<std::string>& words, const std::string& out,
                 const std::string& place, const Invocation& context) {
  std::vector<std::string> all{beside_this_program("pliant")};
  all.insert(all.end(), words.begin(), words.end());
  all.insert(all.end(), {"--json", "--threads", std::to_string(context.common.threads),
                         "--log-level", std::string(name(context.common.log_level))});
  if (context.common.quiet) all.emplace_back("--quiet");
  const Ended ended = run_program(std::move(all), Heard::results);
  if (context.stop) throw Error(ErrorKind::cancelled, place, "ended while the text was packed");
  const bool packed = WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == success;
  // the one that a killed run had started may have come to its end meanwhile
  if (!packed && fs::exists(data::index_path(out))) return;
  if (!packed)
    throw Error(ErrorKind::invalid, place, "could not be packed",
                "see what pliant data pack said above");
  const nlohmann::json json = parse_json(ended.text, "pliant data pack");
  const JsonNode summary(json, "pliant data pack");
  context.log.info(fmt::format("packed {} documents, {} tokens into {}",
                               grouped_text(summary.integer("documents")),
                               grouped_text(summary.integer("tokens")), summary.text("out")));
}

void check_tokenizer(const std::vector<std::string>& shards, const data::TokenizerIdentity& wanted,
                     const std::string& tokenizer_file) {
  for (const std::string& path : shards)
    for (const std::string& file : data::shard_files(path)) {
      const data::TokenizerIdentity made = data::Shard(file).identity();
      if (made != wanted)
        throw Error(ErrorKind::invalid, file,
                    fmt::format("was packed with the tokenizer {}; the recipe's, '{}', is {}",
                                to_string(made), tokenizer_file, to_string(wanted)),
                    "name that tokenizer in the recipe, or pack the text again");
    }
}

}  // namespace

void prepare_data(train::DataRecipe& data, const Tokenizer& tokenizer, const std::string& folder,
                  bool dry_run, const Invocation& context) {
  const data::TokenizerIdentity identity = data::identify(tokenizer);
  for (std::size_t i = 0; i < data.sources.size(); ++i) {
    train::SourceRecipe& source = data.sources[i];
    if (!source.corpus.empty()) {
      const std::string out = folder_of(source, identity, folder),
                        place = fmt::format("data.sources[{}].corpus", i);
      if (!fs::exists(data::index_path(out))) {
        const std::vector<std::string> words = pack_words(source, data.tokenizer, out);
        refuse_to_pack(place, words, dry_run);
        pack_corpus(words, out, place, context);
      }
      source.corpus.clear();
      source.shards = {out};
    }
    check_tokenizer(source.shards, identity, data.tokenizer);
  }
}

}  // namespace pliant::cli
