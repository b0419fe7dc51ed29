#include "cli/train/train.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/train/data.h"
#include "cli/train/options.h"
#include "command/host.h"
#include "command/print.h"
#include "core/error.h"
#include "core/log/progress.h"
#include "lm/generate.h"
#include "models/language/files/convert.h"
#include "open/carry_tokenizer.h"
#include "text/load/load.h"
#include "train/loop.h"

namespace pliant::cli {
namespace {

train::Recipe recipe_of(const TrainOptions& options, const Common& common) {
  train::Recipe recipe = train::load_recipe(options.recipe);
  train::LengthRecipe length{options.steps, options.tokens, options.time.count};
  if (length.steps > 0 || length.tokens > 0 || length.seconds > 0) recipe.length = length;
  if (length.seconds > 0 && recipe.schedule.kind != train::ScheduleKind::wsd)
    throw Error(ErrorKind::usage, "--time", "a cosine must know its end in steps",
                "give the recipe's schedule the kind wsd, or use --steps");
  if (!options.device.empty()) recipe.machine.device = options.device;
  if (common.seed != Common{}.seed) recipe.seed = static_cast<std::uint64_t>(common.seed);
  return recipe;
}

std::string folder_of(const TrainOptions& options) {
  if (!options.out.empty()) return options.out;
  return std::filesystem::path(options.recipe).stem().string();
}

// A text by the model as it is, on the native machine.
std::string written_by(const LanguageModel& model, const Tokenizer& tokenizer,
                       const train::Recipe& recipe, ThreadPool& pool) {
  lm::Session session(model, pool);
  std::vector<TokenId> tokens = tokenizer.encode(recipe.sample.prompt);
  if (tokens.empty()) tokens.push_back(std::max(tokenizer.special().bos, TokenId{0}));
  lm::GenerateOptions options;
  options.tokens = recipe.sample.tokens;
  options.sampling.temperature = recipe.sample.temperature;
  options.sampling.seed = recipe.seed;
  return recipe.sample.prompt +
         lm::generate(session, session.open(), &tokenizer, tokens, options).text;
}

std::string left_text(std::optional<double> left) {
  return left ? ", " + seconds_text(std::max(0.0, *left)) + " left" : "";
}

std::string peak_text(std::optional<double> share) {
  return share ? fmt::format(" ({:.0f} % of peak)", 100 * *share) : "";
}

void print_forecast(const train::Forecast& f, const Invocation& context) {
  const double total = f.step_seconds * static_cast<double>(f.steps);
  if (context.common.json) {
    print_json(context.out, {{"parameters", f.parameters},
                             {"steps", f.steps},
                             {"tokens", f.tokens},
                             {"data_tokens", f.data_tokens},
                             {"learner_bytes", f.learner_bytes},
                             {"checkpoint_bytes", f.checkpoint_bytes},
                             {"disk_bytes", f.disk_bytes},
                             {"step_seconds", f.step_seconds},
                             {"peak_memory_bytes", peak_resident_bytes()},
                             {"flops_per_token", f.flops_per_token}});
    return;
  }
  print_line(context.out, "model", count_text(f.parameters) + " parameters");
  if (f.steps > 0)
    print_line(context.out, "length",
               fmt::format("{} steps, {} tokens: {:.2f} times the data's {}", grouped_text(f.steps),
                           count_text(f.tokens),
                           static_cast<double>(f.tokens) / static_cast<double>(f.data_tokens),
                           count_text(f.data_tokens)));
  print_line(context.out, "memory",
             fmt::format("{}, of it {} for weights, gradients and moments",
                         bytes_text(peak_resident_bytes()), bytes_text(f.learner_bytes)));
  print_line(context.out, "disk",
             fmt::format("{}; a checkpoint is {}", bytes_text(f.disk_bytes),
                         bytes_text(f.checkpoint_bytes)));
  print_line(context.out, "time",
             fmt::format("{} a step{}", seconds_text(f.step_seconds),
                         f.steps > 0 ? ", " + seconds_text(total) + " in all" : ""));
}

// Writes the model into the run's folder and returns where.
std::string save_model(const train::Outcome& outcome, const train::Recipe& recipe,
                       const std::string& folder) {
  const std::string path = folder + "/model";
  const TokenizerSource source(Source(folder), recipe.data.tokenizer,
                               outcome.model.config.vocabulary);
  WriteOptions write;
  write.token_ids = source.token_ids();
  write_language_model(outcome.model, ModelFormat::hugging_face, path, write);
  source.copy_into(path);
  return path;
}

void print_outcome(const train::Outcome& o, const std::string& model, const TrainOptions& options,
                   const Invocation& context) {
  if (context.common.json) {
    nlohmann::ordered_json json{{"finished", o.finished}, {"step", o.step}, {"tokens", o.tokens},
                                {"seconds", o.seconds},   {"nll", o.nll},   {"chosen", o.chosen}};
    if (o.validation) {
      json["validation_nll"] = o.validation->nll;
      json["bits_per_byte"] = o.validation->bits_per_byte;
    }
    json["model"] = model;
    print_json(context.out, json);
    return;
  }
  print_line(context.out, "trained",
             fmt::format("{} steps, {} tokens, {}", grouped_text(o.step), count_text(o.tokens),
                         seconds_text(o.seconds)));
  if (o.validation)
    print_line(context.out, "held out",
               fmt::format("{:.4f} nats per token, {:.4f} bits per byte", o.validation->nll,
                           o.validation->bits_per_byte));
  print_line(context.out, "model", fmt::format("{}: {}", model, o.chosen));
  print_line(context.out, "talk", fmt::format("pliant generate {} --prompt '...'", model));
  if (!o.finished)
    print_line(context.out, "go on",
               fmt::format("pliant train {} -o {}", options.recipe, folder_of(options)));
}

train::RunOptions run_options(const TrainOptions& options, const Invocation& context) {
  train::RunOptions run;
  run.folder = folder_of(options);
  run.threads = static_cast<int>(context.common.threads);
  run.stop = &context.stop;
  run.note = [&context](std::string_view text) { context.log.info(text); };
  run.measure_peak = true;
  run.memory = [] { return static_cast<double>(peak_resident_bytes()); };
  return run;
}

int run_train(const TrainOptions& options, const Invocation& context) {
  train::Recipe recipe = recipe_of(options, context.common);
  train::RunOptions run = run_options(options, context);
  const auto tokenizer = load_tokenizer(recipe.data.tokenizer);
  prepare_data(recipe.data, *tokenizer, run.folder, options.dry_run, context);
  if (options.dry_run) {
    print_forecast(train::forecast(recipe, run), context);
    return success;
  }
  run.sample = [&](const LanguageModel& model) {
    return written_by(model, *tokenizer, recipe, context.pool());
  };
  Progress progress(context.log, steady_clock());
  run.told = [&](const train::StepRecord& r, std::optional<double> left) {
    progress.show([&] {
      return fmt::format("train: step {}, loss {:.4f}, rate {:.2e}, {} tokens/s{}{}", r.step, r.nll,
                         r.rate, count_text(static_cast<std::int64_t>(r.tokens_per_second)),
                         peak_text(r.peak_share), left_text(left));
    });
  };
  const std::unique_ptr<aten::Workers> workers = aten::Workers::from_environment();
  run.workers = workers.get();
  const train::Outcome outcome = train::run(recipe, run);
  if (workers && workers->rank() != 0) return success;
  print_outcome(outcome, save_model(outcome, recipe, run.folder), options, context);
  return success;
}

}  // namespace

Verb train_verb() {
  const auto options = std::make_shared<TrainOptions>();
  return {train_command(*options),
          [options](const Invocation& context) { return run_train(*options, context); }};
}

}  // namespace pliant::cli
