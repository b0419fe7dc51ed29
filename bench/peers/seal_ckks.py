#!/usr/bin/env python3
"""Times SEAL (through TenSEAL's bindings, `pip install tenseal`) on the operations of bench-ckks.

    seal_ckks.py [--set LOG_N,LEVELS]... [--rounds N]

CPU time of one thread, medians, one JSON row per operation like `bench-ckks --json`. SEAL here is the wheel's build:
default flags, without Intel HEXL. Chains as in bench-ckks: scale 2^45; first and special prime 60 bits, SEAL's choice.
"""
import argparse
import json
import random
import statistics
import time

from tenseal import sealapi as seal


def median_ms(body, rounds):
    body()
    times = []
    for _ in range(rounds):
        start = time.thread_time()
        body()
        times.append(1e3 * (time.thread_time() - start))
    return statistics.median(times)


def bench(log_n, levels, rounds):
    n = 1 << log_n
    params = seal.EncryptionParameters(seal.SCHEME_TYPE.CKKS)
    params.set_poly_modulus_degree(n)
    params.set_coeff_modulus(seal.CoeffModulus.Create(n, [60] + [45] * levels + [60]))
    # Some sets are beyond 128 bits, for timing only, as in bench-ckks.
    context = seal.SEALContext(params, True, seal.SEC_LEVEL_TYPE.NONE)
    generator = seal.KeyGenerator(context)
    secret = generator.secret_key()
    public = seal.PublicKey()
    generator.create_public_key(public)
    relin = seal.RelinKeys()
    generator.create_relin_keys(relin)
    galois = seal.GaloisKeys()
    generator.create_galois_keys([3], galois)  # the Galois element of rotation by 1
    encoder = seal.CKKSEncoder(context)
    encryptor = seal.Encryptor(context, public)
    evaluator = seal.Evaluator(context)
    values = [random.uniform(-1, 1) for _ in range(n // 2)]
    plain = seal.Plaintext()
    encoder.encode(values, 2.0**45, plain)
    a, b, out = seal.Ciphertext(), seal.Ciphertext(), seal.Ciphertext()
    encryptor.encrypt(plain, a)
    encryptor.encrypt(plain, b)
    product = seal.Ciphertext()
    evaluator.multiply(a, b, product)

    def multiply_relinearize():
        evaluator.multiply(a, b, out)
        evaluator.relinearize_inplace(out, relin)

    operations = {
        "encrypt": lambda: encryptor.encrypt(plain, out),
        "add": lambda: evaluator.add(a, b, out),
        "multiply by plaintext": lambda: evaluator.multiply_plain(a, plain, out),
        "multiply": lambda: evaluator.multiply(a, b, out),
        "multiply + relinearize": multiply_relinearize,
        "rescale": lambda: evaluator.rescale_to_next(product, out),
        "rotate": lambda: evaluator.rotate_vector(a, 1, galois, out),
    }
    for name, body in operations.items():
        print(json.dumps({"op": name, "log_n": log_n, "levels": levels, "ms": round(median_ms(body, rounds), 4)}), flush=True)
    _ = secret


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
