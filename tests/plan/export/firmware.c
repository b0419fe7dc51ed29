/* A firmware that runs an exported plan with operators that hash their inputs, those of machine/scratchpad's
 * HashOperators. Compiled as C and as C++ with -DHEADER="..." -DPREFIX=... -DCAPITALS=... and
 * counted_copy as the header's copy.
 *
 *   firmware GIVEN RESULTS KEY
 *
 * reads the given tensors one after another from GIVEN, writes the results to RESULTS, and prints the bytes loaded and
 * stored. SHAPES holds the operands' bytes, which real kernels know. Exits with 1 when a byte beside an arena has changed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t bytes_copied;
static void counted_copy(void *to, const void *from, size_t bytes) {
  memcpy(to, from, bytes);
  bytes_copied += bytes;
}

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define P(name) PASTE(PREFIX, name)
#define C(name) PASTE(CAPITALS, name)
#include HEADER

enum { guard = 64, guard_byte = 0x5a };

/* core/rng.h */
static uint64_t mix(uint64_t x) {
  x += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

static uint64_t hash(const unsigned char *bytes, size_t count, uint64_t seed) {
  uint64_t state = mix(seed ^ (UINT64_C(0x51ed270b0a1f39c1) + count));
  while (count > 0) {
    uint64_t word = 0;
    const size_t take = count < sizeof word ? count : sizeof word;
    memcpy(&word, bytes, take);
    state = mix(state ^ word);
    bytes += take;
    count -= take;
  }
  return state;
}

static void stream(uint64_t seed, uint64_t number, unsigned char *out, size_t bytes) {
  const uint64_t key = mix(mix(seed) ^ number);
  uint64_t counter = 0;
  size_t at;
  for (at = 0; at < bytes; at += sizeof(uint64_t)) {
    const uint64_t bits = mix(key ^ mix(counter++));
    memcpy(out + at, &bits, bytes - at < sizeof bits ? bytes - at : sizeof bits);
  }
}

struct shape {
  size_t inputs, outputs, workspace;
  const size_t *bytes; /* of the inputs, then of the outputs */
};
#include SHAPES

struct run {
  uint64_t key;
  uint32_t step;
};

static int kernel(const void *const *inputs, void *const *outputs, void *workspace, void *context) {
  struct run *run = (struct run *)context;
  const uint32_t op = P(_steps)[run->step++].op;
  const struct shape *shape = &shapes[op];
  const char *name = P(_names_of_operators)[op];
  uint64_t state = hash((const unsigned char *)name, strlen(name), run->key);
  size_t i;
  for (i = 0; i < shape->inputs; ++i)
    state = hash((const unsigned char *)inputs[i], shape->bytes[i], state);
  if (shape->workspace > 0) memset(workspace, (int)(state & 0xff), shape->workspace);
  else if (workspace != 0) return 2;
  for (i = 0; i < shape->outputs; ++i)
    stream(state, i, (unsigned char *)outputs[i], shape->bytes[shape->inputs + i]);
  return 0;
}

/* Guard bytes on both sides; the middle begins at a multiple of the plan's alignment. */
static unsigned char *arena(size_t bytes) {
  unsigned char *whole = (unsigned char *)malloc(bytes + 2 * guard + C(_ALIGNMENT));
  unsigned char *middle;
  if (whole == 0) exit(3);
  middle = whole + guard;
  middle += (C(_ALIGNMENT) - (uintptr_t)middle % C(_ALIGNMENT)) % C(_ALIGNMENT);
  memset(middle - guard, guard_byte, guard);
  memset(middle, 0xa5, bytes);
  memset(middle + bytes, guard_byte, guard);
  return middle;
}

static int intact(const unsigned char *middle, size_t bytes) {
  size_t i;
  for (i = 0; i < guard; ++i)
    if (middle[-1 - (long)i] != guard_byte || middle[bytes + i] != guard_byte) return 0;
  return 1;
}

int main(int argc, char **argv) {
  P(_memory) memory;
  P(_kernel) kernels[C(_OPERATORS)];
  struct run run;
  FILE *file;
  uint32_t t, op;
  int status;
  memset(&memory, 0, sizeof memory);
  if (argc != 4 || (file = fopen(argv[1], "rb")) == 0) return 3;
  run.key = strtoull(argv[3], 0, 10);
  run.step = 0;
  memory.scratchpad = arena(C(_SCRATCHPAD_BYTES));
  memory.spill = arena(C(_SPILL_BYTES));
  for (t = 0; t < C(_TENSORS); ++t) {
    const P(_tensor) *tensor = &P(_tensors)[t];
    if (tensor->role == C(_ROLE_INPUT) || tensor->role == C(_ROLE_WEIGHT)) {
      unsigned char *bytes = arena(tensor->bytes);
      if (fread(bytes, 1, tensor->bytes, file) != tensor->bytes) return 3;
      memory.given[tensor->where] = bytes;
    }
    if (tensor->role == C(_ROLE_OUTPUT)) memory.results[tensor->where] = arena(tensor->bytes);
  }
  fclose(file);
  for (op = 0; op < C(_OPERATORS); ++op) kernels[op] = kernel;
#if C(_PINNED) > 0
  P(_start)(&memory);
  status = P(_run)(&memory, kernels, &run); /* the weights must outlive a frame */
  if (status != 0) return status;
  run.step = 0;
#endif
  bytes_copied = 0;
  status = P(_run)(&memory, kernels, &run);
  if (status != 0) return status;
  if (!intact(memory.scratchpad, C(_SCRATCHPAD_BYTES)) || !intact(memory.spill, C(_SPILL_BYTES))) return 1;
  if ((file = fopen(argv[2], "wb")) == 0) return 3;
  for (t = 0; t < C(_TENSORS); ++t) {
    const P(_tensor) *tensor = &P(_tensors)[t];
    if (tensor->role != C(_ROLE_OUTPUT)) continue;
    if (!intact(memory.results[tensor->where], tensor->bytes)) return 1;
    fwrite(memory.results[tensor->where], 1, tensor->bytes, file);
  }
  fclose(file);
  printf("%llu\n", (unsigned long long)bytes_copied);
  return 0;
}
