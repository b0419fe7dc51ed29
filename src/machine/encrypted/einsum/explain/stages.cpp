#include "machine/encrypted/einsum/explain/stages.h"

#include <fmt/format.h>

#include <algorithm>
#include <compare>
#include <map>
#include <set>

namespace pliant::einsum {
namespace {

constexpr std::size_t kDistances = 8;  // that a line tells

enum class Sort : std::uint8_t { input, sums, product, plain, mask, transform, level };

struct SortOf {
  const Program& program;

  Sort by(PlainId plain) const {
    return program.plains[plain].tensor == ClearId::none ? Sort::mask : Sort::plain;
  }
  Sort operator()(const Input&) const { return Sort::input; }
  Sort operator()(const Multiply&) const { return Sort::product; }
  Sort operator()(const MultiplyPlain& a) const { return by(a.by); }
  Sort operator()(const Transform&) const { return Sort::transform; }
  Sort operator()(const Relinearize&) const { return Sort::level; }
  Sort operator()(const Rescale&) const { return Sort::level; }
  Sort operator()(const Lower&) const { return Sort::level; }
  Sort operator()(const auto&) const { return Sort::sums; }
};

const char* title(Sort sort, const Counts& counts) {
  switch (sort) {
    case Sort::sums: return counts.rotations > 0 ? "rotate and add" : "add";
    case Sort::product: return "multiply";
    case Sort::plain: return "multiply by what is in the clear";
    case Sort::mask: return "mask";
    case Sort::transform: return "linear transform";
    default: return "change the level";
  }
}

// Where a ciphertext stands: how many changes of kind lie before it, and which encrypted tensors it
// is made of. Ciphertexts of one place are of one stage.
struct Place {
  int depth = 0;
  Sort sort = Sort::input;
  std::set<int> tensors;
  auto operator<=>(const Place&) const = default;
};

class Places {
 public:
  explicit Places(const Program& program) : program_(program), places_(program.values.size()) {
    for (const ProgramStep& step : program.steps)
      for (const CipherId id : step.out) places_[id] = of(step);
  }
  const Place& operator[](CipherId id) const { return places_[id]; }

 private:
  Place of(const ProgramStep& step) const {
    Place result{0, std::visit(SortOf{program_}, step.action), {}};
    if (const auto* input = std::get_if<Input>(&step.action)) result.tensors.insert(input->tensor);
    const std::vector<CipherId> from = operands(step.action);
    for (const CipherId id : from)
      result.tensors.insert(places_[id].tensors.begin(), places_[id].tensors.end());
    // what ends a product belongs to it
    if (result.sort == Sort::level && places_[from[0]].sort != Sort::input) return places_[from[0]];
    const bool grows = result.sort == Sort::sums || result.sort == Sort::level;
    for (const CipherId id : from) {
      const bool joins =
          grows && places_[id].sort == result.sort && places_[id].tensors == result.tensors;
      result.depth = std::max(result.depth, places_[id].depth + (joins ? 0 : 1));
    }
    return result;
  }

  const Program& program_;
  ById<CipherId, Place> places_;
};

ProgramStage described(const Program& part, Sort sort) {
  ProgramStage stage;
  stage.counts = counts(part);
  stage.title = title(sort, stage.counts);
  for (const KeyNeed::Rotation& key : keys(part).rotations)
    stage.distances.push_back(key.steps > part.slots / 2 ? key.steps - part.slots : key.steps);
  std::ranges::sort(stage.distances, {}, [](std::int64_t d) { return std::pair(std::abs(d), d); });
  return stage;
}

}  // namespace

std::vector<ProgramStage> program_stages(const Program& program) {
  const Places places(program);
  std::map<Place, Program> parts;
  std::map<Place, std::set<CipherId>> before, after;
  for (const ProgramStep& step : program.steps) {
    const Place& place = places[step.out[0]];
    if (place.sort == Sort::input) continue;
    Program& part = parts[place];
    part.slots = program.slots;
    part.values = program.values;
    part.steps.push_back(step);
    for (const CipherId id : operands(step.action))
      if (places[id] != place) {
        before[place].insert(id);
        after[places[id]].insert(id);
      }
  }
  for (const CipherId id : program.outputs) after[places[id]].insert(id);
  std::vector<ProgramStage> result;
  for (const auto& [place, part] : parts) {
    ProgramStage stage = described(part, place.sort);
    stage.before.assign(before[place].begin(), before[place].end());
    stage.after.assign(after[place].begin(), after[place].end());
    result.push_back(std::move(stage));
  }
  return result;
}

std::string work_text(const ProgramStage& stage) {
  std::string result;
  const auto say = [&](std::int64_t count, const char* one, const std::string& more = "") {
    if (count > 0)
      result += fmt::format("{}{} {}{}{}", result.empty() ? "" : ", ", count, one,
                            count == 1 ? "" : "s", more);
  };
  std::string by;
  for (std::size_t i = 0; i < std::min(stage.distances.size(), kDistances); ++i)
    by += fmt::format("{}{}", i == 0 ? " by " : " ", stage.distances[i]);
  if (stage.distances.size() > kDistances) by += " ...";
  const Counts& counts = stage.counts;
  say(counts.rotations, "rotation", by);
  say(counts.diagonals, "diagonal");
  say(counts.products, "product");
  say(counts.plain_products, "plaintext product");
  say(counts.key_switches - counts.rotations, "relinearization");
  say(counts.additions, "addition");
  say(counts.rescales, "rescale");
  return result.empty() ? "no work" : result;
}

}  // namespace pliant::einsum
