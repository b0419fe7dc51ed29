// A small run over documents that count, for the tests of training.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/rng.h"
#include "data/shards/shard.h"
#include "train/loop.h"
#include "train/run/checkpoint.h"

namespace pliant::train {

inline constexpr std::int64_t vocabulary = 32;

inline std::string fresh_run(const std::string& name) {
  const std::string folder = testing::TempDir() + "run-" + name;
  std::filesystem::remove_all(folder);
  return folder;
}

// Documents that count up from anywhere, by 1 or by 3: easy to learn.
inline const std::string& counting_shard() {
  static const std::string path = [] {
    const std::string made = testing::TempDir() + "counting.shard";
    write_file(made, [](std::ostream& out) {
      data::ShardWriter writer(out, {7, vocabulary});
      Rng rng(3);
      for (int document = 0; document < 200; ++document) {
        std::vector<std::int32_t> ids(20 + rng.below(40));
        const std::int64_t first = rng.below(vocabulary), by = 1 + 2 * rng.below(2);
        for (std::size_t i = 0; i < ids.size(); ++i)
          ids[i] =
              static_cast<std::int32_t>((first + by * static_cast<std::int64_t>(i)) % vocabulary);
        writer.add(ids, std::ssize(ids) * 2, rng.bits());
      }
      writer.finish();
    });
    return made;
  }();
  return path;
}

inline Recipe small() {
  Recipe recipe;
  recipe.model.layers = 2;
  recipe.model.width = 32;
  recipe.model.head_width = 8;
  recipe.model.groups = 2;
  recipe.model.ffn_divisor = 16;
  recipe.data.sources = {{"counting", {counting_shard()}, {}, 1}};
  recipe.data.length = 32;
  recipe.data.held_out = 0.1;
  recipe.batch.sequences = 4;
  recipe.length.steps = 12;
  recipe.optimizer.rate = 0.01;
  recipe.schedule.warmup = 3;
  recipe.save.every = 4;
  recipe.validate.every = 0;
  recipe.validate.sequences = 4;
  return recipe;
}

inline Outcome train(const Recipe& recipe, const std::string& folder, const RunOptions& more = {}) {
  RunOptions options = more;
  options.folder = folder;
  options.threads = 1;
  return run(recipe, options);
}

inline std::vector<double> losses(const std::string& folder) {
  std::vector<double> result;
  const Journal journal(folder + "/log.jsonl", 1 << 20);
  for (const StepRecord& each : journal.steps()) result.push_back(each.loss);
  return result;
}

}  // namespace pliant::train
