#include "text/words/split.h"

#include <functional>
#include <utility>

#include "text/words/bytes.h"

namespace pliant::text {
namespace {

struct Part {  // of one word, in bytes from its beginning
  std::size_t begin, end;
  bool match;
};

// What `behaviour` makes of alternating parts; empty ones drop out.
void deal_parts(const std::vector<Part>& parts, SplitBehaviour behaviour, std::size_t offset,
                std::vector<Word>& words) {
  const std::size_t first = words.size();
  bool was_match = false, open = false;
  for (const Part& part : parts) {
    const bool fresh = words.size() == first;
    bool join = false;
    switch (behaviour) {
      case SplitBehaviour::removed: break;
      case SplitBehaviour::isolated: break;
      case SplitBehaviour::contiguous: join = !fresh && part.match == was_match; break;
      case SplitBehaviour::merged_with_previous: join = !fresh && part.match && !was_match; break;
      case SplitBehaviour::merged_with_next: join = open && !part.match; break;
    }
    was_match = part.match;
    open = part.match;
    if (part.begin == part.end || (behaviour == SplitBehaviour::removed && part.match)) continue;
    if (join) words.back().end = offset + part.end;
    else words.push_back({offset + part.begin, offset + part.end});
  }
}

// Calls find(word, parts) for each word and puts what comes of it in its place.
template <typename Find>
void split_each(Words& words, SplitBehaviour behaviour, const Find& find) {
  std::vector<Word> result;
  result.reserve(words.words.size());
  std::vector<Part> parts;
  for (const Word& word : words.words) {
    parts.clear();
    find(words.view(word), parts);
    deal_parts(parts, behaviour, word.begin, result);
  }
  words.words = std::move(result);
}

// The text with every word rewritten.
template <typename Rewrite>
void rewrite_each(Words& words, const Rewrite& rewrite) {
  std::string text;
  text.reserve(words.text.size() * 2);
  std::vector<Word> result;
  result.reserve(words.words.size());
  for (const Word& word : words.words) {
    const std::size_t begin = text.size();
    rewrite(words.view(word), text);
    result.push_back({begin, text.size()});
  }
  words.text = std::move(text);
  words.words = std::move(result);
}

class RegexSplitter : public Splitter {
 public:
  RegexSplitter(Regex regex, SplitBehaviour behaviour, bool invert)
      : regex_(std::move(regex)), behaviour_(behaviour), invert_(invert) {}

  void apply(Words& words) const override {
    split_each(words, behaviour_, [&](std::string_view word, std::vector<Part>& parts) {
      const std::u32string codes = codes_of(word);
      RegexScan scan(regex_, codes);
      std::size_t at = 0, byte = 0;  // of the part that is open
      const auto add = [&](std::size_t end, bool match) {
        const std::size_t begin = byte;
        for (; at < end; ++at) byte += size_of(codes[at]);
        parts.push_back({begin, byte, match != invert_});
      };
      for (std::size_t from = 0; from <= codes.size();) {
        const auto found = scan.next(from);
        if (!found) break;
        if (found->begin > at) add(found->begin, false);
        add(found->end, true);
        from = found->end > found->begin ? found->end : found->end + 1;
      }
      if (at < codes.size()) add(codes.size(), false);
    });
  }

 private:
  Regex regex_;
  SplitBehaviour behaviour_;
  bool invert_;
};

class LiteralSplitter : public Splitter {
 public:
  LiteralSplitter(std::string literal, SplitBehaviour behaviour, bool invert)
      : literal_(std::move(literal)), behaviour_(behaviour), invert_(invert) {}

  void apply(Words& words) const override {
    if (literal_.empty()) return;
    split_each(words, behaviour_, [&](std::string_view word, std::vector<Part>& parts) {
      std::size_t at = 0;
      for (std::size_t found; (found = word.find(literal_, at)) != std::string_view::npos;
           at = found + literal_.size()) {
        if (found > at) parts.push_back({at, found, invert_});
        parts.push_back({found, found + literal_.size(), !invert_});
      }
      if (at < word.size()) parts.push_back({at, word.size(), invert_});
    });
  }

 private:
  std::string literal_;
  SplitBehaviour behaviour_;
  bool invert_;
};

// Each character of a kind is a match.
class KindSplitter : public Splitter {
 public:
  KindSplitter(bool (*is)(char32_t), SplitBehaviour behaviour) : is_(is), behaviour_(behaviour) {}

  void apply(Words& words) const override {
    split_each(words, behaviour_, [&](std::string_view word, std::vector<Part>& parts) {
      std::size_t begin = 0, at = 0;
      while (at < word.size()) {
        const Char next = first_char(word.substr(at));
        if (is_(next.code)) {
          if (at > begin) parts.push_back({begin, at, false});
          parts.push_back({at, at + next.size, true});
          begin = at + next.size;
        }
        at += next.size;
      }
      if (at > begin) parts.push_back({begin, at, false});
    });
  }

