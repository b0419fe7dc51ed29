// Rounding of weights to smaller encodings, a tensor or a file at a time; no data but the weights
// is used.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/pool.h"
#include "formats/gguf/gguf.h"
#include "open/source.h"
#include "quant/store.h"

namespace pliant {

struct RoundingOptions {
  Encoding to = Encoding::q8_0;  // plain: f32
  // of the matrix that gives the logits; without it Q6_K, unless `to` is finer
  std::optional<Encoding> head;
  std::vector<std::string> keep;  // tensors that stay as they are: names with * and ?
};

// What each tensor is rounded to; none: it stays as it is. Matrices (and higher ranks) of floats
// whose last axis fits are rounded. Where a block of 256 does not fit, the next finer encoding with
// blocks of 32 is taken. Position tables and expert routers stay.
std::vector<std::optional<Encoding>> choose_encodings(const std::vector<GgufTensor>& tensors,
                                                      const RoundingOptions& options);

struct Rounded {
  std::vector<std::byte> bytes;
  double error = 0, size = 0;  // sums of squares: of what rounding took away, of the values
};

// Of a float tensor; the result's logical type is f32. Throws Error{invalid} as encode() does.
Rounded round_weight(const Stored& stored, Encoding to, std::string_view place, ThreadPool& pool);

struct RoundedTensor {
  std::string name, from, to;
  Shape shape;
  std::int64_t bytes_before = 0, bytes_after = 0;
  double error = 0, size = 0;  // as in Rounded; 0 for a tensor that stays
};

struct RoundingReport {
  std::vector<RoundedTensor> tensors;
  std::int64_t parameters() const;
  std::int64_t bytes_before() const;
  std::int64_t bytes_after() const;
};

// root mean square error over root mean square value; 0 of nothing
double relative_error(double error, double size);

using RoundingProgress = std::function<void(std::size_t done, const RoundingReport& report)>;

// Rounds what `in` holds into the file `out`. A Pliant file becomes a Pliant file; a language model
// (a folder, GGUF, a llama2.c checkpoint, minGPT's JSON) becomes GGUF, with its tokenizer, and so
// do the tensors of a safetensors file without a graph; vectors are f32 there. A part of a split
// GGUF file or a shard stands for the whole. `dry`: reports sizes, computes and writes nothing.
// Throws Error{usage} when the ending of `out` is not what can be written of `in`, and what the
// readers throw.
RoundingReport round_file(const Source& in, const std::string& out, const RoundingOptions& options,
                          ThreadPool& pool, bool dry, const RoundingProgress& progress);

}  // namespace pliant
