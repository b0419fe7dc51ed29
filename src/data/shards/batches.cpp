#include "data/shards/batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/checked.h"
#include "core/error.h"
#include "core/rng.h"
#include "core/units.h"
#include "data/shards/documents.h"
#include "data/shards/order.h"

namespace pliant::data {
namespace {

void refuse(const std::string& option, const std::string& problem,
            const std::string& next_step = "") {
  throw Error(ErrorKind::usage, option, problem, next_step);
}

void check_options(const PackingOptions& options) {
  if (options.length < 1) refuse("length", fmt::format("{} is below 1", options.length));
  if (options.rows < 1 || options.rows > std::numeric_limits<std::int32_t>::max())
    refuse("rows", fmt::format("{} is not from 1 to 2147483647", options.rows));
  if (options.parts < 1 || options.part < 0 || options.part >= options.parts)
    refuse("part", fmt::format("there is no part {} of {}", options.part, options.parts));
  if (options.rows % (options.length * options.parts) != 0)
    refuse("rows",
           fmt::format("{} rows are not a number of windows of {} rows for each of {} parts",
                       options.rows, options.length, options.parts));
  if (!(options.held_out >= 0 && options.held_out < 1))
    refuse("held-out", fmt::format("{} is not a share in [0, 1)", options.held_out));
}

void check_weights(const std::vector<Source>& sources) {
  if (sources.empty()) refuse("sources", "there are none", "name the shards to train on");
  for (const Source& each : sources) {
    if (each.shards.empty()) refuse("sources", "one names no shards");
    if (!(each.weight >= 0) || each.weight > 1e12)
      refuse("weight", fmt::format("{} is no weight", each.weight));
    if ((each.weight == 0) != (sources.front().weight == 0))
      refuse("weight", "some sources have a weight and others do not",
             "give all of them one, or none");
  }
}

// The rows of a batch that are this process's, filled from the first on.
class Filling {
 public:
  Filling(Batch& batch, std::int64_t rows) : batch_(batch) {
    for (Tensor* each : {&batch.ids, &batch.targets, &batch.seq, &batch.pos, &batch.tag})
      if (each->type() != TensorType{DType::i32, {rows}}) *each = Tensor({DType::i32, {rows}});
    std::ranges::fill(batch.tag.span<std::int32_t>(), 0);
    batch.valid = 0;
  }

  void piece(const Shard& shard, std::int64_t begin, std::int64_t rows) {
    const auto ids = of(batch_.ids, rows), targets = of(batch_.targets, rows);
    shard.read(begin, ids);
    std::copy(ids.begin() + 1, ids.end(), targets.begin());
    shard.read(begin + rows, targets.last(1));
    std::ranges::fill(of(batch_.seq, rows), seq_++);
    std::int32_t position = 0;
    for (std::int32_t& each : of(batch_.pos, rows)) each = position++;
    at_ += rows;
    batch_.valid += rows;
  }

  void padding(std::int64_t rows) {
    std::ranges::fill(of(batch_.ids, rows), 0);
    std::ranges::fill(of(batch_.targets, rows), -1);
    std::ranges::fill(of(batch_.seq, rows), -1);
    std::ranges::fill(of(batch_.pos, rows), 0);
    at_ += rows;
  }

 private:
  std::span<std::int32_t> of(Tensor& tensor, std::int64_t rows) const {
    return tensor.span<std::int32_t>().subspan(at_, rows);
  }

  Batch& batch_;
  std::int64_t at_ = 0;
  std::int32_t seq_ = 0;
};

}  // namespace

class Batches::Mixture {
 public:
  Mixture(const std::vector<Source>& sources, const PackingOptions& options, Split split)
      : options_(options), split_(split) {
    check_options(options);
    check_weights(sources);
    for (std::size_t i = 0; i < sources.size(); ++i)
      sources_.emplace_back(sources[i].shards, Rng(options.seed, i).bits());
    const double limit = held_out_limit();
    for (Documents& each : sources_) each.take_side(split, limit);
    check_documents(sources);
    std::vector<double> weights;
    for (std::size_t i = 0; i < sources.size(); ++i)
      weights.push_back(weight_of(sources[i], sources_[i]));
    turns_ = Turns(weights);
    state_ = {.seed = options.seed,
              .data = fingerprint(weights),
              .places = std::vector<State::Place>(sources.size())};
  }

