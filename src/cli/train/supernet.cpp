#include "cli/train/supernet.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/train/supernet_options.h"
#include "command/host.h"
#include "command/print.h"
#include "core/log/progress.h"
#include "core/units.h"
#include "search/recipe/supernet_file.h"
#include "search/training/run.h"

namespace pliant::cli {
namespace {

using nlohmann::ordered_json;

search::SupernetRecipe recipe_of(const SearchTrainOptions& options, const Common& common) {
  search::SupernetRecipe recipe = search::load_supernet_recipe(options.recipe);
  if (options.steps > 0) {
    recipe.steps = options.steps;
    recipe.epochs = 0;
  }
  if (!options.device.empty()) recipe.machine.device = options.device;
  if (common.seed != Common{}.seed) recipe.seed = static_cast<std::uint64_t>(common.seed);
  return recipe;
}

void print_forecast(const search::SupernetForecast& f, const Invocation& context) {
  if (context.common.json) {
    print_json(context.out, {{"parameters", f.parameters},
                             {"steps", f.steps},
                             {"images", f.images},
                             {"training_images", f.training_images},
                             {"held_out_images", f.held_out_images},
                             {"learner_bytes", f.learner_bytes},
                             {"checkpoint_bytes", f.checkpoint_bytes},
                             {"disk_bytes", f.disk_bytes},
                             {"step_seconds", f.step_seconds},
                             {"peak_memory_bytes", peak_resident_bytes()}});
    return;
  }
  print_line(context.out, "supernet", count_text(f.parameters) + " parameters");
  print_line(context.out, "length",
             fmt::format("{} steps, {} images: {:.1f} times the {}", grouped_text(f.steps),
                         count_text(f.images),
                         static_cast<double>(f.images) / static_cast<double>(f.training_images),
                         grouped_text(f.training_images)));
  print_line(context.out, "held out", grouped_text(f.held_out_images) + " images");
  print_line(context.out, "memory",
             fmt::format("{}, of it {} for weights, gradients and moments",
                         bytes_text(peak_resident_bytes()), bytes_text(f.learner_bytes)));
  print_line(context.out, "disk",
             fmt::format("{}; a checkpoint is {}", bytes_text(f.disk_bytes),
                         bytes_text(f.checkpoint_bytes)));
  print_line(context.out, "time",
             fmt::format("{} a step, {} in all", seconds_text(f.step_seconds),
                         seconds_text(f.step_seconds * static_cast<double>(f.steps))));
}

void print_outcome(const search::SupernetOutcome& o, const std::string& folder,
                   const SearchTrainOptions& options, const Invocation& context) {
  const std::string supernet = folder + "/" + search::supernet_file_name;
  if (context.common.json) {
    ordered_json judged = ordered_json::array();
    for (const search::Judgement& each : o.judged)
      judged.push_back({{"name", each.name},
                        {"flops", each.flops},
                        {"accuracy", each.worth.accuracy},
                        {"loss", each.worth.loss}});
    print_json(context.out, {{"finished", o.finished},
                             {"step", o.step},
                             {"images", o.images},
                             {"seconds", o.seconds},
                             {"chosen", o.chosen},
                             {"judged", std::move(judged)},
                             {"supernet", supernet}});
    return;
  }
  print_line(context.out, "trained",
             fmt::format("{} steps, {} images, {}", grouped_text(o.step), count_text(o.images),
                         seconds_text(o.seconds)));
  for (const search::Judgement& each : o.judged)
    print_line(
        context.out, each.name,
        fmt::format("{:.2f} % at {:.1f} MFLOPs", 100 * each.worth.accuracy, each.flops / 1e6));
  print_line(context.out, "supernet", fmt::format("{}: {}", supernet, o.chosen));
  if (!o.finished)
    print_line(context.out, "go on",
               fmt::format("pliant search train {} -o {}", options.recipe, folder));
}

int run_search_train(const SearchTrainOptions& options, const Invocation& context) {
  const search::SupernetRecipe recipe = recipe_of(options, context.common);
  search::SupernetRunOptions run;
  run.folder =
      options.out.empty() ? std::filesystem::path(options.recipe).stem().string() : options.out;
  run.pool = &context.pool();
  run.stop = &context.stop;
  run.clock = steady_clock();
  run.note = [&context](std::string_view text) { context.log.info(text); };
  run.memory = [] { return static_cast<double>(peak_resident_bytes()); };
  if (options.dry_run) {
    print_forecast(search::forecast(recipe, run), context);
    return success;
  }
  Progress progress(context.log, steady_clock());
  run.told = [&](const search::LoggedStep& step, double left) {
    progress.show([&] {
      const search::LoggedSubnet& first = step.subnets.front();
      return fmt::format("search train: step {}, {:.0f} MFLOPs, loss {:.4f}, rate {:.2e}, {} left",
                         step.step, first.flops / 1e6, first.loss, step.rate,
                         seconds_text(std::max(0.0, left)));
    });
  };
  print_outcome(search::run(recipe, run), run.folder, options, context);
  return success;
}

}  // namespace

Verb search_train_verb() {
  const auto options = std::make_shared<SearchTrainOptions>();
  return {search_train_command(*options),
          [options](const Invocation& context) { return run_search_train(*options, context); }};
}

}  // namespace pliant::cli
