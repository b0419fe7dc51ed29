#include "text/words/normalize.h"

#include <algorithm>

#include "text/words/bytes.h"
#include "text/words/split.h"
#include "text/words/trie.h"

namespace pliant::text {
namespace {

template <typename Apply>
class Step : public Normalizer {
 public:
  explicit Step(Apply apply) : apply_(std::move(apply)) {}
  std::string apply(std::string text) const override { return apply_(std::move(text)); }

 private:
  Apply apply_;
};

template <typename Apply>
std::shared_ptr<const Normalizer> step(Apply apply) {
  return std::make_shared<Step<Apply>>(std::move(apply));
}

template <typename Change>
std::string each_char(std::string_view text, const Change& change) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Char next = first_char(text);
    change(next.code, result);
    text.remove_prefix(next.size);
  }
  return result;
}

std::string replaced(const Regex& regex, const std::string& text, const std::string& to) {
  const std::u32string codes = codes_of(text);
  RegexScan scan(regex, codes);
  std::string result;
  std::size_t at = 0;
  for (std::size_t from = 0; from <= codes.size();) {
    const auto found = scan.next(from);
    if (!found) break;
    result += text_of(std::u32string_view(codes).substr(at, found->begin - at)) + to;
    at = found->end;
    from = found->end > found->begin ? found->end : found->end + 1;
  }
  return result + text_of(std::u32string_view(codes).substr(std::min(at, codes.size())));
}

bool is_control(char32_t code) {
  static const Categories other = categories_named("C");
  return code != U'\t' && code != U'\n' && code != U'\r' && code < broken && is_in(code, other);
}

bool is_chinese(char32_t code) {  // the CJK blocks that BERT's tokenizer names
  constexpr std::pair<char32_t, char32_t> blocks[] = {
      {0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F},
      {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F}};
  return std::ranges::any_of(
      blocks, [&](const auto& block) { return code >= block.first && code <= block.second; });
}

bool is_mark_without_width(char32_t code) {
  static const Categories marks = categories_named("Mn");
  return is_in(code, marks);
}

std::string without_accents(const std::string& text) {
  return each_char(text, [](char32_t code, std::string& out) {
    if (!is_mark_without_width(code)) append_char(out, code);
  });
}

std::string bert(std::string text, const BertNormalization& options) {
  if (options.clean)
    text = each_char(text, [](char32_t code, std::string& out) {
      if (code == 0 || code == 0xFFFD || is_control(code)) return;
      append_char(out, is_white_space(code) ? U' ' : code);
    });
  if (options.chinese)
    text = each_char(text, [](char32_t code, std::string& out) {
      if (!is_chinese(code)) return append_char(out, code);
      out.push_back(' ');
      append_char(out, code);
      out.push_back(' ');
    });
  if (options.strip_accents) text = without_accents(normalize(text, NormalForm::nfd));
  return options.lower ? lower_case(text) : text;
}

std::string nmt(const std::string& text) {
  return each_char(text, [](char32_t code, std::string& out) {
    const bool gone = (code >= 1 && code <= 8) || code == 0xB || (code >= 0xE && code <= 0x1F) ||
                      code == 0x7F || code == 0x8F || code == 0x9F;
    const bool space = code == 9 || code == 10 || code == 12 || code == 13 || code == 0x1680 ||
                       (code >= 0x200B && code <= 0x200F) || code == 0x2028 || code == 0x2029 ||
                       code == 0x2581 || code == 0xFEFF || code == 0xFFFD;
    if (!gone) append_char(out, space ? U' ' : code);
  });
}

// SentencePiece's rules: the table first, then what the options say of spaces.
class SentencePieceStep : public Normalizer {
 public:
  SentencePieceStep(Charsmap map, const std::vector<std::string>& kept,
                    const SentencePieceNormalization& options)
      : map_(std::move(map)), options_(options) {
    for (const std::string& piece : kept) kept_.add(piece, 0);
    kept_.seal();
  }

