#include "data/shards/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/units.h"
#include "data/shards/folder.h"
#include "data/tokenizer/identity.h"
#include "text/load/load.h"

namespace pliant::cli {
namespace {

struct CheckPackedVerb {
  std::vector<std::string> packed;
  std::optional<std::string> tokenizer;
  std::int64_t show = 0;
};

constexpr std::int64_t shown_tokens = 64;

std::vector<std::string> first_texts(const CheckPackedVerb& verb, const Tokenizer& tokenizer) {
  std::vector<std::string> texts;
  for (const std::string& path : verb.packed)
    for (const std::string& file : data::shard_files(path)) {
      const data::Shard shard(file);
      for (std::int64_t i = 0; i < shard.documents() && std::ssize(texts) < verb.show; ++i) {
        const data::DocumentEntry entry = shard.document(i);
        std::vector<TokenId> ids(std::min(entry.tokens(), shown_tokens));
        shard.read(entry.begin, ids);
        texts.push_back(tokenizer.decode(ids, true));
      }
    }
  return texts;
}

std::shared_ptr<const Tokenizer> matching_tokenizer(const std::string& file,
                                                    const data::TokenizerIdentity& wanted) {
  auto tokenizer = load_tokenizer(file);
  if (const auto identity = data::identify(*tokenizer); identity != wanted)
    throw Error(ErrorKind::invalid, file,
                fmt::format("is the tokenizer {}; the text was packed with {}", to_string(identity),
                            to_string(wanted)));
  return tokenizer;
}

int run_check_packed(const CheckPackedVerb& verb, const Invocation& context) {
  const data::Checked checked = data::check_shards(verb.packed, context.pool());
  std::vector<std::string> texts;
  if (verb.tokenizer)
    texts = first_texts(verb, *matching_tokenizer(*verb.tokenizer, checked.tokenizer));
  if (context.common.json) {
    nlohmann::ordered_json json{{"shards", checked.shards},
                                {"documents", checked.documents},
                                {"tokens", checked.tokens},
                                {"text_bytes", checked.text_bytes},
                                {"longest_tokens", checked.longest},
                                {"tokenizer", data::hexadecimal(checked.tokenizer.id)},
                                {"vocabulary", checked.tokenizer.vocabulary}};
    if (verb.show > 0) json["texts"] = texts;
    print_json(context.out, json);
    return success;
  }
  print_line(context.out, "shards", grouped_text(checked.shards) + ", whole");
  print_line(context.out, "documents",
             fmt::format("{}, of up to {} tokens", grouped_text(checked.documents),
                         grouped_text(checked.longest)));
  print_line(context.out, "tokens", grouped_text(checked.tokens));
  print_line(context.out, "text", exact_bytes(checked.text_bytes));
  print_line(context.out, "tokenizer", to_string(checked.tokenizer));
  for (const std::string& each : texts) context.out << "\n" << each << "\n";
  return success;
}

}  // namespace

Verb data_check_verb() {
  const auto verb = std::make_shared<CheckPackedVerb>();
  Command command{
      .name = "data check",
      .summary = "check packed text, and say what it holds",
      .description = {"Reads every byte of the shards that PACKED names (folders of `pliant data "
                      "pack`, or single shards) and compares checksums, ids and counts. With "
                      "--tokenizer also whether it is the one that the text was packed with."},
      .arguments = {argument("PACKED", verb->packed, "folders of packed text, or shards").path()},
      .options = {option("tokenizer", "FILE", verb->tokenizer,
                         "a tokenizer, or a model or folder that has one")
                      .path(),
                  option("show", "N", verb->show,
                         "print the beginnings of the first N documents, control tokens included")
                      .at_least(0)
                      .needs("--tokenizer", "it turns ids into text")},
      .examples = {{"pliant data check packed", "whether a folder arrived whole"},
                   {"pliant data check packed --tokenizer tokenizer.json --show 3",
                    "what a model will see"}}};
  return {std::move(command),
          [verb](const Invocation& context) { return run_check_packed(*verb, context); }};
}

}  // namespace pliant::cli
