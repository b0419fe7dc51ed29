// A recipe: everything that decides what a training run computes, as one JSON file.
// docs/training.md describes every field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/language/language.h"

namespace pliant::train {

// OpenELM's shape (arXiv 2404.14619, section 2.1).
struct ModelRecipe {
  std::string from;  // a model to go on from: folder or file; then nothing below counts
  std::int64_t layers = 16, width = 1280, head_width = 64, groups = 4, ffn_divisor = 256;
  std::vector<double> attention = {0.5, 1}, ffn = {0.5, 4};  // a line's ends, or one per layer
  std::int64_t vocabulary = 0;                               // 0: the tokenizer's
  std::int64_t vocabulary_multiple = 1;                      // rounded up to it
  bool qk_norm = true, tied = true;
};

struct SourceRecipe {
  std::string name;
  std::vector<std::string> shards;  // files of token shards, or folders of them
  std::vector<std::string> corpus;  // raw text instead: packed before training
  double weight = 1;                // share of the sequences, over the sum of all weights
};

struct DataRecipe {
  std::string tokenizer;
  std::vector<SourceRecipe> sources;
  std::int64_t length = 2048;  // tokens of a sequence
  bool cut_and_drop = false;   // the paper's way: one document to a sequence
  double held_out = 0.005;     // share of the documents kept for validation
};

enum class OptimizerKind : std::uint8_t { adamw, muon };
struct OptimizerRecipe {
  OptimizerKind kind = OptimizerKind::adamw;
  double rate = 3e-3;  // the highest
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8;
  double decay = 0.1;  // of matrices and tables; norms and biases have none
  bool cautious = false;
  double clip = 1;  // of the gradient's norm; 0: none
  double z_loss = 1e-4;
  // Muon, for the matrices of the layers
  double matrix_rate = 0, momentum = 0.95;  // 0: rate; steps are as large as AdamW's
  std::int64_t iterations = 5;
  double average = 0;  // decay of a running average of the weights; 0: none
};

struct DistillRecipe {
  std::string teacher;     // a model of the same vocabulary: folder or file; none: no distillation
  double weight = 0.5;     // of its predictions; the text's own next tokens have the rest
  double temperature = 1;  // that divides both models' logits
};

enum class ScheduleKind : std::uint8_t { cosine, wsd };
struct ScheduleRecipe {
  ScheduleKind kind = ScheduleKind::cosine;
  std::int64_t warmup = 100;  // steps
  double warmup_from = 1e-6;  // rate of step 0
  double final = 0.1;         // share of the highest rate that is left at the end
  double decay = 0.2;         // wsd: share of the run in which the rate falls
};

// How long: exactly one is given. `seconds` needs wsd.
struct LengthRecipe {
  std::int64_t steps = 0, tokens = 0;
  double seconds = 0;
};

struct BatchRecipe {
  std::int64_t sequences = 16;  // of one step
  std::int64_t at_once = 0;     // of one pass; 0: all
};

struct SaveRecipe {
  std::int64_t every = 500;    // steps
  std::int64_t keep = 5;       // newest checkpoints
  std::int64_t milestone = 0;  // also every so many steps, for good; 0: none
  std::int64_t average = 5;    // newest checkpoints whose mean is the model; 1: the last
};

struct ValidateRecipe {
  std::int64_t every = 500;  // steps; 0: at the end alone
  std::int64_t sequences = 64;
};

struct SampleRecipe {
  std::int64_t every = 0;  // steps; 0: never
  std::string prompt;
  std::int64_t tokens = 64;
  double temperature = 0.8;
};

struct LogRecipe {
  // The logged loss counts rows without a target as CoreNet's log does: corenet_logged_z_loss().
  bool corenet_z_loss = false;
};

struct MachineRecipe {
  std::string device = "cpu";
  bool bf16 = false, deterministic = false, fused = true;
  std::vector<std::string> recompute;  // scopes
};

struct Recipe {
  ModelRecipe model;
  DataRecipe data;
  BatchRecipe batch;
  LengthRecipe length;
  OptimizerRecipe optimizer;
  DistillRecipe distill;
  ScheduleRecipe schedule;
  SaveRecipe save;
  ValidateRecipe validate;
  SampleRecipe sample;
  LogRecipe log;
  MachineRecipe machine;
  std::uint64_t seed = 1;

  std::int64_t step_tokens() const { return batch.sequences * data.length; }
  std::int64_t at_once() const { return batch.at_once == 0 ? batch.sequences : batch.at_once; }
};

// Paths in it that are not absolute are below `folder`. Throws Error{format} or {invalid} naming
// the field, what is wrong and what is allowed.
Recipe recipe_from_json(std::string_view text, std::string_view place, std::string_view folder);
Recipe load_recipe(const std::string& path);
// Every field, defaults included; recipe_from_json() reads it back as it is.
std::string to_json(const Recipe& recipe);

// The first field in which two recipes compute something else ("optimizer.rate: 0.003, 0.001");
// none if one may go on where the other stopped. Length, saving, validating, sampling and the log
// may differ.
std::optional<std::string> difference(const Recipe& saved, const Recipe& given);

// Of a model that does not come from a file. Throws Error{invalid}.
LanguageConfig config_of(const ModelRecipe& model, std::int64_t vocabulary, std::int64_t context);

}  // namespace pliant::train
