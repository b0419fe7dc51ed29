// Large pages for what many limbs lie in.
#pragma once

#include <cstddef>

namespace pliant::ckks {

// Asks the system for pages of 2 MiB wherever whole ones lie in `bytes` from `data` on, none of
// which has been touched yet: passes over many limbs miss fewer addresses. Changes no contents.
void in_large_pages(void* data, std::size_t bytes);

}  // namespace pliant::ckks
