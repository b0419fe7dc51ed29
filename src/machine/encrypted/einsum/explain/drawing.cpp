#include "machine/encrypted/einsum/explain/drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/units.h"

namespace pliant::einsum {
namespace {

constexpr std::size_t kShown = 2;  // ciphertexts of a side
// Slots that are followed, times labels, over all steps: a few seconds.
constexpr std::int64_t kMostWork = std::int64_t{1} << 26;
constexpr std::size_t kFirst = 8;  // slots of a line of text, fewer where it would be long
constexpr std::size_t kLength = 72;

std::int64_t slots_followed(const ProgramStep& step, const Program& program) {
  const auto* transform = std::get_if<Transform>(&step.action);
  if (transform == nullptr) return program.slots;
  std::int64_t sum = std::ssize(step.out) * program.slots;
  for (const Transform::Term& term : transform->terms)
    sum += std::ssize(program.plains[term.plain].cells);
  return sum;
}

void require_drawable(const Plan& plan, const std::vector<LabelSize>& labels) {
  std::int64_t work = 0;
  for (const ProgramStep& step : plan.program.steps)
    work += slots_followed(step, plan.program) * (1 + std::ssize(labels));
  if (work > kMostWork)
    throw Error(ErrorKind::capacity, "einsum " + plan.expression,
                fmt::format("{} slots in {} steps are too many to draw", plan.program.slots,
                            plan.program.steps.size()),
                "draw a smaller one of the same form");
}

// The smallest power of two after which all slots hold the same again; all slots where they do not.
std::size_t period(const SlotContents& contents) {
  const std::size_t slots = contents.kinds.size();
  for (std::size_t p = 1; p < slots; p *= 2) {
    bool repeats = true;
    for (std::size_t s = 0; repeats && s + p < slots; ++s) repeats = contents.same(s, s + p);
    if (repeats) return p;
  }
  return slots;
}

std::string summary(const SlotContents& contents, const std::vector<LabelSize>& labels) {
  const std::size_t slots = contents.kinds.size();
  std::int64_t useful = 0, useless = 0;
  for (std::size_t s = 0; s < slots; ++s) {
    if (is_useless(contents, labels, s)) ++useless;
    else useful += contents.kinds[s] != SlotKind::zero;
  }
  std::string result = fmt::format("{} of {} slots in use", grouped_text(useful),
                                   grouped_text(static_cast<std::int64_t>(slots)));
  if (useless > 0) result += fmt::format(", {} hold what is of no use", grouped_text(useless));
  if (const std::size_t p = period(contents); p < slots)
    result += fmt::format(", the same every {}", p);
  return result;
}

std::map<CipherId, std::string> names_of(const Plan& plan) {
  std::map<CipherId, std::string> result;
  const auto part = [](std::size_t number, std::size_t all) {
    return all > 1 ? fmt::format(" part {}", number) : "";
  };
  for (const CipherId id : plan.program.values.ids()) result[id] = fmt::format("c{}", to_int(id));
  for (const ProgramStep& step : plan.program.steps)
    if (const auto* input = std::get_if<Input>(&step.action))
      result[step.out[0]] +=
          fmt::format(", operand {}{}", input->tensor,
                      part(input->index, ciphertexts(plan.inputs[input->tensor].layout).size()));
  for (const PlannedOutput& output : plan.outputs)
    for (std::size_t i = 0; i < output.ciphertexts.size(); ++i)
      result[output.ciphertexts[i]] += ", the result" + part(i, output.ciphertexts.size());
  return result;
}

std::vector<CipherId> first_of(const std::vector<CipherId>& all) {
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), kShown))};
}

}  // namespace

std::string cipher_text(const DrawnCipher& cipher, const Drawing& drawing) {
  return fmt::format("{} at level {}: {}", cipher.name, cipher.level,
                     summary(cipher.contents, drawing.labels));
}

std::string first_slots_text(const DrawnCipher& cipher, const Drawing& drawing) {
  const std::size_t slots = cipher.contents.kinds.size();
  std::string result;
  for (std::size_t s = 0; s < std::min(slots, kFirst); ++s) {
    const std::string next = slot_text(cipher.contents, drawing.labels, s);
    if (result.size() + next.size() > kLength) return result + " ...";
    result += (s == 0 ? "" : " ") + next;
  }
  return slots > kFirst ? result + " ..." : result;
}

Drawing draw(const Plan& plan) {
  Drawing result{plan.expression, label_sizes(plan), {}};
  require_drawable(plan, result.labels);
  const std::map<CipherId, std::string> names = names_of(plan);
  std::map<CipherId, std::vector<DrawnCipher*>> wanted;
  for (ProgramStage& stage : program_stages(plan.program))
    result.stages.push_back({std::move(stage), {}, {}});
  for (DrawnStage& drawn : result.stages) {
    const auto want = [&](const std::vector<CipherId>& ids, std::vector<DrawnCipher>& side) {
      for (const CipherId id : first_of(ids))
        side.push_back({names.at(id), id, plan.program.values[id].level, {}});
      for (DrawnCipher& cipher : side) wanted[cipher.id].push_back(&cipher);
    };
    want(drawn.stage.before, drawn.before);
    want(drawn.stage.after, drawn.after);
  }
  each_contents(plan, [&](CipherId id, const SlotContents& contents) {
    if (const auto found = wanted.find(id); found != wanted.end())
      for (DrawnCipher* cipher : found->second) cipher->contents = contents;
  });
  return result;
}

std::string stages_text(const Drawing& drawing) {
  std::string result;
  for (std::size_t i = 0; i < drawing.stages.size(); ++i) {
    const DrawnStage& drawn = drawing.stages[i];
    result += fmt::format("step {}: {}: {}\n", i + 1, drawn.stage.title, work_text(drawn.stage));
    const auto side = [&](const char* name, const std::vector<DrawnCipher>& ciphers,
                          std::size_t all) {
      for (const DrawnCipher& cipher : ciphers)
        result += fmt::format("  {} {}\n    {}\n", name, cipher_text(cipher, drawing),
                              first_slots_text(cipher, drawing));
      if (all > ciphers.size()) result += fmt::format("  and {} more\n", all - ciphers.size());
    };
    side("before", drawn.before, drawn.stage.before.size());
    side("after ", drawn.after, drawn.stage.after.size());
  }
  return result;
}

}  // namespace pliant::einsum
