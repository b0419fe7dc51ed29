#include "machine/encrypted/ckks/linear_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <set>

#include "core/error.h"

namespace pliant::ckks {

namespace {

[[noreturn]] void wrong(const std::string& problem) {
  throw Error(ErrorKind::usage, "ckks linear transform", problem);
}

double size_of(std::complex<double> z) { return z.imag() == 0 ? std::abs(z.real()) : std::abs(z); }

// The root of the largest sum.
double root_of(const std::vector<double>& squares) { return std::sqrt(largest(squares)); }

}  // namespace

int LinearMap::steps(std::int64_t by) const {
  const auto slots = static_cast<std::int64_t>(slots_);
  return static_cast<int>((by % slots + slots) % slots);
}

std::size_t LinearMap::baby(int source, std::int64_t by) {
  const int turned = steps(by);
  for (std::size_t b = 0; b < babies_.size(); ++b)
    if (babies_[b].source == source && babies_[b].steps == turned) return b;
  babies_.push_back({source, turned});
  return babies_.size() - 1;
}

// In the time of a limb's transform: dividing a baby takes two for each limb; a special limb of a
// diagonal, with its products, about half of one.
bool LinearMap::pays_to_divide() const {
  std::set<std::pair<int, std::int64_t>> rotated;
  for (const LinearTerm& term : terms_)
    if (term.baby != 0) rotated.emplace(term.source, term.baby);
  const std::size_t all = level_ + 1 + context_.special();
  return terms_.size() * context_.special() > 4 * rotated.size() * all;
}

// Encodes a term's diagonal, unless that was done for another one.
void LinearMap::encode(Encoder& encoder, std::size_t term,
                       std::span<const std::complex<double>> values, double bound) {
  const int number = terms_[term].diagonal;
  const auto known = shared_.find(number);
  if (number >= 0 && known != shared_.end()) {
    diagonal_of_[term] = known->second;
    return;
  }
  Rounded rounded;
  encoder.round(values, {level_, scale_, bound, !divided_}, rounded);
  diagonal_of_[term] = diagonals_.add(std::move(rounded));
  if (number >= 0) shared_[number] = diagonal_of_[term];
}

// The absolute values of a diagonal.
std::vector<double> LinearMap::sizes_of(std::span<const std::complex<double>> values) {
  if (slots_ == 0) slots_ = values.size();
  if (values.size() != slots_)
    wrong(fmt::format("diagonals of {} and of {} values", slots_, values.size()));
  if (!std::has_single_bit(slots_) || slots_ > context_.slots())
    wrong(fmt::format("diagonals of {} values, which is not a power of two up to the {} slots",
                      slots_, context_.slots()));
  std::vector<double> sizes(slots_);
  for (std::size_t k = 0; k < slots_; ++k) sizes[k] = size_of(values[k]);
  return sizes;
}

LinearMap::LinearMap(const Context& context, Encoder& encoder, std::vector<LinearTerm> terms,
                     const Values& values, const LinearMapOptions& options)
    : context_(context),
      level_(options.level == -1 ? context.levels() : options.level),
      terms_(std::move(terms)),
      diagonals_(context, options.expanded_bytes),
      diagonal_of_(terms_.size()),
      baby_of_(terms_.size()) {
  require_same(context, encoder.context().hash(), "linear transform", "the encoder");
  if (terms_.empty()) wrong("no diagonals");
  if (level_ < 1 || level_ > context.levels())
    wrong(fmt::format("level {} is not between 1 and {}", level_, context.levels()));
  divided_ = options.divided.value_or(pays_to_divide());
  // The product lands on the scale list: scale[level] * scale of the diagonal / q[level] =
  // scale[level - 1].
  scale_ = context.scale(level_ - 1) * context.q(level_).mod.q / context.scale(level_);
  int results = 0;
  for (const LinearTerm& term : terms_) {
    if (term.result < 0 || term.source < 0) wrong("a result or source below 0");
    results = std::max(results, term.result + 1);
    sources_ = std::max(sources_, static_cast<std::size_t>(term.source) + 1);
  }
  results_.resize(results);
  for (int r = 0; r < results; ++r) {
    Result& result = results_[r];
    std::vector<std::vector<double>> sizes(terms_.size());
    std::map<std::int64_t, std::vector<std::size_t>> giants{{0, {}}};
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      if (terms_[i].result != r) continue;
      const std::span<const std::complex<double>> diagonal = values(i);
      sizes[i] = sizes_of(diagonal);
      encode(encoder, i, diagonal, largest(sizes[i]));
      baby_of_[i] = baby(terms_[i].source, terms_[i].baby);
      giants[terms_[i].giant].push_back(i);
    }
    for (auto& [giant, of] : giants) result.places.push_back({giant, 0, std::move(of), {}, {}, {}});
    arrange(result, options.stride);
    measure(result, sizes);
  }
  sort_terms();
  list_rotations();
}

