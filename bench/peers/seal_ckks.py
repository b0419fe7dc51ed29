#!/usr/bin/env python3
"""Times SEAL (through TenSEAL's bindings, `pip install tenseal`) on the operations of bench-ckks.

    seal_ckks.py [--set LOG_N,LEVELS]... [--rounds N]

CPU time of one thread, medians, one JSON row per operation like `bench-ckks --json`. SEAL here is the wheel's build:
default flags, without Intel HEXL. Chains as in bench-ckks: scale 2^45; first and special prime 60 bits, SEAL's choice.
"""
import random
import time

from tenseal import sealapi as seal

from ckks_rows import run


def operations_of(log_n, levels):
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

    return {
        "encrypt": lambda: encryptor.encrypt(plain, out),
        "add": lambda: evaluator.add(a, b, out),
        "multiply by plaintext": lambda: evaluator.multiply_plain(a, plain, out),
        "multiply": lambda: evaluator.multiply(a, b, out),
        "multiply + relinearize": multiply_relinearize,
        "rescale": lambda: evaluator.rescale_to_next(product, out),
        "rotate": lambda: evaluator.rotate_vector(a, 1, galois, out),
    }


if __name__ == "__main__":
    run(__doc__, operations_of, time.thread_time)
