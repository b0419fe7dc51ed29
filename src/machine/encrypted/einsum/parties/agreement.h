// What client and server agree on before anything is encrypted: it is public, and both derive the
// same plan from it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "machine/encrypted/ckks/context/bytes.h"
#include "machine/encrypted/ckks/context/params.h"
#include "machine/encrypted/einsum/plan/planner.h"

namespace pliant::einsum {

struct Agreement {
  std::string expression = {};  // or whatever else a Planning makes a plan of
  // row-major all; of those in the clear only a bound is known
  std::vector<EinsumOperand> operands = {};
  PlanOptions options = {};  // but for `clean`, `width` and `costs`, which are as they stand
  ckks::Params params = {};
  ckks::u64 session = 0;  // drawn by the client with its keys
};

// Throws what plan() does.
Plan plan_of(const Agreement& agreement);
using Planning = std::function<Plan(const Agreement&)>;
// Of the steps and layouts: two that plan alike have the same.
ckks::Hash digest(const Plan& plan);

// With the digest of `plan`.
void put(ckks::Writer& out, const Agreement& agreement, const Plan& plan);

struct Agreed {
  Agreement agreement;
  ckks::Hash plan;  // its digest
};
// Throws Error{format} for what put() does not write, Error{unsupported} for the test flag of
// parameters unless `accept_insecure`.
Agreed get_agreement(ckks::Reader& in, bool accept_insecure);
// Throws what `planning` does, Error{invalid} where the plan made here is not the one that was
// agreed on.
Plan agreed_plan(const Agreed& agreed, const Planning& planning = plan_of);

}  // namespace pliant::einsum
