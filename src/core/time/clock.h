// Time that only goes forward.
#pragma once

namespace pliant {

double steady_seconds();  // since some fixed moment

}  // namespace pliant