  bool next(Batch& batch) {
    if (split_ == Split::held_out && taken(state_) == windows()) {
      state_.places.assign(sources_.size(), {});
      return false;
    }
    const std::int64_t all = options_.rows / options_.length, mine = all / options_.parts;
    Filling filling(batch, mine * options_.length);
    State after = state_;  // where reading fails, nothing has moved
    for (std::int64_t i = 0; i < all; ++i)
      window(after, i / mine == options_.part ? &filling : nullptr);
    state_ = std::move(after);
    return true;
  }

  const State& state() const { return state_; }

  void restore(const State& state) {
    if (state.data != state_.data || state.places.size() != sources_.size())
      throw Error(ErrorKind::invalid, "state of the data",
                  fmt::format("belongs to other shards, weights or options (seed {}, here {})",
                              state.seed, state_.seed),
                  "go on with the data and options that the run began with, or begin anew");
    for (std::size_t i = 0; i < sources_.size(); ++i) check_place(state.places[i], sources_[i]);
    state_ = state;
  }

  const TokenizerIdentity& tokenizer() const {
    return sources_.front().shards().front().identity();
  }

  std::int64_t total(std::int64_t Documents::Totals::*of) const {
    std::int64_t sum = 0;
    for (const Documents& each : sources_) sum += each.totals().*of;
    return sum;
  }

  std::int64_t windows() const {
    std::int64_t sum = 0;
    for (const Documents& each : sources_) sum += windows_of(each);
    return sum;
  }

  void verify() const {
    for (const Documents& source : sources_)
      for (const Shard& each : source.shards()) each.verify();
  }

 private:
  std::int64_t windows_of(const Documents& source) const {
    return options_.cut_and_drop ? source.totals().documents
                                 : ceil_div(source.totals().rows, options_.length);
  }

  // A small share of few documents is at least one, so that there is something to look at.
  double held_out_limit() const {
    if (options_.held_out == 0) return 0;
    double first = 1;
    for (const Documents& each : sources_) first = std::min(first, each.first_place());
    return first < 1 ? std::max(options_.held_out, std::nextafter(first, 1.0)) : options_.held_out;
  }

  // By their sizes all sources end together, as held-out documents, which are given once, must.
  double weight_of(const Source& source, const Documents& documents) const {
    const bool chosen = split_ == Split::train && source.weight > 0;
    return chosen ? source.weight : static_cast<double>(windows_of(documents));
  }

  void check_documents(const std::vector<Source>& sources) {
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const std::string& place = sources[i].shards.front();
      for (const Shard& shard : sources_[i].shards())
        if (shard.identity() != tokenizer())
          throw Error(
              ErrorKind::invalid, shard.place(),
              fmt::format("was made with the tokenizer {}, '{}' with {}",
                          to_string(shard.identity()), sources_.front().shards().front().place(),
                          to_string(tokenizer())),
              "pack all of the text with one tokenizer");
      if (sources_[i].totals().documents > 0) continue;
      if (split_ == Split::held_out && total(&Documents::Totals::documents) > 0) continue;
      throw Error(ErrorKind::invalid, place,
                  fmt::format("has {} documents, of which none {} at a share of {} held out",
                              grouped_text(sources_[i].count()),
                              split_ == Split::train ? "is left to train on" : "is held out",
                              options_.held_out),
                  "choose another share, or pack the text in smaller documents "
                  "(pliant data pack --split)");
    }
  }

