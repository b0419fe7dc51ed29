// Questions that a language model is scored on, and the files that they come from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pliant::eval {

// How likely a model finds `continuation` after `context`.
struct Trial {
  std::string context, continuation;
};

enum class ItemKind {
  choice,     // which of several texts follows
  blank,      // which of several texts stands in a gap: judged by how likely the rest is then
  last_word,  // the last word of a text
  answer      // generated, and compared with a reference
};
std::string_view name(ItemKind kind);

struct Item {
  ItemKind kind = ItemKind::choice;
  std::vector<Trial> trials;          // one for each choice; last_word, answer: one
  std::vector<std::int64_t> lengths;  // of the choices, in characters; kind choice only
  std::int64_t label = 0;             // the right one
};

struct ItemSet {
  std::string name;  // of the file, without its folder and its ending
  std::vector<Item> items;
};

struct ItemOptions {
  // How contexts are put: "Question: {context}\nAnswer:", say. Not of blanks and last words.
  std::string prompt = "{context}";
  // So many of the set's first items come before each of the others, with their right answers, and
  // are not asked themselves.
  std::int64_t shots = 0;
  std::int64_t limit = 0;  // items that are asked, the first ones; 0: all
};

// Reads JSON lines, each one item; further fields are not looked at:
//   {"context", "choices", "label"}   label: the right choice, from 0; where every context of the
//                                     set has one `_`, it is a gap that the choices fill
//   {"text"}                          its last word is asked for
//   {"context", "reference"}          an answer is written, and compared with this one
// `place` is the file's path. Continuations begin with a blank. Throws Error{format} and {invalid}
// naming the line, Error{usage} for options out of range or a prompt without {context}.
ItemSet items_from_json_lines(std::string_view text, const std::string& place,
                              const ItemOptions& options = {});

}  // namespace pliant::eval
