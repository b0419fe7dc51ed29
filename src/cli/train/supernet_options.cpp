#include "cli/train/supernet_options.h"

namespace pliant::cli {

Command search_train_command(SearchTrainOptions& options) {
  return {
      .name = "search train",
      .summary = "train a supernet of ElasticViT, whose subnets need no training of their own",
      .description =
          {"RECIPE is a JSON file: space, images, sampler, teaching, augmentation, optimizer, "
           "schedule, length, what is saved and judged (docs/elasticvit.md). Images are a folder "
           "with one folder per class, or drawn shapes. The run's folder receives checkpoints, "
           "log.jsonl, report.html with the curves, and at the end supernet.safetensors: the last "
           "weights or their running average, whichever is better on the held-out images.",
           "The same command goes on where a run was ended: by Ctrl-C or SIGTERM, which save "
           "first, or by anything else, from the newest checkpoint. Every step is then the same "
           "bit for bit, with the same number of threads. --seed goes before the recipe's.",
           "With --json: finished, step, images, seconds, chosen, judged (name, flops, accuracy, "
           "loss of each), supernet; with --dry-run parameters, steps, images, training_images, "
           "held_out_images, learner_bytes, checkpoint_bytes, disk_bytes, step_seconds."},
      .arguments = {argument("RECIPE", options.recipe, "the recipe").path()},
      .options = {option("out", "DIR", options.out, "the run's folder")
                      .written()
                      .with_letter('o')
                      .with_default("the recipe's name without .json"),
                  option("steps", "N", options.steps, "train so many steps; 0: as the recipe says")
                      .at_least(0),
                  option("device", "NAME", options.device, "cpu, cuda, cuda:1 ...")
                      .with_default("the recipe's"),
                  flag("dry-run", options.dry_run,
                       "do three steps, keep nothing, and say what the run needs: memory, disk, "
                       "time")},
      .examples = {
          {"pliant search train recipes/elasticvit-shapes.json --dry-run", "what it takes"},
          {"pliant search train recipes/elasticvit-shapes.json -o shapes",
           "train; again after Ctrl-C, it goes on"}}};
}

}  // namespace pliant::cli
