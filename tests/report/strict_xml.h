// A small strict reader of XML without namespaces, DTDs or processing instructions: enough to know
// that a picture is well formed, and to look into it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pliant::test {

struct Element {
  std::string tag, text;  // text: its own, references resolved
  std::map<std::string, std::string> attributes;
  std::vector<Element> children;

  std::size_t count(std::string_view tag) const;   // elements of that tag at or below it
  const Element* find(std::string_view id) const;  // by its attribute id, at or below it
};

// Throws std::runtime_error naming the byte for anything that is not well formed: open or crossed
// elements, attributes without quotes or given twice, '<' or a lone '&' in text, control
// characters, text outside the root.
Element parse_xml(std::string_view text);

}  // namespace pliant::test