  std::string apply(std::string text) const override {
    std::string_view rest = text;
    if (options_.remove_extra_spaces)
      for (Piece next = front(rest); !rest.empty() && next.text == " "; next = front(rest))
        rest.remove_prefix(next.size);
    if (rest.empty()) return "";
    std::string result;
    result.reserve(text.size() * 3 / 2);
    const std::string_view space = options_.escape_spaces ? space_mark : " ";
    if (options_.dummy_prefix && !options_.suffix) result += space;
    bool after_space = options_.remove_extra_spaces;
    while (!rest.empty()) {
      Piece next = front(rest);
      while (after_space && next.text.starts_with(' ')) next.text.remove_prefix(1);
      for (const char c : next.text)
        if (c == ' ') result += space;
        else result.push_back(c);
      if (!next.text.empty())
        after_space = options_.remove_extra_spaces && next.text.ends_with(' ');
      rest.remove_prefix(next.size);
    }
    if (options_.remove_extra_spaces)
      while (result.ends_with(space)) result.resize(result.size() - space.size());
    if (options_.dummy_prefix && options_.suffix) result += space;
    return result;
  }

 private:
  struct Piece {
    std::string_view text;
    std::size_t size;  // of the source
  };
  Piece front(std::string_view rest) const {
    if (rest.empty()) return {rest, 0};
    if (const auto whole = kept_.longest(rest)) return {rest.substr(0, whole->size), whole->size};
    if (const auto found = map_.longest(rest)) return {found->replacement, found->size};
    const std::size_t size = first_char(rest).size;
    return {rest.substr(0, size), size};
  }

  Charsmap map_;
  Trie kept_;
  SentencePieceNormalization options_;
};

}  // namespace

std::shared_ptr<const Normalizer> normalize_sequence(Normalizers steps) {
  return step([steps = std::move(steps)](std::string text) {
    for (const auto& each : steps) text = each->apply(std::move(text));
    return text;
  });
}
std::shared_ptr<const Normalizer> normalize_form(NormalForm form) {
  return step([form](const std::string& text) { return normalize(text, form); });
}
std::shared_ptr<const Normalizer> normalize_lower_case() {
  return step([](const std::string& text) { return lower_case(text); });
}
std::shared_ptr<const Normalizer> normalize_prepend(std::string prefix) {
  return step([prefix = std::move(prefix)](const std::string& text) {
    return text.empty() ? text : prefix + text;
  });
}
std::shared_ptr<const Normalizer> normalize_replace(std::string from, std::string to) {
  return step([from = std::move(from), to = std::move(to)](std::string text) {
    replace_all(text, from, to);
    return text;
  });
}
std::shared_ptr<const Normalizer> normalize_replace(Regex from, std::string to) {
  return step([from = std::make_shared<const Regex>(std::move(from)),
               to = std::move(to)](const std::string& text) { return replaced(*from, text, to); });
}
std::shared_ptr<const Normalizer> normalize_strip(bool left, bool right) {
  return step([left, right](const std::string& text) {
    std::u32string codes = codes_of(text);
    if (right)
      while (!codes.empty() && is_white_space(codes.back())) codes.pop_back();
    std::size_t begin = 0;
    while (left && begin < codes.size() && is_white_space(codes[begin])) ++begin;
    return text_of(std::u32string_view(codes).substr(begin));
  });
}
std::shared_ptr<const Normalizer> normalize_strip_accents() {
  return step([](const std::string& text) { return without_accents(text); });
}
std::shared_ptr<const Normalizer> normalize_charsmap(Charsmap map) {
  return step([map = std::make_shared<const Charsmap>(std::move(map))](const std::string& text) {
    std::string result;
    for (std::string_view rest = text; !rest.empty();) {
      const auto found = map->longest(rest);
      const std::size_t size = found ? found->size : first_char(rest).size;
      result += found ? found->replacement : rest.substr(0, size);
      rest.remove_prefix(size);
    }
    return result;
  });
}
std::shared_ptr<const Normalizer> normalize_nmt() {
  return step([](const std::string& text) { return nmt(text); });
}
std::shared_ptr<const Normalizer> normalize_bytes() {
  return step([](const std::string& text) { return byte_characters(text); });
}
std::shared_ptr<const Normalizer> normalize_bert(const BertNormalization& options) {
  return step([options](std::string text) { return bert(std::move(text), options); });
}
std::shared_ptr<const Normalizer> normalize_sentencepiece(
    Charsmap map, std::vector<std::string> kept, const SentencePieceNormalization& options) {
  return std::make_shared<SentencePieceStep>(std::move(map), kept, options);
}

}  // namespace pliant::text