 private:
  bool (*is_)(char32_t);
  SplitBehaviour behaviour_;
};

class BothSplitter : public Splitter {
 public:
  explicit BothSplitter(Splitters steps) : steps_(std::move(steps)) {}
  void apply(Words& words) const override {
    for (const auto& step : steps_) step->apply(words);
  }

 private:
  Splitters steps_;
};

class MetaspaceSplitter : public Splitter {
 public:
  MetaspaceSplitter(std::string mark, PrefixScheme scheme, bool split)
      : mark_(std::move(mark)),
        scheme_(scheme),
        split_(split),
        split_by_mark_(mark_, SplitBehaviour::merged_with_next, false) {}

  void apply(Words& words) const override {
    bool leading = words.leading;
    rewrite_each(words, [&](std::string_view word, std::string& text) {
      const bool prefix =
          scheme_ == PrefixScheme::always || (scheme_ == PrefixScheme::first && leading);
      if (prefix && !word.starts_with(mark_) && !word.starts_with(' ')) text += mark_;
      leading = false;
      for (const char c : word)
        if (c == ' ') text += mark_;
        else text.push_back(c);
    });
    if (split_) split_by_mark_.apply(words);
  }

 private:
  std::string mark_;
  PrefixScheme scheme_;
  bool split_;
  LiteralSplitter split_by_mark_;
};

class ByteMapper : public Splitter {
 public:
  void apply(Words& words) const override {
    rewrite_each(words, [](std::string_view word, std::string& text) {
      for (const char c : word) text += byte_character(static_cast<unsigned char>(c));
    });
  }
};

class SpacePrefixer : public Splitter {
 public:
  void apply(Words& words) const override {
    rewrite_each(words, [](std::string_view word, std::string& text) {
      if (!word.starts_with(' ')) text.push_back(' ');
      text += word;
    });
  }
};

class MarkSplitter : public Splitter {
 public:
  void apply(Words& words) const override {
    split_each(words, SplitBehaviour::isolated,
               [](std::string_view word, std::vector<Part>& parts) {
                 std::size_t begin = 0;
                 bool after_mark = true;
                 for (std::size_t at = 0; at < word.size();) {
                   const bool mark = word.substr(at).starts_with(space_mark);
                   if (mark && !after_mark) {
                     parts.push_back({begin, at, true});
                     begin = at;
                   }
                   after_mark = mark;
                   at += mark ? space_mark.size() : 1;
                 }
                 if (begin < word.size()) parts.push_back({begin, word.size(), true});
               });
  }
};

}  // namespace

Words::Words(std::string whole) : text(std::move(whole)) {
  if (!text.empty()) words.push_back({0, text.size()});
}

bool is_bert_punctuation(char32_t code) {
  static const Categories punctuation = categories_named("P");
  const bool ascii = (code >= 33 && code <= 47) || (code >= 58 && code <= 64) ||
                     (code >= 91 && code <= 96) || (code >= 123 && code <= 126);
  return ascii || is_in(code, punctuation);
}

std::shared_ptr<const Splitter> split_by(Regex pattern, SplitBehaviour behaviour, bool invert) {
  return std::make_shared<RegexSplitter>(std::move(pattern), behaviour, invert);
}
std::shared_ptr<const Splitter> split_by_text(std::string literal, SplitBehaviour behaviour,
                                              bool invert) {
  return std::make_shared<LiteralSplitter>(std::move(literal), behaviour, invert);
}
std::shared_ptr<const Splitter> split_digits(bool individual) {
  return std::make_shared<KindSplitter>(
      is_numeric, individual ? SplitBehaviour::isolated : SplitBehaviour::contiguous);
}
std::shared_ptr<const Splitter> split_punctuation(SplitBehaviour behaviour) {
  return std::make_shared<KindSplitter>(is_bert_punctuation, behaviour);
}
std::shared_ptr<const Splitter> split_white_space() {
  return std::make_shared<KindSplitter>(is_white_space, SplitBehaviour::removed);
}
std::shared_ptr<const Splitter> split_bert() {
  return std::make_shared<BothSplitter>(
      Splitters{split_white_space(), split_punctuation(SplitBehaviour::isolated)});
}
std::shared_ptr<const Splitter> split_metaspace(std::string mark, PrefixScheme scheme, bool split) {
  return std::make_shared<MetaspaceSplitter>(std::move(mark), scheme, split);
}
std::shared_ptr<const Splitter> map_bytes() { return std::make_shared<ByteMapper>(); }
std::shared_ptr<const Splitter> prefix_space() { return std::make_shared<SpacePrefixer>(); }
std::shared_ptr<const Splitter> split_at_marks() { return std::make_shared<MarkSplitter>(); }

}  // namespace pliant::text
