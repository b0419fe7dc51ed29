#include "lm/batch.h"

#include <fmt/format.h>

#include <algorithm>

namespace pliant::lm {
namespace {

std::int64_t checked(const Session& session, std::int64_t rows) {
  if (rows < 0 || rows > session.decode_rows())
    throw Error(ErrorKind::invalid, "batch", fmt::format("{} rows", rows),
                fmt::format("at most the session's {}", session.decode_rows()));
  return rows == 0 ? session.decode_rows() : rows;
}

}  // namespace

Batch::Batch(Session& session, std::int64_t rows)
    : session_(&session),
      rows_(checked(session, rows)),
      logits_({DType::f32, {rows_, session.config().vocabulary}}),
      values_(logits_.span<float>()),
      view_(logits_.view()) {}

void Batch::join(Stream& stream) {
  const auto refused = [&](std::string problem) {
    return Error(ErrorKind::invalid, fmt::format("sequence {}", stream.sequence()),
                 std::move(problem));
  };
  if (&stream.session() != session_) throw refused("is of another session than the batch");
  if (stream.most_rows() > rows_)
    throw refused(
        fmt::format("drafts of {} tokens; a step has room for {}", stream.most_rows(), rows_));
  for (const Stream* each : streams_)
    if (each->sequence() == stream.sequence()) throw refused("is in the batch");
  streams_.push_back(&stream);
  running_.reserve(streams_.size());
  drafts_.reserve(streams_.size());
}

void Batch::leave(const Stream& stream) {
  const auto at = std::ranges::find(streams_, &stream);
  if (at == streams_.end()) return;
  if (at < streams_.begin() + turn_) --turn_;
  streams_.erase(at);
}

bool Batch::step() {
  gather();
  if (!drafts_.empty()) run();
  return std::ranges::any_of(streams_, [](const Stream* each) { return !each->done(); });
}

// Drafts are run whole: how far a stream guesses must not depend on the others. The first that
// finds no room is the first of the next step.
void Batch::gather() {
  running_.clear();
  drafts_.clear();
  const std::size_t count = streams_.size(), first = turn_ < count ? turn_ : 0;
  std::int64_t room = rows_;
  bool waiting = false;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = (first + i) % count;
    if (!streams_[at]->done() && !draft(*streams_[at], room) && !waiting) {
      turn_ = at;
      waiting = true;
    }
  }
}

// False if it has to wait.
bool Batch::draft(Stream& stream, std::int64_t& room) {
  std::span<const TokenId> tokens;
  try {
    tokens = stream.draft();
  } catch (const Error& error) {
    stream.fail(error);
    return true;
  }
  if (std::ssize(tokens) > room) return false;
  room -= std::ssize(tokens);
  running_.push_back(&stream);
  drafts_.push_back({stream.sequence(), tokens, stream.parents()});
  return true;
}

void Batch::run() {
  std::int64_t rows = 0;
  for (const Draft& each : drafts_) rows += std::ssize(each.tokens);
  try {
    session_->step(drafts_, first_rows(rows));
  } catch (const Error&) {  // nothing has changed
    return run_alone();
  }
  std::int64_t row = 0;
  for (std::size_t i = 0; i < drafts_.size(); ++i) {
    deal(i, row);
    row += std::ssize(drafts_[i].tokens);
  }
}

// To find whose fault it is.
void Batch::run_alone() {
  for (std::size_t i = 0; i < drafts_.size(); ++i) {
    try {
      session_->step({&drafts_[i], 1}, first_rows(std::ssize(drafts_[i].tokens)));
    } catch (const Error& error) {
      running_[i]->refuse(error);
      continue;
    }
    deal(i, 0);
  }
}

void Batch::deal(std::size_t i, std::int64_t row) {
  const std::int64_t vocabulary = session_->config().vocabulary;
  try {
    running_[i]->take(values_.subspan(row * vocabulary, drafts_[i].tokens.size() * vocabulary));
  } catch (const Error& error) {
    running_[i]->fail(error);
  }
}

const TensorView& Batch::first_rows(std::int64_t rows) {
  view_.type.shape[0] = rows;
  return view_;
}

}  // namespace pliant::lm
