// The files of assets/, put into the library by cmake/embed.cmake.
#pragma once

#include <string_view>

namespace pliant::report::assets {

// Zoom, scrolling and what is under the pointer. Geometry is kept once in the markup, at the page's
// width; zooming scales the group's x axis and puts marks, ticks and labels where they then belong.
extern const std::string_view memory_map_js;

extern const std::string_view page_css;  // a page's text, cards and tables
// lines and letters of pictures; the colours are in style.cpp
extern const std::string_view picture_css;

}  // namespace pliant::report::assets
