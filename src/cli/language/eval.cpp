#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/language/eval.h"
#include "cli/verbs.h"
#include "command/print.h"
#include "core/error.h"
#include "core/files.h"
#include "core/log/progress.h"
#include "eval/score.h"
#include "eval/suites.h"
#include "open/language_model.h"

namespace pliant::cli {
namespace {

std::vector<std::string> suite_names() {
  std::vector<std::string> names;
  for (const eval::Suite& each : eval::suites()) names.emplace_back(each.name);
  return names;
}

// So that a shell's plain quotes do.
std::string with_newlines(std::string text) {
  for (std::size_t at = 0; (at = text.find("\\n", at)) != std::string::npos; ++at)
    text.replace(at, 2, 1, '\n');
  return text;
}

struct Sets {
  std::vector<eval::ItemSet> found;
  std::vector<std::string> missing;  // of the suite

  void read(const std::string& path, const eval::ItemOptions& options) {
    found.push_back(eval::items_from_json_lines(read_file(path), path, options));
  }
};

Sets read_sets(const EvalOptions& options, const Invocation& context) {
  Sets sets;
  eval::ItemOptions items = options.items;
  items.prompt = with_newlines(items.prompt);
  for (const std::string& path : options.sets) sets.read(path, items);
  for (const eval::Suite& suite : eval::suites()) {
    if (suite.name != options.suite) continue;
    for (const eval::SuiteSet& each : suite.sets) {
      const std::string path = fmt::format("{}/{}.jsonl", options.data, each.name);
      if (std::filesystem::exists(path))
        sets.read(path, {std::string(each.prompt), each.shots, options.items.limit});
      else sets.missing.emplace_back(each.name);
    }
  }
  if (sets.found.empty())
    throw Error(ErrorKind::not_found, options.data,
                fmt::format("has none of the sets of {}", options.suite),
                "they are JSON lines: " + sets.missing.front() + ".jsonl");
  for (const std::string& name : sets.missing)
    context.log.warning(
        fmt::format("{}: not there; left out", options.data + "/" + name + ".jsonl"));
  return sets;
}

std::string percent(const std::optional<eval::Share>& share) {
  return share ? fmt::format("{:.2f} +- {:.2f}", 100 * share->mean, 100 * share->error) : "";
}

void print(std::ostream& out, const std::vector<eval::Score>& scores) {
  out << fmt::format("{:<22}{:>7}{:>16}{:>16}{:>10}\n", "set (all in %)", "items", "acc",
                     "acc_norm", "centred");
  for (const eval::Score& each : scores) {
    out << fmt::format("{:<22}{:>7}{:>16}{:>16}{:>10.2f}", each.name.substr(0, 21), each.n,
                       percent(each.acc), percent(each.acc_norm), 100 * each.centred());
    if (each.perplexity) out << fmt::format("  perplexity {:.3f}", *each.perplexity);
    if (each.rouge_l) out << "  ROUGE-L " << percent(each.rouge_l);
    out << '\n';
  }
  if (scores.size() > 1)
    out << fmt::format("{:<61}{:>10.2f}\n", "mean", 100 * eval::aggregate(scores));
}

int run_eval(const EvalOptions& options, const Invocation& context) {
  if (about_pictures(options)) return eval_pictures(options, context);
  const Sets sets = read_sets(options, context);
  if (options.all) return eval_run(options, sets.found, context);
  const Source source(options.language.model);
  const OpenedLanguage files{source.path(), tokenizer_beside(source), nullptr};
  const Examinee model = examinee(load_language_model(source), options, context);
  const Progress progress(context.log, steady_clock());
  const std::vector<eval::Score> scores =
      score_sets(*model.predictor, files.need_tokenizer(), sets.found, options.score, "", context);
  if (context.common.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const eval::Score& each : scores) list.push_back(to_json(each));
    print_json(context.out, {{"sets", list},
                             {"missing", sets.missing},
                             {"centred", eval::aggregate(scores)},
                             {"seconds", progress.seconds()}});
  } else {
    print(context.out, scores);
  }
  if (context.stop) context.log.warning("stopped early: the figures are of the beginning");
  return context.stop ? failure : success;
}

}  // namespace

Examinee examinee(LanguageModel model, const EvalOptions& options, const Invocation& context) {
  Examinee result;
  if (options.machine == "torch") {
    result.machine = torch_machine(options.device, context.common.threads);
    result.predictor = std::make_unique<eval::MachinePredictor>(
        std::move(model), *result.machine, context.pool(), options.language.context);
    return result;
  }
  constexpr std::int64_t sequences = 2;  // open at one time
  result.session = std::make_unique<lm::Session>(std::move(model), context.pool(),
                                                 session_options(options.language, sequences));
  result.predictor = std::make_unique<eval::SessionPredictor>(
      *result.session, policy_of(options.language.keep, *result.session, context.common.seed));
  return result;
}

nlohmann::ordered_json to_json(const eval::Score& score) {
  nlohmann::ordered_json json{{"name", score.name}, {"n", score.n}};
  if (score.acc) {
    json["acc"] = score.acc->mean;
    json["stderr"] = score.acc->error;
  }
  if (score.acc_norm) {
    json["acc_norm"] = score.acc_norm->mean;
    json["acc_norm_stderr"] = score.acc_norm->error;
  }
  if (score.perplexity) json["perplexity"] = *score.perplexity;
  if (score.rouge_l) {
    json["rouge_l"] = score.rouge_l->mean;
    json["rouge_l_stderr"] = score.rouge_l->error;
  }
  json["centred"] = score.centred();
  return json;
}

