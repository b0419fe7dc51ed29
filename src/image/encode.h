// Pictures into files.
#pragma once

#include <string>

#include "image/image.h"

namespace pliant {

std::string encode_png(const Image& image);  // throws Error{invalid} for one without pixels

}  // namespace pliant
