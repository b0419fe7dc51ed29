// A batch: streams of one session whose drafts are run together. What a stream generates does not
// depend on the others, so they may join and leave between any two steps.
#pragma once

#include <span>
#include <vector>

#include "lm/stream.h"

namespace pliant::lm {

class Batch {
 public:
  // `rows`: tokens of one step at most, 0: as many as the session takes. Throws Error{invalid} for
  // more. The session must outlive the batch.
  explicit Batch(Session& session, std::int64_t rows = 0);

  // The stream must outlive its stay; its prompt has been fed. Throws Error{invalid} for one of
  // another session, for drafts that are longer than a step, and for a sequence that is in the
  // batch.
  void join(Stream& stream);
  void leave(const Stream& stream);
  std::span<Stream* const> streams() const { return streams_; }

  // One decode run over the drafts of those streams that are not done, in turn where not all fit.
  // Whether one is left that is not done. A stream's Error is its own: it is then done, and the
  // others go on. Allocates nothing.
  bool step();

 private:
  void gather();
  bool draft(Stream& stream, std::int64_t& room);
  void run();
  void run_alone();
  void deal(std::size_t i, std::int64_t row);
  const TensorView& first_rows(std::int64_t rows);  // of the logits

  Session* session_;
  std::int64_t rows_;
  Tensor logits_;  // [rows, vocabulary]
  std::span<const float> values_;
  TensorView view_;  // of the first of them
  std::vector<Stream*> streams_;
  std::size_t turn_ = 0;          // the stream that comes first in the next step
  std::vector<Stream*> running_;  // in this step
  std::vector<Draft> drafts_;     // theirs
};

}  // namespace pliant::lm
