#include "eval/items.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/json.h"

namespace pliant::eval {
namespace {

constexpr std::string_view blanks = " \t\r\n", slot = "{context}", between_shots = "\n\n";
constexpr std::size_t most_choices = 1000;

std::string_view stripped(std::string_view text) {
  const std::size_t from = text.find_first_not_of(blanks);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(blanks) - from + 1);
}

// As Python counts a text's length, which the public harness normalises by.
std::int64_t characters(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; });
}

// A line as it stands in the file.
struct Question {
  ItemKind kind = ItemKind::choice;
  std::string context, text;  // text: of a last word; or the reference
  std::vector<std::string> choices;
  std::int64_t label = 0;
};

Question question_of(const JsonNode& line) {
  line.object();
  Question question;
  if (const auto text = line.find("text")) {
    question.kind = ItemKind::last_word;
    question.text = text->text();
    if (stripped(question.text).find_first_of(blanks) == std::string_view::npos)
      line.fail("text", "has no last word after others");
    return question;
  }
  question.context = line.text("context");
  if (const auto reference = line.find("reference")) {
    question.kind = ItemKind::answer;
    question.text = reference->text();
    return question;
  }
  question.choices = line.texts("choices");
  if (question.choices.size() < 2 || question.choices.size() > most_choices)
    line.fail("choices",
              fmt::format("{} of them: 2 to {} are needed", question.choices.size(), most_choices));
  for (const std::string& each : question.choices)
    if (stripped(each).empty()) line.fail("choices", "one is empty");
  question.label = line.at("label").integer(0, std::ssize(question.choices) - 1);
  return question;
}

// Gaps are a matter of the whole set: single questions of others have a `_`, or a line of them.
bool all_have_a_gap(const std::vector<Question>& questions) {
  return std::ranges::all_of(questions, [](const Question& each) {
    return each.kind == ItemKind::choice && std::ranges::count(each.context, '_') == 1;
  });
}

class Writer {
 public:
  explicit Writer(const ItemOptions& options) : prompt_(options.prompt), at_(prompt_.find(slot)) {
    if (at_ == std::string::npos)
      throw Error(ErrorKind::usage, "prompt", fmt::format("'{}' has no {}", prompt_, slot),
                  "write 'Question: {context}\\nAnswer:', say");
  }

  // With what comes before it.
  Item item(const Question& question, const std::string& before) const {
    Item item;
    item.kind = question.kind;
    item.label = question.label;
    if (question.kind == ItemKind::last_word) {
      item.trials = {last_word(question, before)};
    } else if (question.kind == ItemKind::answer) {
      item.trials = {{before + put(question.context), question.text}};
    } else {
      for (const std::string& choice : question.choices)
        item.trials.push_back(question.kind == ItemKind::blank
                                  ? filled(question, choice, before)
                                  : Trial{before + put(question.context), " " + choice});
      if (question.kind == ItemKind::choice)
        for (const std::string& choice : question.choices)
          item.lengths.push_back(characters(choice));
    }
    return item;
  }

  // A question and its right answer.
  std::string shown(const Question& question) const {
    const Trial right = item(question, "").trials[question.label];
    const bool apart = question.kind == ItemKind::answer;
    return right.context + (apart ? " " : "") + right.continuation + std::string(between_shots);
  }

 private:
  std::string put(const std::string& context) const {
    std::string text = prompt_;
    return text.replace(at_, slot.size(), context);
  }

  // Partial evaluation: what stands after the gap is the continuation of all.
  static Trial filled(const Question& question, const std::string& choice,
                      const std::string& before) {
    const std::size_t gap = question.context.find('_');
    return {before + question.context.substr(0, gap) + choice,
            " " + std::string(stripped(std::string_view(question.context).substr(gap + 1)))};
  }

  static Trial last_word(const Question& question, const std::string& before) {
    const std::string_view text = stripped(question.text);
    const std::size_t word = text.find_last_of(blanks) + 1;
    const std::string_view rest = text.substr(0, text.find_last_not_of(blanks, word - 1) + 1);
    return {before + std::string(rest), " " + std::string(text.substr(word))};
  }

  const std::string& prompt_;
  std::size_t at_;
};

std::vector<Question> questions_of(std::string_view text, const std::string& place) {
  std::vector<Question> questions;
  for (std::int64_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (stripped(line).empty()) continue;
    const std::string where = fmt::format("{}: line {}", place, number);
    const nlohmann::json document = parse_json(line, where);
    questions.push_back(question_of(JsonNode(document, where)));
    if (questions.back().kind != questions.front().kind)
      throw Error(ErrorKind::invalid, where,
                  fmt::format("asks for {}, the lines before for {}", name(questions.back().kind),
                              name(questions.front().kind)));
  }
  return questions;
}

}  // namespace

std::string_view name(ItemKind kind) {
  switch (kind) {
    case ItemKind::choice: return "a choice";
    case ItemKind::blank: return "what fills a gap";
    case ItemKind::last_word: return "a last word";
    default: return "an answer";
  }
}

ItemSet items_from_json_lines(std::string_view text, const std::string& place,
                              const ItemOptions& options) {
  const Writer writer(options);
  if (options.shots < 0 || options.limit < 0)
    throw Error(ErrorKind::usage, options.shots < 0 ? "shots" : "limit", "is negative");
  std::vector<Question> questions = questions_of(text, place);
  if (all_have_a_gap(questions))
    for (Question& each : questions) each.kind = ItemKind::blank;
  if (std::ssize(questions) <= options.shots)
    throw Error(
        ErrorKind::invalid, place,
        fmt::format("has {} items, of which {} are to be shown", questions.size(), options.shots),
        "fewer --shots, or another file");
  ItemSet set{std::filesystem::path(place).stem().string(), {}};
  std::string before;
  for (std::int64_t i = 0; i < options.shots; ++i) before += writer.shown(questions[i]);
  for (std::size_t i = options.shots; i < questions.size(); ++i) {
    if (options.limit > 0 && std::ssize(set.items) == options.limit) break;
    set.items.push_back(writer.item(questions[i], before));
  }
  return set;
}

}  // namespace pliant::eval
