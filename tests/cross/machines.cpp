#include "cross/machines.h"

#include "cross/oracle_machine.h"
#include "machine/native/native.h"
#include "machine/scratchpad/scratchpad.h"
#if PLIANT_TORCH
#include "machine/torch/torch.h"
#endif

namespace pliant::cross {

std::vector<Contestant> contestants() {
  std::vector<Contestant> result;
  result.push_back({"decomposed", "decomposed", [] { return std::make_unique<OracleMachine>(); }});
  static ThreadPool pool(1);
  for (const native::Isa isa : native::available_isas())
    for (const bool fuse : {true, false})
      result.push_back(
          {std::string("native ") + std::string(native::name(isa)) + (fuse ? "" : " unfused"),
           "native", [=] {
             return std::make_unique<native::Machine>(pool, native::Options{isa, fuse});
           }});
  result.push_back({"native exact", "native", [=] {
                      return std::make_unique<native::Machine>(
                          pool, native::Options{.round_tall = false});
                    }});
  for (const bool weights : {false, true})
    result.push_back({std::string("scratchpad") + (weights ? " with weights" : ""), "native", [=] {
                        scratchpad::ExecuteOptions options;
                        options.scratchpad_bytes = 1 << 20;
                        options.weights = weights;
                        return std::make_unique<scratchpad::Machine>(pool, options);
                      }});
#if PLIANT_TORCH
  for (const bool fused : {true, false})
    result.push_back({fused ? "torch" : "torch unfused", "torch", [=] {
                        aten::Options options;
                        options.threads = 1;
                        options.fused = fused;
                        return std::make_unique<aten::Machine>(options);
                      }});
#endif
  return result;
}

}  // namespace pliant::cross
