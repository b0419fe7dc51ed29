#include "report/style.h"

#include <fmt/format.h>

#include <array>

#include "report/assets.h"

namespace pliant::report {
namespace {

struct Rule {
  std::string_view selector, property, light, dark;
};

// Boxes carry dark text in the light scheme and light text in the dark one.
constexpr std::array rules{
    Rule{".bg", "fill", "#ffffff", "#14181f"},
    Rule{".a0", "fill", "#8fbbe8", "#2f6299"},
    Rule{".a1", "fill", "#b9d4f1", "#3f7db8"},
    Rule{".a2", "fill", "#6fa3dc", "#254c7d"},
    Rule{".a3", "fill", "#9fd0e6", "#2d7391"},
    Rule{".a4", "fill", "#a9b8ec", "#4a5cab"},
    Rule{".a5", "fill", "#7cc0d8", "#226077"},
    Rule{".a6", "fill", "#cfdff0", "#4c6f99"},
    Rule{".a7", "fill", "#8aa4dd", "#36478a"},
    Rule{".w0", "fill", "#f7e3a1", "#8a7423"},
    Rule{".w1", "fill", "#efd174", "#a58c33"},
    Rule{".w2", "fill", "#fbeec4", "#74611c"},
    Rule{".w3", "fill", "#e6c35c", "#978040"},
    Rule{".i0", "fill", "#57bd96", "#1d8262"},
    Rule{".i1", "fill", "#7fd0b0", "#2a9a77"},
    Rule{".o0", "fill", "#dd7a52", "#b4522b"},
    Rule{".o1", "fill", "#e89374", "#c96540"},
    Rule{".hl", "stroke", "#5b6470", "#aab4c2"},
    Rule{".hb", "fill", "#e9ecf0", "#2a313b"},
    Rule{".b>*", "stroke", "#22385a", "#05080d"},
    Rule{".b>.i0,.b>.i1,.b>.o0,.b>.o1", "stroke", "#1d2430", "#e3e8ef"},
    Rule{".t", "fill", "#1d2430", "#e3e8ef"},
    Rule{".q", "fill", "#5a6472", "#9aa5b4"},
    Rule{".bl", "fill", "#0f1a2b", "#f2f6fb"},
    Rule{".g", "stroke", "#e3e7ec", "#262d37"},
    Rule{".x", "stroke", "#8b95a3", "#6b7685"},
    Rule{".rs", "fill", "#a9c6e6", "#2d5783"},
    Rule{".dm", "stroke", "#1d2430", "#e3e8ef"},
    Rule{".ml", "stroke", "#5a6472", "#9aa5b4"},
    Rule{".cp", "fill", "#b8c0ca", "#56606e"},
    Rule{".ld", "fill", "#c2185b", "#ff6f9f"},
    Rule{".st", "fill", "#5e2a9b", "#c49bff"},
    Rule{".mv", "fill", "#111111", "#ffffff"},
    Rule{".k", "stroke", "#ffffff", "#14181f"},
    Rule{".kc", "fill", "#ffffff", "#14181f"},
    Rule{".kc", "stroke", "#5a6472", "#9aa5b4"},
    Rule{".hc,.hs", "fill", "#f2b705", "#ffd24a"},
    Rule{".c0", "stroke", "#0072b2", "#56b4e9"},
    Rule{".c1", "stroke", "#d55e00", "#e8703a"},
    Rule{".c2", "stroke", "#e69f00", "#ffd27a"},
    Rule{".c3", "stroke", "#005c45", "#2fa37c"},
    Rule{".c4", "stroke", "#cc79a7", "#f0b8d8"},
    Rule{".c5", "stroke", "#5a6472", "#9aa5b4"},
    Rule{".p0", "fill", "#0072b2", "#56b4e9"},
    Rule{".p1", "fill", "#d55e00", "#e8703a"},
    Rule{".p2", "fill", "#e69f00", "#ffd27a"},
    Rule{".p3", "fill", "#005c45", "#2fa37c"},
    Rule{".p4", "fill", "#cc79a7", "#f0b8d8"},
    Rule{".p5", "fill", "#5a6472", "#9aa5b4"},
};

}  // namespace

std::string_view name(BoxKind kind) {
  switch (kind) {
    case BoxKind::activation: return "activation";
    case BoxKind::input: return "input";
    case BoxKind::output: return "output";
    case BoxKind::weight: return "weight";
    case BoxKind::workspace: return "workspace";
    case BoxKind::buffer: return "buffer";
  }
  return "";
}

std::string shade_class(BoxKind kind, std::string_view name) {
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  hash ^= hash >> 15;
  switch (kind) {
    case BoxKind::activation:
    case BoxKind::buffer: return fmt::format("a{}", hash % 8);
    case BoxKind::weight: return fmt::format("w{}", hash % 4);
    case BoxKind::input: return fmt::format("i{}", hash % 2);
    case BoxKind::output: return fmt::format("o{}", hash % 2);
    case BoxKind::workspace: break;
  }
  return "s";
}

std::string middle_shade_class(BoxKind kind) {
  switch (kind) {
    case BoxKind::activation:
    case BoxKind::buffer: return "a0";
    case BoxKind::weight: return "w1";
    case BoxKind::input: return "i0";
    case BoxKind::output: return "o0";
    case BoxKind::workspace: break;
  }
  return "s";
}

std::string_view series_dashes(int series) {
  constexpr std::array<std::string_view, series_count> dashes{"",        "7 3",  "2 3",
                                                              "7 3 2 3", "10 4", "3 2"};
  return dashes[series % series_count];
}

std::string picture_style() {
  std::string light(assets::picture_css), dark;
  for (const Rule& rule : rules) {
    light += fmt::format("{}{{{}:{}}}\n", rule.selector, rule.property, rule.light);
    dark += fmt::format("{}{{{}:{}}}\n", rule.selector, rule.property, rule.dark);
  }
  // Paper is light whatever the screen is.
  return light + ".s{fill:url(#hatch)}\n@media screen and (prefers-color-scheme:dark){\n" + dark +
         "}\n";
}

std::string page_style() { return std::string(assets::page_css); }

}  // namespace pliant::report