// The place that stays first, and how the others come to it.
void LinearMap::arrange(Result& result, std::int64_t stride) const {
  std::map<std::int64_t, Place> places;
  for (Place& place : result.places) {
    if (stride != 0 && place.giant % stride != 0)
      wrong(fmt::format("giant step {} is no multiple of the stride {}", place.giant, stride));
    places[place.giant] = std::move(place);
  }
  const std::int64_t size = std::abs(stride), last = places.rbegin()->first,
                     first = places.begin()->first;
  const auto most = static_cast<std::int64_t>(slots_);
  if (size != 0 && (first / size < -most || last / size > most))
    wrong(fmt::format("giant steps from {} to {} are more than {} strides away", first, last,
                      slots_));
  for (std::int64_t at = first; size != 0 && at < last; at += size) places[at].giant = at;
  result.places.clear();
  std::map<std::int64_t, std::size_t> index;
  const auto put = [&](std::int64_t giant) {
    index[giant] = result.places.size();
    result.places.push_back(std::move(places[giant]));
  };
  put(0);
  for (const auto& [giant, place] : places)
    if (giant != 0) put(giant);
  const auto ring = static_cast<std::int64_t>(context_.slots());
  const auto come = [&](std::int64_t giant) {
    const std::int64_t to = size == 0 ? 0 : giant - (giant > 0 ? size : -size);
    result.moves.push_back({index[giant], index[to], steps(giant - to)});
  };
  for (std::size_t p = result.places.size(); p-- > 1;)
    if (result.places[p].giant > 0) come(result.places[p].giant);
  for (std::size_t p = 1; p < result.places.size(); ++p)
    if (result.places[p].giant < 0) come(result.places[p].giant);
  for (std::size_t m = result.moves.size(); m-- > 0;) {
    const Move& move = result.moves[m];
    result.places[move.from].turned =
        static_cast<int>((result.places[move.to].turned + move.steps) % ring);
  }
  std::vector<int> sums(result.places.size(), -1);
  int beside = 1;
  for (Move& move : result.moves) {
    move.from_sum = sums[move.from];
    move.adds = sums[move.to] >= 0;
    if (!move.adds) sums[move.to] = move.to == 0 ? 0 : (beside = 3 - beside);
    move.to_sum = sums[move.to];
  }
}

void LinearMap::sort_terms() {
  for (Result& result : results_)
    for (Place& place : result.places)
      for (const std::size_t term : place.terms)
        (diagonals_.transformed(diagonal_of_[term]) ? place.held : place.folded).push_back(term);
}

// What the bounds of errors want to know of the matrices; `sizes` are the diagonals' absolute
// values.
void LinearMap::measure(Result& result, const std::vector<std::vector<double>>& sizes) const {
  std::vector<std::vector<double>> rows(sources_, std::vector<double>(slots_)), squares = rows;
  std::vector<double> all_rotated(slots_);
  result.rounding.assign(sources_, 0);
  for (Place& place : result.places) {
    std::vector<std::vector<double>> rotated(sources_);
    for (const std::size_t i : place.terms) {
      const std::size_t source = terms_[i].source, shift = steps(terms_[i].giant);
      const bool switched = babies_[baby_of_[i]].steps != 0;  // else no key, no noise
      if (switched) rotated[source].resize(slots_);
      for (std::size_t k = 0; k < slots_; ++k) {
        const double size = sizes[i][(k + shift) % slots_], square = size * size;
        rows[source][k] += size;
        squares[source][k] += square;
        if (!switched) continue;
        rotated[source][k] += square;
        all_rotated[k] += square;
      }
      result.rounding[source] += fields(i).noise / scale_;
    }
    for (const std::vector<double>& of : rotated) place.root.push_back(root_of(of));
  }
  for (std::size_t s = 0; s < sources_; ++s) {
    result.gain.push_back(largest(rows[s]));
    result.root.push_back(root_of(squares[s]));
  }
  result.rotated_root = root_of(all_rotated);
}

void LinearMap::list_rotations() {
  std::set<int> all;
  for (const Baby& baby : babies_) all.insert(baby.steps);
  for (const Result& result : results_)
    for (const Move& move : result.moves) all.insert(move.steps);
  all.erase(0);
  rotations_.assign(all.begin(), all.end());
}

