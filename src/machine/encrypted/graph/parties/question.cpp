#include "machine/encrypted/graph/parties/question.h"

#include <fmt/format.h>

#include <charconv>

#include "core/error.h"
#include "graph/text/text.h"

namespace pliant::encrypted {
namespace {

void require_one_line(const std::string& name) {
  if (name.find('\n') != std::string::npos)
    throw Error(ErrorKind::invalid, "value " + name, "its name has a line break");
}

// The lines before the graph.
class Lines {
 public:
  Lines(std::string_view text, std::string_view place) : rest_(text), place_(place) {}

  std::string_view rest() const { return rest_; }
  bool next() {
    const std::size_t end = rest_.find('\n');
    if (end == std::string_view::npos) fail("no line \"graph\"");
    line_ = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    ++number_;
    return line_ != "graph";
  }
  std::string_view word() {
    const std::size_t end = line_.find(' ');
    if (end == std::string_view::npos) fail("a word and a space expected");
    const std::string_view word = line_.substr(0, end);
    line_.remove_prefix(end + 1);
    return word;
  }
  std::string name() const { return std::string(line_); }
  template <typename Number>
  Number number(std::string_view text) const {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
      fail(fmt::format("'{}' is no number", text));
    return value;
  }
  template <typename Number>
  Number last() const {
    return number<Number>(line_);
  }
  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(ErrorKind::format, fmt::format("{}, line {}", place_, number_), problem);
  }

 private:
  std::string_view rest_, line_;
  std::string place_;
  int number_ = 0;
};

}  // namespace

GraphPlan plan(const GraphQuestion& question) {
  return plan(question.graph, question.secret, question.ranges, question.options);
}

std::string to_text(const GraphQuestion& question) {
  const GraphOptions& options = question.options;
  std::string text =
      fmt::format("slots {}\nlevels {}\nscale {}\nfirst {}\napproximation {}\ndegree {}\n",
                  options.slots, options.levels, options.scale_bits, options.first_bits,
                  options.approximation, options.most_degree);
  for (const std::string& name : question.secret) {
    require_one_line(name);
    text += fmt::format("secret {}\n", name);
  }
  for (const auto& [name, range] : question.ranges) {
    require_one_line(name);
    text += fmt::format("range {} {} {}\n", range.low, range.high, name);
  }
  for (const auto& [name, gain] : options.gains) {
    require_one_line(name);
    text += fmt::format("gain {} {}\n", gain, name);
  }
  return text + "graph\n" + to_text(question.graph);
}

GraphQuestion question_from_text(std::string_view text, std::string_view place) {
  Lines lines(text, place);
  GraphQuestion question;
  GraphOptions& options = question.options;
  while (lines.next()) {
    const std::string_view word = lines.word();
    if (word == "slots") options.slots = lines.last<std::int64_t>();
    else if (word == "levels") options.levels = lines.last<int>();
    else if (word == "scale") options.scale_bits = lines.last<int>();
    else if (word == "first") options.first_bits = lines.last<int>();
    else if (word == "approximation") options.approximation = lines.last<double>();
    else if (word == "degree") options.most_degree = lines.last<int>();
    else if (word == "secret") question.secret.insert(lines.name());
    else if (word == "gain") {
      const auto gain = lines.number<double>(lines.word());
      options.gains[lines.name()] = gain;
    } else if (word == "range") {
      const auto low = lines.number<double>(lines.word());
      const auto high = lines.number<double>(lines.word());
      question.ranges[lines.name()] = {low, high};
    } else {
      lines.fail(fmt::format("unknown word '{}'", word));
    }
  }
  question.graph = graph_from_text(lines.rest(), place);
  return question;
}

}  // namespace pliant::encrypted
