// The syntax tree of a chat template.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/chat/lexer.h"
#include "text/chat/value.h"

namespace pliant::chat {

struct Expression;
using ExpressionRef = std::unique_ptr<const Expression>;

struct Expression {
  enum class Kind {
    literal,      // value
    name,         // text
    list,         // parts
    tuple,        // parts
    dict,         // parts: key, value, key, value ...
    attribute,    // parts[0].text
    item,         // parts[0][parts[1]]
    slice,        // parts[0][parts[1]:parts[2]:parts[3]], absent ones null
    call,         // parts[0](parts[1] ..., named)
    filter,       // parts[0] | text(parts[1] ..., named)
    test,         // parts[0] is text(parts[1] ...)
    unary,        // text parts[0]; also `not`
    binary,       // parts[0] text parts[1]; also `and`, `or`
    comparison,   // parts[0] words[0] parts[1] words[1] parts[2] ...
    conditional,  // parts[0] if parts[1] else parts[2], the last one null
  };
  Kind kind = Kind::literal;
  std::size_t at = 0;
  std::string text;
  Value value;
  std::vector<ExpressionRef> parts;
  std::vector<std::pair<std::string, ExpressionRef>> named;
  std::vector<std::string> words;
};

struct Statement;
using Block = std::vector<std::unique_ptr<const Statement>>;

struct MacroNode {
  std::string name;
  std::vector<std::pair<std::string, ExpressionRef>> parameters;  // a null default: none
  Block body;
};

struct Statement {
  enum class Kind {
    data,     // text
    write,    // value
    branch,   // if: conditions, bodies; an else is a null condition
    loop,     // names in value, filtered by condition; bodies[0], or bodies[1] for no items
    assign,   // names = value; or attribute `text` of names[0]
    capture,  // names[0] = what bodies[0] writes, through the filters of `value` (its innermost
              // part: null)
    macro,    // macro
    block,    // bodies[0], as it is
    break_loop,
    continue_loop,
  };
  Kind kind = Kind::data;
  std::size_t at = 0;
  std::string text;
  ExpressionRef value, condition;
  std::vector<std::string> names;  // several: the value is unpacked
  std::vector<ExpressionRef> conditions;
  std::vector<Block> bodies;
  std::unique_ptr<const MacroNode> macro;
};

Block parse(const TemplateSource& source);

bool known_filter(const std::string& name);
bool known_test(const std::string& name);

}  // namespace pliant::chat