void LinearMap::expand(std::size_t term, Plaintext& out) const {
  const std::size_t number = diagonal_of_[term], n = context_.n();
  const Plaintext& of = fields(term);
  out.level = level_;
  out.extended = false;
  out.scale = of.scale;
  out.slots = of.slots;
  out.bound = of.bound;
  out.noise = of.noise;
  out.params = of.params;
  out.poly.resize(level_ + 1, n);
  for (std::size_t i = 0; i < out.poly.limbs(); ++i)
    if (!diagonals_.transformed(number)) diagonals_.expand(number, i, out.poly.limb(i));
    else std::copy_n(diagonals_.limb(number, i), n, out.poly.limb(i));
}

void LinearMap::require(std::span<const Ciphertext* const> in, const Evaluator& evaluator) const {
  require_same(evaluator.context(), context_.hash(), "linear transform", "the transform");
  const auto refuse = [](const std::string& problem, const char* next = "") {
    throw Error(ErrorKind::invalid, "ckks linear transform", problem, next);
  };
  if (in.size() != sources_)
    refuse(fmt::format("{} ciphertexts for a map of {}", in.size(), sources_));
  for (const Ciphertext* one : in) {
    evaluator.require(*one, "linear transform");
    if (one->size != 2)
      refuse(fmt::format("a ciphertext of {} parts instead of 2", one->size),
             "relinearize it first");
    if (one->level != level_)
      refuse(fmt::format("a ciphertext of level {}, diagonals of level {}", one->level, level_),
             "adjust it");
    if (one->scale != in[0]->scale)
      refuse(fmt::format("scales 2^{:.6f} and 2^{:.6f} differ", std::log2(in[0]->scale),
                         std::log2(one->scale)),
             "adjust one of them");
    if (slots_ % one->slots != 0)
      refuse(fmt::format("a ciphertext of {} slots, diagonals of {}", one->slots, slots_));
  }
}

namespace {

// coefficients that pass through the second-level cache together
constexpr std::size_t kSize = 1024;
// diagonals that are expanded together
constexpr std::size_t kFolded = 4;

}  // namespace

// Rotations by no step are the sources themselves, where these are not to be undivided.
void LinearMap::rotate_sources(std::span<const Ciphertext* const> in, Evaluator& evaluator,
                               const KeySet& keys, LinearWorkspace& work) const {
  work.babies.resize(std::max(work.babies.size(), babies_.size()));
  work.multiplied.resize(std::max(work.multiplied.size(), babies_.size()));
  for (std::size_t s = 0; s < sources_; ++s) {
    bool raised = false;
    for (std::size_t b = 0; b < babies_.size(); ++b) {
      const int by = babies_[b].steps;
      if (babies_[b].source != static_cast<int>(s)) continue;
      for (std::size_t part = 0; part < 2; ++part)
        work.multiplied[b][part] = divided_ && by == 0 ? &in[s]->part[part] : &work.babies[b][part];
      if (divided_ && by == 0) continue;
      if (work.watch) work.watch();
      if (!raised) evaluator.raise(*in[s], work.raised);
      raised = true;
      evaluator.rotate_extended(*in[s], work.raised, by, keys, work.rotated);
      if (divided_)
        evaluator.stages().mod_down(work.rotated.part, level_,
                                    {&work.babies[b][0], &work.babies[b][1]});
      else std::swap(work.rotated.part, work.babies[b]);
    }
  }
}

// The sum of diagonal * baby at each place. Blocks of coefficients go through all places together,
// so that the babies are read from memory once; of what is to be expanded first, limbs do.
void LinearMap::sum_products(const Result& result, LinearWorkspace& work,
                             SwitchStages& stages) const {
  const std::size_t n = context_.n(), size = std::min(n, kSize), most = terms_.size();
  if (work.sums.size() < result.places.size()) work.sums.resize(result.places.size());
  bool folded = false;
  for (std::size_t p = 0; p < result.places.size(); ++p) {
    for (Poly& part : work.sums[p]) part.resize(limbs(), n);
    folded = folded || !result.places[p].folded.empty();
  }
  if (folded) work.expanded.resize(limbs() * kFolded, n);
  work.operands.resize(2 * most * limbs());
  stages.each(limbs(), [&](std::size_t i) {
    const u64** left = work.operands.data() + 2 * most * i;
    const u64** right = left + most;
    for (std::size_t at = 0; at < n; at += size)
      for (std::size_t p = 0; p < result.places.size(); ++p)
        for (std::size_t part = 0; part < 2; ++part) {
          const std::vector<std::size_t>& terms = result.places[p].held;
          for (std::size_t t = 0; t < terms.size(); ++t) {
            left[t] = work.multiplied[baby_of_[terms[t]]][part]->limb(i) + at;
            right[t] = diagonals_.limb(diagonal_of_[terms[t]], i) + at;
          }
          context_.kernels().inner(work.sums[p][part].limb(i) + at, left, right, terms.size(), size,
                                   context_.extended(level_, i).mod);
        }
    for (std::size_t p = 0; p < result.places.size(); ++p)
      add_folded(result.places[p], i, work.sums[p], work);
  });
}