std::vector<eval::Score> score_sets(eval::Predictor& predictor, const Tokenizer& tokenizer,
                                    std::span<const eval::ItemSet> sets, eval::ScoreOptions how,
                                    const std::string& what, const Invocation& context) {
  how.stop = &context.stop;
  Progress progress(context.log, steady_clock());
  std::vector<eval::Score> scores;
  for (const eval::ItemSet& set : sets) {
    const eval::Score score = eval::score(predictor, tokenizer, set, how, [&](std::int64_t done) {
      progress.show([&] {
        return fmt::format("{}{}: {} of {}, set {} of {}", what, set.name, done, set.items.size(),
                           scores.size() + 1, sets.size());
      });
    });
    if (score.n > 0) scores.push_back(score);
    if (context.stop) break;
  }
  return scores;
}

Verb eval_verb() {
  const auto options = std::make_shared<EvalOptions>();
  const char* const no_cache = "torch has no cache";
  Command command{
      .name = "eval",
      .summary = "what a language model scores on sets of questions",
      .description =
          {"A set is a file of JSON lines. {\"context\", \"choices\", \"label\"}: the likeliest "
           "choice after the context is taken (acc), and the likeliest per character (acc_norm); "
           "label counts from 0. A `_` in the context is a gap: the choices are put there, and "
           "what "
           "follows it judges them. {\"text\"}: its last word is asked for. {\"context\", "
           "\"reference\"}: an answer is written and compared with the reference (ROUGE-L).",
           "{\"id\", \"images\", \"question\", \"answer\"}, of a vision-language model: an answer "
           "about the pictures is written (exact: the same but for case and a full stop; ROUGE-L), "
           "and the given one is read token by token (perplexity). With --cache POLICY what the "
           "full "
           "cache answers is compared too (ROUGE-L, full). --json has the answers.",
           "Texts are encoded, cut and counted as EleutherAI's evaluation harness does it. "
           "centred: "
           "0 for guessing, 1 for all right; their mean is over the sets. With --json: per set n, "
           "acc, stderr, acc_norm, acc_norm_stderr, perplexity, rouge_l, centred; with --all a "
           "list of "
           "checkpoints: step, tokens, sets, centred."},
      .arguments = {model_argument(options->language.model),
                    argument("SET", options->sets, "the sets").path().optional()},
      .options = {option("suite", "NAME", options->suite,
                         "the sets of a table of the OpenELM paper, with its prompts and examples")
                      .with_choices(suite_names())
                      .needs("--data", "its files are read from there"),
                  option("data", "DIR", options->data, "where the suite's files are: NAME.jsonl")
                      .path()
                      .needs("--suite", "SET takes files"),
                  option("limit", "N", options->items.limit, "ask the first N items only; 0: all")
                      .at_least(0),
                  flag("all", options->all,
                       "MODEL is the folder of a training run: score every checkpoint it keeps"),
                  option("report", "FILE", options->report,
                         "with --all: a page with the curves of the scores over the steps")
                      .written()
                      .needs("--all", "one model has no curve"),
                  option("machine", "NAME", options->machine,
                         "native: encoded weights and a cache; torch: every text whole in f32, on "
                         "libtorch, as training sees it")
                      .with_choices({"native", "torch"})
                      .excludes("--cache", no_cache)
                      .excludes("--cache-bytes", no_cache)
                      .excludes("--window", no_cache)
                      .excludes("--cache-type", no_cache)
                      .excludes("--value-cache-type", no_cache)
                      .excludes("--exact-prompts", "torch rounds nothing")
                      .excludes("--memory-limit", "torch does not count its memory"),
                  option("device", "NAME", options->device, "torch's: cpu, cuda, cuda:1 ...")
                      .needs("--machine", "the native machine runs on the CPU"),
                  option("shots", "N", options->items.shots,
                         "show the first N items of a set with their answers before each other")
                      .at_least(0)
                      .excludes("--suite", "it says how many"),
                  option("prompt", "TEXT", options->items.prompt,
                         "how a context is put: 'Question: {context}\\nAnswer:'")
                      .excludes("--suite", "it has its own"),
                  option("answer-tokens", "N", options->score.answer_tokens,
                         "write answers of at most N tokens")
                      .at_least(1)},
      .examples = {{"pliant eval model.gguf arc-easy.jsonl hellaswag.jsonl", "two sets, whole"},
                   {"pliant eval model.gguf --suite zero-shot --data sets --limit 300 --json",
                    "the paper's table, 300 items of each"},
                   {"pliant eval run arc-easy.jsonl --all --report scores.html",
                    "how a model came to its scores in training"},
                   {"pliant eval run/model arc-easy.jsonl --machine torch",
                    "on the machine that trained it"},
                   {"pliant eval vlm pictures.jsonl --cache elastic --keep 0.2",
                    "questions about pictures, answered from a fifth of the cache"},
                   {"pliant eval folder piqa.jsonl --prompt 'Question: {context}\\nAnswer:' "
                    "--shots 5",
                    "with five examples before each question"}}};
  for (Option& each : language_options(options->language))
    command.options.push_back(std::move(each));
  return {std::move(command), [options](const Invocation& context) {
            if (options->sets.empty() && options->suite.empty())
              throw Error(ErrorKind::usage, "SET", "no set was given",
                          "name files of questions, or a --suite");
            return run_eval(*options, context);
          }};
}

}  // namespace pliant::cli
