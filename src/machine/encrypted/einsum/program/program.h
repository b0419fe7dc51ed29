// What a plan has the evaluating side do: steps over opaque ciphertexts, single assignment.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "core/ids.h"
#include "core/tensor.h"
#include "machine/encrypted/einsum/layout/layout.h"

namespace pliant::einsum {

enum class CipherId : std::int32_t { none = -1 };
enum class PlainId : std::int32_t { none = -1 };
enum class ClearId : std::int32_t { none = -1 };

// A tensor in the clear: what an einsum of tensors in the clear gives, computed before all else.
struct Clear {
  std::vector<int> operands = {};    // of the plan's tensors
  std::vector<Shape> shapes = {};    // of each, without axes of size 1 that broadcast
  std::vector<std::string> in = {};  // the labels of each
  Shape shape = {};
  std::string out = {};
  double bound = 1;  // of |element|
  // Instead of an einsum: the elements of these, one after the other.
  std::vector<ClearId> parts = {};
};

// A vector of slots that is known in the clear: every cell adds `factor` times an element of
// `tensor` (or times 1, of none) to its slot, all other slots are zero.
struct Plain {
  struct Cell {
    std::int32_t slot = 0, element = 0;
  };
  ClearId tensor = ClearId::none;
  std::vector<Cell> cells;
  double factor = 1;
};

// The actions. Slots are numbered modulo their count.
struct Input {  // encrypted by the client: ciphertext number `index` of a tensor's layout
  int tensor = 0, index = 0;
};
struct Rotate {  // slot i gets slot i + steps
  CipherId of = CipherId::none;
  std::int64_t steps = 0;
};
struct Add {
  CipherId left = CipherId::none, right = CipherId::none;
};
struct AddPlain {  // at the level's scale
  CipherId of = CipherId::none;
  PlainId by = PlainId::none;
};
struct Negate {
  CipherId of = CipherId::none;
};
struct Multiply {  // by a ciphertext: three parts until Relinearize, the scale squared until
                   // Rescale
  CipherId left = CipherId::none, right = CipherId::none;
};
struct MultiplyPlain {  // the scale squared until Rescale
  CipherId of = CipherId::none;
  PlainId by = PlainId::none;
};
struct Relinearize {
  CipherId of = CipherId::none;
};
struct Rescale {  // one level below
  CipherId of = CipherId::none;
};
struct Lower {  // to a lower level, at that level's scale
  CipherId of = CipherId::none;
  int level = 0;
};
// Result r is the sum over its terms of rotate(plain * rotate(of[source], baby), giant), rescaled:
// one level below. Baby rotations are shared by all results (hoisted); each giant one of a result
// is done once, on a sum.
struct Transform {
  struct Term {
    int result = 0, source = 0;
    std::int64_t giant = 0, baby = 0;
    PlainId plain = PlainId::none;  // as it meets the rotated source: rotated back by `giant`
  };
  std::vector<CipherId> of = {};
  std::vector<Term> terms = {};  // sorted by result, giant, source, baby
  // Where it is not zero: giants are multiples of it, positive and negative ones, and are done one
  // after the other outside in (Horner), by rotations of this one distance each way.
  std::int64_t stride = 0;
};
using Action = std::variant<Input, Rotate, Add, AddPlain, Negate, Multiply, MultiplyPlain,
                            Relinearize, Rescale, Lower, Transform>;

struct ProgramStep {
  Action action;
  std::vector<CipherId> out;  // one; of a Transform as many as it has results
};

// What is known of a ciphertext before anything runs.
struct State {
  int level = 0;
  int factors = 1;  // of the level's scale: 2 between a product and its rescale
  int parts = 2;
  double magnitude = 1;  // bound of every slot
  // What whoever planned promises that no slot exceeds, whatever arithmetic says.
  double claim = std::numeric_limits<double>::infinity();
};

struct Program {
  std::int64_t slots = 1;
  ById<ClearId, Clear> clears;
  ById<PlainId, Plain> plains;
  std::vector<double> magnitudes;  // of the tensors: bound of |element|
  std::vector<ProgramStep> steps;
  ById<CipherId, State> values;
  std::vector<CipherId> outputs;
};

double bound(const Plain& plain, const Program& program);  // of what a cell adds

// Costs, counted over the steps.
struct Counts {
  std::int64_t rotations = 0;       // by anything but zero; a Transform's babies and giants
  std::int64_t key_switches = 0;    // rotations and relinearisations
  std::int64_t products = 0;        // of ciphertexts
  std::int64_t diagonals = 0;       // plaintext products of Transforms
  std::int64_t plain_products = 0;  // all others
  std::int64_t additions = 0, rescales = 0;
  std::int64_t levels = 0;  // of the highest input
  std::int64_t keys = 0;    // rotations that differ, and the relinearisation key
};
Counts counts(const Program& program);

// The least that keys must cover: each rotation's highest level, ascending by steps (1 to slots -
// 1), and that of relinearisation, or -1.
struct KeyNeed {
  struct Rotation {
    std::int64_t steps = 0;
    int level = 0;
    bool operator==(const Rotation&) const = default;
  };
  std::vector<Rotation> rotations;
  int relinearization = -1;
};
KeyNeed keys(const Program& program);

// Of one step: the keys that it is the first to use, and those that no later one does.
struct KeyTurnover {
  KeyNeed first, last;
};
// Of every step. A key has the level of its highest use throughout.
std::vector<KeyTurnover> key_turnovers(const Program& program);

// A step's operands, as ids.
std::vector<CipherId> operands(const Action& action);
// Steps modulo the slots: 0 to slots - 1.
std::int64_t modulo(std::int64_t steps, std::int64_t slots);

std::string to_string(const Counts& counts);
// One line a step, with levels; runs of like steps are not shortened.
std::string to_text(const Program& program);

// Gives every value a level, the least that its uses allow, so that the outputs end at `last`;
// where two uses want different ones, a Lower is put between. Fills State::level, factors and
// parts.
void assign_levels(Program& program, int last);
// Every level higher by as much.
void raise_levels(Program& program, int by);
// Fills State::magnitude, slot by slot from what the inputs' layouts leave zero (of tensors that
// are not encrypted any layout), and at most what is claimed.
void assign_magnitudes(Program& program, const std::vector<SlotLayout>& inputs);

}  // namespace pliant::einsum