// A limb of the products whose diagonals are not held transformed.
void LinearMap::add_folded(const Place& place, std::size_t limb, std::array<Poly, 2>& sum,
                           LinearWorkspace& work) const {
  const std::size_t n = context_.n(), size = std::min(n, kSize);
  const Modulus& m = context_.extended(level_, limb).mod;
  std::array<const u64*, kFolded> left{}, right{};
  alignas(64) std::array<u64, kSize> products;
  for (std::size_t first = 0; first < place.folded.size(); first += kFolded) {
    const std::size_t count = std::min(kFolded, place.folded.size() - first);
    for (std::size_t t = 0; t < count; ++t)
      diagonals_.expand(diagonal_of_[place.folded[first + t]], limb,
                        work.expanded.limb(limb * kFolded + t));
    for (std::size_t at = 0; at < n; at += size)
      for (std::size_t part = 0; part < 2; ++part) {
        for (std::size_t t = 0; t < count; ++t) {
          left[t] = work.multiplied[baby_of_[place.folded[first + t]]][part]->limb(limb) + at;
          right[t] = work.expanded.limb(limb * kFolded + t) + at;
        }
        u64* const here = sum[part].limb(limb) + at;
        context_.kernels().inner(products.data(), left.data(), right.data(), count, size, m);
        context_.kernels().add(here, here, products.data(), size, m);
      }
  }
}

// The deviation that the sources' own errors have in a result, from each one's. A slot gets a row's
// share of them: of uncorrelated slots by squares, and so of several sources where no two have an
// event in common.
struct LinearMap::Shares {
  std::vector<u64>& names;
  bool apart = true;
  double sum = 0, squares = 0;

  void add(const ErrorModel& random, double root, double gain) {
    const bool alone = random.uncorrelated();
    const double share = random.deviation() * (alone ? root : gain);
    apart = apart && alone;
    sum += share;
    squares += share * share;
    for (const ErrorModel::Term& term : random.terms()) names.push_back(term.source);
  }
  double deviation() const {
    std::sort(names.begin(), names.end());
    const bool differ = std::adjacent_find(names.begin(), names.end()) == names.end();
    return apart && differ ? std::sqrt(squares) : sum;
  }
};

// The error of the undivided result, but for what turning its places adds. Babies have keys of
// their own, so their noises at one place are independent; what another map makes of the same
// ciphertext shares them: each source has one name.
void LinearMap::carry(std::span<const Ciphertext* const> in, const Result& result,
                      const Turned& turned, LinearWorkspace& work) const {
  Extended& sum = work.whole;
  ErrorModel &input = work.random, &out = sum.random;
  const double scale = scale_, noise = context_.switch_noise(level_) / context_.p_size() +
                                       (divided_ ? context_.division_noise() : 0);
  const double switched = std::hypot(context_.switch_deviation(level_) / context_.p_size(),
                                     divided_ ? context_.division_deviation() : 0);
  const auto ring = static_cast<std::uint32_t>(context_.slots());
  double bias = 0, unknown = 0, peak = 0, all_rounding = 0;
  sum.magnitude = sum.noise = 0;
  work.names.clear();
  Shares shares{work.names};
  for (std::size_t s = 0; s < in.size(); ++s) {
    const u64 babies = context_.source_of(Event::switching, in[s]->part[1]);
    const double extra = result.rounding[s] * scale, gain = result.gain[s] * scale + extra;
    input.assign(in[s]->random);
    if (input.terms().size() * terms_.size() > ErrorModel::kMost) input.forget();
    for (const Place& place : result.places) {
      for (const std::size_t i : place.terms) {
        if (terms_[i].source != static_cast<int>(s)) continue;
        const double factor = fields(i).bound * scale + fields(i).noise;
        const std::uint32_t shift = place.turned + babies_[baby_of_[i]].steps;
        for (const ErrorModel::Term& t : input.terms())
          work.terms.push_back({t.source, (t.offset + shift) % ring, t.amplitude * factor});
      }
      work.terms.push_back({babies, static_cast<std::uint32_t>(place.turned),
                            switched * (place.root[s] * scale + extra)});
    }
    shares.add(input, result.root[s] * scale + extra, gain);
    bias += input.bias() * gain + in[s]->magnitude * in[s]->scale * extra;
    unknown += input.unknown() * gain;
    peak += input.unknown_peak() * gain;
    all_rounding += extra;
    sum.magnitude += in[s]->magnitude * result.gain[s];
    sum.noise += (in[s]->noise + noise) * gain + in[s]->magnitude * in[s]->scale * extra;
  }
  out.set_terms(work.terms);
  out.add_bias(bias);
  out.add_unknown(unknown, peak);
  const double keys = switched * (result.rotated_root * scale + all_rounding);
  const double rows = shares.deviation();
  out.cap(std::sqrt(rows * rows + keys * keys + turned.squares));
  sum.noise += turned.noise;
}

