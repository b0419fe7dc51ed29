// How pictures and pages look: colours for light and dark that stay apart for colour-blind readers,
// as stylesheets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pliant::report {

// What a rectangle of a memory map stands for. Families differ in hue and in lightness.
enum class BoxKind : std::uint8_t { activation, input, output, weight, workspace, buffer };

std::string_view name(BoxKind kind);

// CSS class of a thing of that kind and name: one shade of the kind's family, the same in every
// picture.
std::string shade_class(BoxKind kind, std::string_view name);
std::string middle_shade_class(BoxKind kind);  // for legends

constexpr int series_count = 6;              // CSS classes c0 ... c5 (lines), p0 ... p5 (fills)
std::string_view series_dashes(int series);  // stroke-dasharray; empty: a whole line

std::string picture_style();  // for <style> in an SVG, standalone or in a page
std::string page_style();     // for <style> in the head of a page

}  // namespace pliant::report
