#include "machine/encrypted/graph/parties/parties.h"

#include <fmt/format.h>

#include "core/error.h"
#include "graph/reference/reference.h"
#include "machine/encrypted/graph/run.h"

namespace pliant::encrypted {
namespace {

using einsum::Agreement;
using einsum::PartyOptions;

// Plans the question that an agreement holds as text, and leaves the plan in `result`.
PartyOptions planning_graphs(PartyOptions options, std::shared_ptr<const GraphPlan>& result) {
  options.planning = [&result](const Agreement& agreement) {
    auto planned = std::make_shared<GraphPlan>(
        plan(question_from_text(agreement.expression, "the agreed graph")));
    einsum::Plan steps = planned->plan;
    result = std::move(planned);
    return steps;
  };
  return options;
}

Agreement agreement_on(const GraphQuestion& question, const std::optional<ckks::Params>& params) {
  const GraphOptions& options = question.options;
  Agreement agreement{.expression = to_text(question)};
  agreement.options.slots = options.slots;
  agreement.options.levels = options.levels;
  agreement.options.scale_bits = options.scale_bits;
  agreement.options.first_bits = options.first_bits;
  agreement.params = params ? *params
                            : einsum::choose_parameters(plan(question).plan, options.scale_bits,
                                                        options.first_bits);
  return agreement;
}

void require_count(std::size_t given, std::size_t wanted) {
  if (given != wanted)
    throw Error(ErrorKind::invalid, "secret inputs",
                fmt::format("the graph has {}, {} given", wanted, given));
}

}  // namespace

GraphClient::GraphClient(const GraphQuestion& question, const PartyOptions& options,
                         const std::optional<ckks::Params>& params)
    : client_(std::make_unique<einsum::Client>(agreement_on(question, params),
                                               planning_graphs(options, plan_))) {}

GraphClient::GraphClient(std::span<const std::byte> secret_file, const PartyOptions& options)
    : client_(std::make_unique<einsum::Client>(secret_file, planning_graphs(options, plan_))) {}

einsum::SecretBytes GraphClient::secret_file() const { return client_->secret_file(); }
einsum::SecretBytes GraphClient::server_file() const { return client_->server_file(); }

Request GraphClient::encrypt(std::span<const TensorView> secret) {
  require_count(secret.size(), plan_->secret.size());
  require_in_range(*plan_, secret);
  Request request;
  for (std::size_t i = 0; i < secret.size(); ++i) request.push_back(client_->encrypt(i, secret[i]));
  return request;
}

einsum::Decrypted GraphClient::decrypt(std::span<const std::byte> answer, const Request& request,
                                       const std::optional<ckks::Flooding>& flooding) {
  const std::vector<std::span<const std::byte>> files(request.begin(), request.end());
  einsum::Decrypted result = client_->decrypt(answer, files, flooding);
  result.error_bound += plan_->approximation;
  return result;
}

GraphServer::GraphServer(std::span<const std::byte> server_file, WeightStore weights,
                         ThreadPool& pool, const PartyOptions& options)
    : weights_(std::move(weights)),
      pool_(pool),
      server_(std::make_unique<einsum::Server>(server_file, planning_graphs(options, plan_))) {
  check_weights(*plan_->graph, weights_);
}

File GraphServer::evaluate(const Request& request, std::span<const TensorView> inputs) {
  require_count(request.size(), plan_->secret.size());
  const PlainTensors plain(*plan_, weights_, inputs, pool_);
  std::vector<einsum::Server::Input> operands;
  for (std::size_t i = 0; i < plain.views().size(); ++i) {
    if (i < request.size()) operands.push_back({.encrypted = request[i]});
    else operands.push_back({.clear = plain.views()[i]});
  }
  return server_->evaluate(operands);
}

}  // namespace pliant::encrypted
