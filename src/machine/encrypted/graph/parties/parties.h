// Client and server of a graph: two objects that share nothing but files.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "machine/encrypted/einsum/parties/server.h"
#include "machine/encrypted/graph/parties/question.h"
#include "quant/store.h"

namespace pliant::encrypted {

using File = std::vector<std::byte>;
using Request = std::vector<File>;  // of every secret input, in the graph's order

// Who has the secret key: makes keys, encrypts inputs, decrypts outputs. Knows level, scale and
// noise of every output from its own plan and refuses what differs. One thread at a time.
class GraphClient {
 public:
  // Makes keys for parameters that choose_parameters() finds, or for those given. Throws what
  // plan() and choose_parameters() do.
  explicit GraphClient(const GraphQuestion& question, const einsum::PartyOptions& options = {},
                       const std::optional<ckks::Params>& params = {});
  // As secret_file() wrote it. Throws Error{format}, and what plan() does.
  explicit GraphClient(std::span<const std::byte> secret_file,
                       const einsum::PartyOptions& options = {});

  einsum::SecretBytes secret_file() const;  // for the client alone
  einsum::SecretBytes server_file() const;  // after the first constructor only

  const GraphPlan& plan() const { return *plan_; }
  const ckks::Params& params() const { return client_->agreement().params; }
  // Of every element, if every value is in its range: of ciphertexts and of approximations.
  double error_bound() const { return client_->error_bound() + plan_->approximation; }

  // Of the secret inputs, in the graph's order. Throws Error{invalid} naming one whose shape or
  // elements are not as planned.
  Request encrypt(std::span<const TensorView> secret);
  // The outputs, f64, from the answer to that request. Throws as einsum::Client::decrypt().
  einsum::Decrypted decrypt(std::span<const std::byte> answer, const Request& request,
                            const std::optional<ckks::Flooding>& flooding = {});

 private:
  std::shared_ptr<const GraphPlan> plan_;
  std::unique_ptr<einsum::Client> client_;
};

// Who evaluates: has evaluation keys, weights and the inputs in the clear. One thread at a time.
class GraphServer {
 public:
  // Keys as GraphClient::server_file() wrote them. Throws Error{format}, what plan() does,
  // Error{not_found} or {invalid} for weights that are missing or of another type.
  GraphServer(std::span<const std::byte> server_file, WeightStore weights, ThreadPool& pool,
              const einsum::PartyOptions& options = {});

  const GraphPlan& plan() const { return *plan_; }
  // `inputs` in the order of the graph's; of the secret ones nothing is read. Throws Error{invalid}
  // for weights or inputs beyond their ranges, and as einsum::Server::evaluate().
  File evaluate(const Request& request, std::span<const TensorView> inputs);

 private:
  WeightStore weights_;
  ThreadPool& pool_;
  std::shared_ptr<const GraphPlan> plan_;
  std::unique_ptr<einsum::Server> server_;
};

}  // namespace pliant::encrypted
