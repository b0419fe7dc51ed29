#include "cli/train/options.h"

namespace pliant::cli {

Command train_command(TrainOptions& options) {
  const char* const one = "a run has one length";
  return {
      .name = "train",
      .summary = "train a language model from a recipe",
      .description =
          {"RECIPE is a JSON file: model, data, batch, length, optimizer, schedule, what is saved "
           "and told (docs/training.md). The run's folder receives checkpoints, log.jsonl, "
           "report.html with the curves, and at the end model/, a folder that pliant and Python's "
           "tools open: the last weights or the mean of the last checkpoints, whichever predicts "
           "the held-out text better.",
           "The same command goes on where a run was ended: by Ctrl-C or SIGTERM, which save "
           "first, or by anything else, from the newest checkpoint. Every step is then the same "
           "bit for bit, with the same number of threads. --seed goes before the recipe's.",
           "With --json: finished, step, tokens, seconds, nll, chosen, validation_nll, "
           "bits_per_byte, model; with --dry-run parameters, steps, tokens, data_tokens, "
           "learner_bytes, checkpoint_bytes, disk_bytes, step_seconds, flops_per_token."},
      .arguments = {argument("RECIPE", options.recipe, "the recipe").path()},
      .options = {option("out", "DIR", options.out, "the run's folder")
                      .written()
                      .with_letter('o')
                      .with_default("the recipe's name without .json"),
                  option("time", "TIME", options.time,
                         "train so long, as 90min: the rate falls in time for that; needs the "
                         "schedule wsd")
                      .excludes("--steps", one)
                      .excludes("--tokens", one),
                  option("steps", "N", options.steps, "train so many steps; 0: as the recipe says")
                      .at_least(0)
                      .excludes("--tokens", one),
                  option("tokens", "N", options.tokens,
                         "train on so many tokens; 0: as the recipe says")
                      .at_least(0),
                  option("device", "NAME", options.device, "cpu, cuda, cuda:1 ...")
                      .with_default("the recipe's"),
                  flag("dry-run", options.dry_run,
                       "do two steps, keep nothing, and say what the run needs: memory, disk, "
                       "time")},
      .examples = {{"pliant train recipes/small.json --dry-run", "what it takes"},
                   {"pliant train recipes/small.json -o small --time 90min",
                    "what an hour and a half gives; again after Ctrl-C, it goes on"},
                   {"pliant generate small/model --prompt 'Once upon a time'",
                    "talk with what was trained"}}};
}

}  // namespace pliant::cli
