#include "cli/network/zoo_list.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "command/print.h"
#include "models/zoo/zoo.h"

namespace pliant::cli {

int list_zoo(const Invocation& context) {
  if (context.common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const zoo::ZooNetwork& entry : zoo::entries())
      list.push_back({{"name", fmt::format("zoo:{}", entry.name)}, {"about", entry.about}});
    print_json(context.out, {{"networks", list}});
  } else {
    for (const zoo::ZooNetwork& entry : zoo::entries())
      context.out << fmt::format("{:<18} {}\n", fmt::format("zoo:{}", entry.name), entry.about);
  }
  return success;
}

}  // namespace pliant::cli