// Brings all places to the first. Their own sums are undivided, or `divided` of what is turned.
LinearMap::Turned LinearMap::turn(const Result& result, Evaluator& evaluator, const KeySet& keys,
                                  LinearWorkspace& work) const {
  const double switched = context_.switch_noise(level_) / context_.p_size();
  const auto brought = [&](int sum) -> std::array<Poly, 2>* {
    if (sum < 0) return nullptr;
    return sum == 0 ? &work.whole.part : &work.turned[sum - 1];
  };
  Turned sum;
  for (const Move& move : result.moves) {
    if (work.watch) work.watch();
    const std::uint32_t galois = context_.galois(move.steps);
    const SwitchKey& key = keys.find(context_, galois, level_);
    const SwitchStages::Sum from =
        divided_ ? SwitchStages::Sum{&work.sums[move.from], brought(move.from_sum)}
                 : SwitchStages::Sum{nullptr, &work.sums[move.from]};
    std::array<Poly, 2>& to = divided_ ? *brought(move.to_sum) : work.sums[move.to];
    const Poly& moved =
        evaluator.stages().rotate_sum(from, level_, key, evaluator.permutation(galois).data(),
                                      work.switched, !divided_ || move.adds, to);
    const bool rounds = from.undivided != nullptr;
    const double deviation = rounds ? evaluator.turn_deviation(level_)
                                    : context_.switch_deviation(level_) / context_.p_size();
    work.terms.push_back({context_.source_of(Event::giant, moved),
                          static_cast<std::uint32_t>(result.places[move.to].turned), deviation});
    sum.squares += deviation * deviation;
    sum.noise += switched + (rounds ? context_.division_noise() : 0);
  }
  return sum;
}

void LinearMap::finish(const Result& result, Evaluator& evaluator, LinearWorkspace& work,
                       Ciphertext& out) const {
  Extended& whole = work.whole;
  if (!divided_) {
    std::swap(whole.part, work.sums[0]);
    return evaluator.finish_rescale(whole, out);
  }
  if (!result.moves.empty()) {
    evaluator.stages().add_divided(whole.part, work.sums[0], level_);
    return evaluator.finish_rescale(whole, out);
  }
  evaluator.require_fits("linear transform", level_, whole.scale, whole.magnitude, whole.noise);
  Ciphertext& plain = work.plain;
  for (std::size_t part = 0; part < 2; ++part) std::swap(plain.part[part], work.sums[0][part]);
  plain.level = level_;
  plain.scale = whole.scale;
  plain.noise = whole.noise;
  plain.magnitude = whole.magnitude;
  plain.slots = whole.slots;
  plain.params = whole.params;
  plain.random.assign(whole.random);
  evaluator.rescale(plain, out);
}

void LinearMap::apply(std::span<const Ciphertext* const> in, Evaluator& evaluator,
                      const KeySet& keys, LinearWorkspace& work, std::span<Ciphertext* const> out,
                      double magnitude) const {
  require(in, evaluator);
  if (out.size() != results_.size())
    throw Error(ErrorKind::invalid, "ckks linear transform",
                fmt::format("{} ciphertexts for {} results", out.size(), results_.size()));
  // before any work
  for (const int by : rotations_) keys.find(context_, context_.galois(by), level_);
  rotate_sources(in, evaluator, keys, work);
  for (std::size_t r = 0; r < results_.size(); ++r) {
    const Result& result = results_[r];
    sum_products(result, work, evaluator.stages());
    work.terms.clear();
    const Turned turned = turn(result, evaluator, keys, work);
    Extended& whole = work.whole;
    whole.params = context_.hash();
    whole.level = level_;
    whole.slots = slots_;
    whole.scale = in[0]->scale * scale_;
    carry(in, result, turned, work);
    whole.magnitude = std::min(whole.magnitude, magnitude);
    finish(result, evaluator, work, *out[r]);
  }
}

}  // namespace pliant::ckks
