#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "cli/verbs.h"
#include "command/host.h"
#include "command/parse.h"
#include "machine/native/encoded/encoded.h"
#include "machine/native/native.h"

namespace pliant::cli {
namespace {

struct Library {
  std::string name, version;
};

std::string dotted(int value, int step) {
  return fmt::format("{}.{}.{}", value / (step * step), value / step % step, value % step);
}

std::vector<std::string> kernel_isas() {
  std::vector<std::string> names;
  for (const native::Isa isa : native::available_isas()) names.emplace_back(native::name(isa));
  return names;
}

const native::EncodedChoice& encoded() { return native::chosen_encoded_kernels(); }

std::vector<Library> libraries() {
  return {{"compiler", __VERSION__},
          {"CLI11", parser_version()},
          {"fmt", dotted(FMT_VERSION, 100)},
          {"nlohmann-json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR,
                                        NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH)}};
}

nlohmann::ordered_json report(const Host& host, const std::string& version) {
  nlohmann::ordered_json json{{"version", version},
                              {"system", host.system},
                              {"architecture", host.architecture},
                              {"cpu", host.cpu},
                              {"features", host.features},
                              {"kernels", kernel_isas()},
                              {"plain_weights", kernel_isas().back()},
                              {"encoded_weights", native::name(*encoded().kernels)},
                              {"encoded_weights_reason", encoded().reason},
                              {"amx_permitted", host.amx_permitted},
                              {"threads", host.threads},
                              {"memory_bytes", host.memory_bytes},
                              {"available_bytes", host.available_bytes}};
  for (const Library& each : libraries()) json["libraries"][each.name] = each.version;
  return json;
}

void print(std::ostream& out, const Host& host, const std::string& version) {
  out << fmt::format("pliant        {}\n", version);
  out << fmt::format("system        {} ({})\n", host.system, host.architecture);
  out << fmt::format("processor     {}\n", host.cpu.empty() ? "unknown" : host.cpu);
  out << fmt::format("features      {}\n", fmt::join(host.features, " "));
  const std::vector<std::string> isas = kernel_isas();
  out << fmt::format("kernels       {}: the widest that this processor and build have, of {}\n",
                     isas.back(), fmt::join(isas, " "));
  out << fmt::format("encoded       {}: {}\n", native::name(*encoded().kernels), encoded().reason);
  out << fmt::format("AMX           {}\n",
                     host.amx_permitted ? "permitted" : "not permitted to this process");
  out << fmt::format("threads       {}\n", host.threads);
  out << fmt::format("memory        {} of {} free\n", bytes_text(host.available_bytes),
                     bytes_text(host.memory_bytes));
  for (const Library& each : libraries()) out << fmt::format("{:<14}{}\n", each.name, each.version);
}

}  // namespace

Verb doctor_verb() {
  Command command{
      .name = "doctor",
      .summary = "show what this computer and this build offer",
      .description =
          {"Processor features, threads, memory and the versions of the libraries built in: what "
           "to put into a report of a problem."},
      .arguments = {},
      .options = {},
      .examples = {{"pliant doctor", "what runs here"},
                   {"pliant doctor --json", "the same for a script"}}};
  return {std::move(command), [](const Invocation& context) -> int {
            const Host host = inspect_host();
            if (context.common.json)
              context.out << report(host, context.manual.version).dump(2) << '\n';
            else print(context.out, host, context.manual.version);
            return success;
          }};
}

}  // namespace pliant::cli
