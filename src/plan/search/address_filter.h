// Which states of a downset are worth keeping in the search with addresses.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/search/address_states.h"

namespace pliant::plan {

// The states that no other one can be turned into at no loss, cheapest first; some of them only
// once a limit has come, and then all is thrown away.
std::vector<std::uint32_t> undominated(const AddressSetting& setting, const AddressGroup& group);

}  // namespace pliant::plan
