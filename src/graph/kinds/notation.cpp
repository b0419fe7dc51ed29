#include "graph/kinds/notation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.h"

namespace pliant {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

class NotationReader {
 public:
  NotationReader(std::string_view text, std::string_view place) : text_(text), place_(place) {}

  Notation read() {
    Notation notation{{""}, ""};
    while (!at_end() && peek() != '-') {
      if (peek() == ',') {
        ++at_;
        notation.in.emplace_back();
      } else {
        notation.in.back() += label(notation.in.back());
      }
    }
    if (at_end()) {
      notation.out = implicit_output(notation.in);
      return notation;
    }
    read_arrow();
    while (!at_end()) notation.out += label(notation.out);
    return notation;
  }

 private:
  [[noreturn]] void fail(std::string_view problem) const {
    throw Error(ErrorKind::format, std::string(place_),
                fmt::format("einsum notation \"{}\", column {}: {}", text_, at_ + 1, problem));
  }
  bool at_end() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    return at_ == text_.size();
  }
  char peek() const { return text_[at_]; }

  char label(const std::string& before) {
    if (text_.substr(at_, 3) == "...") {
      if (before.find('.') != std::string::npos) fail("a second ellipsis");
      at_ += 3;
      return '.';
    }
    if (!is_letter(peek())) fail(fmt::format("'{}' is neither a letter nor \"...\"", peek()));
    return text_[at_++];
  }

  void read_arrow() {
    if (text_.substr(at_, 2) != "->") fail("\"->\" expected");
    at_ += 2;
  }

  static std::string implicit_output(const std::vector<std::string>& in) {
    std::array<int, 128> uses{};
    for (const std::string& labels : in)
      for (char label : labels) ++uses[label];
    std::string out = uses['.'] ? "." : "";
    for (char label = 'A'; label <= 'z'; ++label)
      if (uses[label] == 1) out += label;
    return out;
  }

  std::string_view text_, place_;
  std::size_t at_ = 0;
};

class Expansion {
 public:
  Expansion(const Notation& notation, std::span<const Shape> operands, std::string_view place)
      : notation_(notation), operands_(operands), place_(place) {
    sizes_.fill(1);
  }

  EinsumPlan plan() {
    if (notation_.in.size() != operands_.size())
      refuse(
          fmt::format("{} operand(s) for {} label groups", operands_.size(), notation_.in.size()));
    name_ellipsis_axes();
    for (std::size_t i = 0; i < operands_.size(); ++i)
      labels_.push_back(spell(notation_.in[i], ellipsis_[i]));
    for (std::size_t i = 0; i < operands_.size(); ++i) join_sizes(i);
    EinsumPlan plan;
    for (std::size_t i = 0; i < operands_.size(); ++i) add_operand(plan, i);
    plan.einsum.out = spell_output();
    return plan;
  }

 private:
  [[noreturn]] void refuse(std::string problem, std::string next_step = "") const {
    throw Error(ErrorKind::invalid, std::string(place_), std::move(problem), std::move(next_step));
  }

  // How many axes each operand's ellipsis covers, and letters for the longest.
  void name_ellipsis_axes() {
    std::size_t longest = 0;
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      const std::string& labels = notation_.in[i];
      bool has = labels.find('.') != std::string::npos;
      std::size_t named = labels.size() - (has ? 1 : 0), rank = operands_[i].size();
      if (named > rank || (!has && named < rank))
        refuse(fmt::format("operand {} has shape {} but the labels \"{}\"", i,
                           to_string(operands_[i]), shown(labels)));
      ellipsis_.push_back(has ? rank - named : 0);
      longest = std::max(longest, ellipsis_.back());
    }
    for (char label = 'A'; label <= 'z' && letters_.size() < longest; ++label)
      if (is_letter(label) && !is_used(label)) letters_ += label;
    if (letters_.size() < longest) refuse("more than 52 labels with those of the ellipsis");
  }

  static std::string shown(const std::string& labels) {
    std::size_t at = labels.find('.');
    return at == std::string::npos ? labels : labels.substr(0, at) + "..." + labels.substr(at + 1);
  }

  bool is_used(char label) const {
    return std::any_of(notation_.in.begin(), notation_.in.end(), [&](const std::string& labels) {
      return labels.find(label) != std::string::npos;
    });
  }

  std::string spell(const std::string& labels, std::size_t axes) const {
    std::size_t at = labels.find('.');
    if (at == std::string::npos) return labels;
    return labels.substr(0, at) + letters_.substr(letters_.size() - axes) + labels.substr(at + 1);
  }

  std::int64_t& size_of_label(char label) { return sizes_[label]; }

  void join_sizes(std::size_t operand) {
    const std::string& labels = labels_[operand];
    for (std::size_t axis = 0; axis < labels.size(); ++axis) {
      std::int64_t size = operands_[operand][axis];
      std::size_t first = labels.find(labels[axis]);
      if (operands_[operand][first] != size)
        refuse(fmt::format("label '{}' has sizes {} and {} in operand {}", labels[axis],
                           operands_[operand][first], size, operand));
      std::int64_t& joint = size_of_label(labels[axis]);
      if (joint != 1 && size != 1 && joint != size)
        refuse(fmt::format("label '{}' has size {} and, in operand {}, {}", labels[axis], joint,
                           operand, size));
      if (size != 1) joint = size;
    }
  }

  void add_operand(EinsumPlan& plan, std::size_t operand) {
    std::string labels;
    Shape shape;
    for (std::size_t axis = 0; axis < labels_[operand].size(); ++axis) {
      char label = labels_[operand][axis];
      std::int64_t size = operands_[operand][axis];
      if (size == 1 && size_of_label(label) != 1) continue;
      labels += label;
      shape.push_back(size);
    }
    plan.einsum.in.push_back(std::move(labels));
    plan.operands.push_back(std::move(shape));
  }

  std::string spell_output() const {
    if (!letters_.empty() && notation_.out.find('.') == std::string::npos)
      refuse("the output leaves out the ellipsis",
             "write \"...\" in the output, or name the axes to sum over");
    std::string out = spell(notation_.out, letters_.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (out.find(out[i]) != i) refuse(fmt::format("output label '{}' is repeated", out[i]));
      if (letters_.find(out[i]) == std::string::npos && !is_used(out[i]))
        refuse(fmt::format("output label '{}' is in no operand", out[i]));
    }
    return out;
  }

  const Notation& notation_;
  std::span<const Shape> operands_;
  std::string_view place_;
  std::vector<std::size_t> ellipsis_;  // axes covered, per operand
  std::string letters_;                // of the longest ellipsis
  std::vector<std::string> labels_;    // per operand, spelled out
  std::array<std::int64_t, 128> sizes_;
};

}  // namespace

Notation parse_notation(std::string_view text, std::string_view place) {
  return NotationReader(text, place).read();
}

EinsumPlan expand_notation(const Notation& notation, std::span<const Shape> operands,
                           std::string_view place) {
  return Expansion(notation, operands, place).plan();
}

}  // namespace pliant
