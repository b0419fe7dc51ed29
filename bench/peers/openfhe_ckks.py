#!/usr/bin/env python3
"""Times OpenFHE (its Python wheel, `pip install openfhe`) on the operations of bench-ckks.

    openfhe_ckks.py [--set LOG_N,LEVELS]... [--rounds N]

CPU time of the process on one thread (OMP_NUM_THREADS=1), medians, one JSON row per operation like `bench-ckks --json`.
The wheel's build; hybrid key switching with three digits, manual rescaling, scale 2^45.
"""
import argparse
import json
import os
import random
import statistics
import time

os.environ["OMP_NUM_THREADS"] = "1"
import openfhe as fhe  # noqa: E402


def median_ms(body, rounds):
    body()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        body()
        times.append(1e3 * (time.process_time() - start))
    return statistics.median(times)


def bench(log_n, levels, rounds):
    params = fhe.CCParamsCKKSRNS()
    params.SetMultiplicativeDepth(levels)
    params.SetScalingModSize(45)
    params.SetFirstModSize(60)
    params.SetScalingTechnique(fhe.ScalingTechnique.FIXEDMANUAL)
    params.SetKeySwitchTechnique(fhe.KeySwitchTechnique.HYBRID)
    params.SetNumLargeDigits(3)
    params.SetSecurityLevel(fhe.SecurityLevel.HEStd_NotSet)  # some sets are for timing only
    params.SetRingDim(1 << log_n)
    params.SetBatchSize(1 << (log_n - 1))
    context = fhe.GenCryptoContext(params)
    for feature in (fhe.PKESchemeFeature.PKE, fhe.PKESchemeFeature.KEYSWITCH, fhe.PKESchemeFeature.LEVELEDSHE):
        context.Enable(feature)
    keys = context.KeyGen()
    context.EvalMultKeyGen(keys.secretKey)
    context.EvalRotateKeyGen(keys.secretKey, [1])
    plain = context.MakeCKKSPackedPlaintext([random.uniform(-1, 1) for _ in range(1 << (log_n - 1))])
    a = context.Encrypt(keys.publicKey, plain)
    b = context.Encrypt(keys.publicKey, plain)
    product = context.EvalMultNoRelin(a, b) if hasattr(context, "EvalMultNoRelin") else context.EvalMult(a, b)
    hoisted = context.EvalFastRotationPrecompute(a)
    operations = {
        "encrypt": lambda: context.Encrypt(keys.publicKey, plain),
        "add": lambda: context.EvalAdd(a, b),
        "multiply by plaintext": lambda: context.EvalMult(a, plain),
        "multiply + relinearize": lambda: context.EvalMult(a, b),
        "rescale": lambda: context.Rescale(product),
        "rotate": lambda: context.EvalRotate(a, 1),
        "hoisted rotation": lambda: context.EvalFastRotation(a, 1, 2 << log_n, hoisted),
    }
    for name, body in operations.items():
        print(json.dumps({"op": name, "log_n": log_n, "levels": levels, "ms": round(median_ms(body, rounds), 4)}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", action="append", help="LOG_N,LEVELS")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    for text in options.set or ["13,5", "15,10"]:
        log_n, levels = (int(part) for part in text.split(","))
        bench(log_n, levels, options.rounds)


if __name__ == "__main__":
    main()
