// Grammars from JSON schemas. docs/formats.md lists the keywords that are understood.
#pragma once

#include <string>
#include <string_view>

namespace pliant::lm {

// The grammar (GBNF) of JSON texts that hold to the schema: every text that it matches is a valid
// value; not every value has a text (properties come in the schema's order, white space is at most
// one space after ':' and ','). The schema {} gives all JSON. Throws Error{format} for what is no
// schema or no value can satisfy, Error{unsupported} naming the path of a keyword that constrains
// values in a way the grammar cannot follow, Error{capacity} beyond a bound on its size.
std::string grammar_from_json_schema(std::string_view schema, std::string_view place);

}  // namespace pliant::lm
