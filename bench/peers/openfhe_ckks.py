#!/usr/bin/env python3
"""Times OpenFHE (its Python wheel, `pip install openfhe`) on the operations of bench-ckks.

    openfhe_ckks.py [--set LOG_N,LEVELS]... [--rounds N]

CPU time of the process on one thread (OMP_NUM_THREADS=1), medians, one JSON row per operation like `bench-ckks --json`.
The wheel's build; hybrid key switching with three digits, manual rescaling, scale 2^45.
"""
import os
import random
import time

os.environ["OMP_NUM_THREADS"] = "1"
import openfhe as fhe  # noqa: E402

from ckks_rows import run  # noqa: E402


def operations_of(log_n, levels):
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
    return {
        "encrypt": lambda: context.Encrypt(keys.publicKey, plain),
        "add": lambda: context.EvalAdd(a, b),
        "multiply by plaintext": lambda: context.EvalMult(a, plain),
        "multiply + relinearize": lambda: context.EvalMult(a, b),
        "rescale": lambda: context.Rescale(product),
        "rotate": lambda: context.EvalRotate(a, 1),
        "hoisted rotation": lambda: context.EvalFastRotation(a, 1, 2 << log_n, hoisted),
    }


if __name__ == "__main__":
    run(__doc__, operations_of, time.process_time)
