// How often this program has called operator new.
#pragma once

namespace pliant {
long allocations();
}
