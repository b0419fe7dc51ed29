// Runs a language model over whole sequences, without a cache: on the reference evaluator or on a
// machine.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/reference/reference.h"
#include "machine/native/native.h"
#include "models/language/language.h"

namespace pliant::language {

enum class Runner : std::uint8_t { reference, native };

class Forward {
 public:
  Forward(const LanguageModel& model, Runner runner, std::int64_t rows, int threads = 2);

  // One or several sequences packed: ids and their places, row by row. Logits [rows, vocabulary]
  // f32.
  Tensor logits(std::span<const std::int32_t> ids, std::span<const std::int32_t> seq,
                std::span<const std::int32_t> pos) const;
  Tensor logits(std::span<const std::int32_t> ids) const;  // one sequence from position 0
  // The hidden rows after each block.
  std::vector<Tensor> hidden(std::span<const std::int32_t> ids, std::span<const std::int32_t> seq,
                             std::span<const std::int32_t> pos) const;

 private:
  Tensor run(std::size_t graph, std::vector<TensorView> inputs) const;
  std::vector<TensorView> rows_of(std::span<const std::int32_t> ids,
                                  std::span<const std::int32_t> seq,
                                  std::span<const std::int32_t> pos) const;

  LanguageModel model_;
  Runner runner_;
  mutable ThreadPool pool_;
  std::vector<std::shared_ptr<const Graph>> graphs_;  // embed, each layer, head
  std::vector<std::unique_ptr<Program>> programs_;
};

// The ids that always taking the largest logit gives after `prompt` (the first of equals).
std::vector<std::int32_t> greedy(const Forward& forward, std::vector<std::int32_t> prompt,
                                 std::int64_t count);
std::int32_t largest(const Tensor& logits, std::int64_t row);

std::vector<std::int32_t> integers(const Stored& stored);
// of all elements; shapes may differ, sizes not
double greatest_difference(const Tensor& got, const Tensor& wanted);

}  // namespace pliant::language