  std::uint64_t fingerprint(const std::vector<double>& weights) const {
    std::vector<std::uint64_t> words{options_.seed, std::uint64_t(options_.length),
                                     options_.cut_and_drop, std::uint64_t(split_),
                                     std::bit_cast<std::uint64_t>(options_.held_out)};
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      words.push_back(std::bit_cast<std::uint64_t>(weights[i]));
      for (const Shard& shard : sources_[i].shards()) words.push_back(shard.content_hash());
    }
    return hash64({reinterpret_cast<const char*>(words.data()), words.size() * sizeof words[0]});
  }

  static void check_place(const State::Place& place, const Documents& source) {
    const bool inside = place.windows >= 0 && place.epoch >= 0 && place.document >= 0 &&
                        place.document < std::max<std::int64_t>(source.count(), 1);
    const auto found =
        inside && source.count() > 0 ? source.at(place.epoch, place.document) : Documents::Found{};
    const std::int64_t rows = found.shard == nullptr ? 1 : rows_of(found.entry);
    if (!inside || place.row < 0 || place.row >= rows)
      throw Error(ErrorKind::invalid, "state of the data", "names a place that is not there");
  }

  static std::int64_t taken(const State& state) {
    std::int64_t sum = 0;
    for (const State::Place& each : state.places) sum += each.windows;
    return sum;
  }

  // The next window; `filling` null: only passed over.
  void window(State& state, Filling* filling) const {
    std::vector<std::int64_t> turns;
    for (const State::Place& each : state.places) turns.push_back(each.windows);
    std::int64_t left = options_.length;
    if (split_ == Split::train || taken(state) < windows()) {
      const std::size_t source = turns_.next(turns);
      left = fill(sources_[source], state.places[source], filling);
    }
    if (filling != nullptr && left > 0) filling->padding(left);
  }

  // Rows of the window that are left over.
  std::int64_t fill(const Documents& source, State::Place& place, Filling* filling) const {
    const bool endless = split_ == Split::train;
    std::int64_t left = options_.length;
    ++place.windows;
    while (left > 0 && (endless || place.epoch == 0)) {
      const Documents::Found found = source.at(place.epoch, place.document);
      std::int64_t rest = 0;
      if (found.shard != nullptr) {
        rest = rows_of(found.entry) - place.row;
        const std::int64_t rows = std::min(rest, left);
        if (filling != nullptr) filling->piece(*found.shard, found.entry.begin + place.row, rows);
        left -= rows, rest -= rows, place.row += rows;
      }
      if (rest > 0 && !options_.cut_and_drop) break;
      place.row = 0;
      if (++place.document == source.count()) place.document = 0, ++place.epoch;
      if (found.shard != nullptr && options_.cut_and_drop) break;
    }
    return left;
  }

  PackingOptions options_;
  Split split_;
  std::vector<Documents> sources_;
  Turns turns_{std::vector<double>{1}};
  State state_;
};

Batches::Batches(const std::vector<Source>& sources, const PackingOptions& options, Split split)
    : mixture_(std::make_unique<Mixture>(sources, options, split)) {}
Batches::~Batches() = default;
Batches::Batches(Batches&&) noexcept = default;
Batches& Batches::operator=(Batches&&) noexcept = default;

bool Batches::next(Batch& batch) { return mixture_->next(batch); }
State Batches::state() const { return mixture_->state(); }
void Batches::restore(const State& state) { mixture_->restore(state); }
const TokenizerIdentity& Batches::tokenizer() const { return mixture_->tokenizer(); }
std::int64_t Batches::documents() const { return mixture_->total(&Documents::Totals::documents); }
std::int64_t Batches::tokens() const { return mixture_->total(&Documents::Totals::tokens); }
std::int64_t Batches::text_bytes() const { return mixture_->total(&Documents::Totals::text_bytes); }
std::int64_t Batches::windows() const { return mixture_->windows(); }
void Batches::verify() const { mixture_->verify(); }

}  // namespace pliant::data
