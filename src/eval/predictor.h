// A language model as evaluation asks it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "lm/session.h"
#include "machine/machine.h"
#include "text/tokenizer.h"

namespace pliant::eval {

class Predictor {
 public:
  using Take = std::function<void(std::span<const float> logits)>;
  virtual ~Predictor() = default;
  virtual std::int64_t context() const = 0;  // tokens that the model sees at most
  // Gives `take` the logits of what follows tokens[i], for each i from `first` on. At most
  // context() tokens; throws Error{capacity}.
  virtual void predict(std::span<const TokenId> tokens, std::int64_t first, const Take& take) = 0;
  // What the model writes after `prompt`, the likeliest token each time, until it ends or has
  // written so many. `stop` may be null.
  virtual std::string write(const Tokenizer& tokenizer, std::span<const TokenId> prompt,
                            std::int64_t tokens, const std::atomic<bool>* stop) = 0;
};

// On the native machine. Holds what was asked last: of texts that begin alike (the choices of a
// question, questions after the same examples) the beginning is computed once.
class SessionPredictor : public Predictor {
 public:
  // Opens a sequence of `session`, which must outlive this, and another while it writes. Throws
  // Error{capacity}.
  explicit SessionPredictor(lm::Session& session, const kv::Policy& policy = kv::full());
  ~SessionPredictor() override;
  SessionPredictor(const SessionPredictor&) = delete;

  std::int64_t context() const override { return session_.config().context; }
  void predict(std::span<const TokenId> tokens, std::int64_t first, const Take& take) override;
  std::string write(const Tokenizer& tokenizer, std::span<const TokenId> prompt,
                    std::int64_t tokens, const std::atomic<bool>* stop) override;

 private:
  lm::Session& session_;
  const kv::Policy policy_;
  lm::SeqId sequence_;
  Tensor logits_;
};

// On any machine, without a cache: each text is computed whole.
class MachinePredictor : public Predictor {
 public:
  // `context` 0: the model's, at most lm::default_context. Throws as Machine::prepare() and
  // check().
  MachinePredictor(LanguageModel model, Machine& machine, ThreadPool& pool,
                   std::int64_t context = 0);

  std::int64_t context() const override { return context_; }
  void predict(std::span<const TokenId> tokens, std::int64_t first, const Take& take) override;
  std::string write(const Tokenizer& tokenizer, std::span<const TokenId> prompt,
                    std::int64_t tokens, const std::atomic<bool>* stop) override;

 private:
  void run(const Program& program, std::span<const TensorView> inputs, const TensorView& output);

  LanguageModel model_;
  std::int64_t context_;
  std::unique_ptr<Program> embed_, layers_, head_;
  Workspace workspace_;
};

}  // namespace pliant::eval
