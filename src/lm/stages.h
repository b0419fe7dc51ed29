// The three programs of a language model for one number of rows, and runs of them. The layers may
// be a program each.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "machine/native/program.h"
#include "models/language/language.h"

namespace pliant::lm {

// What rows are computed from and in; shared by all stages of a session.
struct RowBuffers {
  RowBuffers(std::int64_t rows, std::int64_t width);
  std::int64_t bytes() const;

 private:
  friend class Stages;
  std::span<float> next(std::int64_t n) const {  // what the layers give, [n, width]
    return next_.span<float>().first(n * next_.type().shape[1]);
  }
  Tensor ids_, seq_, pos_, tag_, hidden_, next_;

 public:
  std::span<std::int32_t> ids, seq, pos, tag;  // of the tensors above
  std::span<float> hidden;                     // [rows, width]: what embed() gives
};

class Stages {
 public:
  Stages(const LanguageModel& model, native::Machine& machine, RowBuffers& buffers,
         std::int64_t rows, bool by_layer = false);
  Need need() const;  // that covers each of them
  const Graph& layers() const { return layers_.front().program->graph(); }  // by_layer: the first
  std::uint64_t hash() const;
  Trace* trace = nullptr;                            // of all runs
  void embed(std::int64_t n, Workspace& workspace);  // the ids of the first n rows of the buffers
  // The first n rows, embedded, through the layers; then, if `logits` is not null, through the head
  // to [n, vocabulary] f32 there.
  void run(std::int64_t n, Workspace& workspace, kv::Cache& cache, std::byte* logits);
  // by_layer: rows [n, width] through one of the layers, in place.
  void run_layer(int layer, std::int64_t n, std::span<float> rows, Workspace& workspace,
                 kv::Cache& cache);
  // What is behind the last layer through the head.
  void run_head(std::int64_t n, std::span<const float> rows, Workspace& workspace,
                std::byte* logits);

 private:
  struct Stage {
    std::unique_ptr<native::Program> program;
    std::vector<TensorView> inputs, outputs;
  };
  static Stage prepare(Graph graph, const LanguageModel& model, native::Machine& machine,
                       RowBuffers& buffers, const Tensor* hidden, const Tensor* result);
  Bindings bind(Stage& stage, std::int64_t n) const;

  void run_head(std::int64_t n, Workspace& workspace, std::byte* logits);
  template <typename Visit>
  void each(const Visit& visit) const;

  RowBuffers* buffers_;
  Stage embed_, head_;
  std::vector<Stage> layers_;
};

}  // namespace pliant::lm
