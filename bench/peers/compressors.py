"""Bits per byte of held-out text: a language model's beside those of compressors, on the same bytes in one run.

    python3 bench/peers/compressors.py MODEL --pliant build/release/pliant --training TEXT ... --held-out TEXT ...

MODEL is what `pliant perplexity` opens; texts are files, or folders whose files are taken by name. The compressors are xz -9e
and 7-Zip's PPMd (Debian's packages xz-utils and 7zip; order 16, 256 MB), the second also primed with the training text: what
the held-out text adds to its size. A document is predicted by itself, from nothing before it, by the model; compressors
are given all held-out documents as one.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile


def files_of(places):
    found = []
    for place in map(pathlib.Path, places):
        found += sorted(each for each in place.rglob("*") if each.is_file()) if place.is_dir() else [place]
    return found


def model_bits(pliant, model, files, threads, window):
    """Bits for all of each file but its first token, and that token as the mean of the others."""
    bits = total = 0
    for path in files:
        command = [pliant, "perplexity", model, "--file", str(path), "--text-window", str(window), "--stride",
                   str(window // 2), "--threads", str(threads), "--json"]
        result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        size = path.stat().st_size
        bits += result["bits_per_byte"] * size * (result["tokens"] + 1) / result["tokens"]
        total += size
    return bits / total


def xz_bytes(path):
    return len(subprocess.run(["xz", "-9e", "--stdout", path], check=True, capture_output=True).stdout)


def ppmd_bytes(path, folder):
    packed = pathlib.Path(folder) / "packed.7z"
    packed.unlink(missing_ok=True)
    subprocess.run(["7zz", "a", "-bso0", "-bsp0", "-m0=PPMd:mem=256m:o=16", packed, path], check=True)
    return packed.stat().st_size


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--pliant", default="build/release/pliant")
    parser.add_argument("--training", nargs="+", required=True)
    parser.add_argument("--held-out", nargs="+", required=True)
    parser.add_argument("--window", type=int, default=512, help="tokens that the model sees at most")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    held_out = files_of(arguments.held_out)
    texts = {"training": files_of(arguments.training), "held out": held_out}
    texts["both"] = texts["training"] + held_out
    with tempfile.TemporaryDirectory() as folder:
        joined = {}
        for name, files in texts.items():
            joined[name] = pathlib.Path(folder) / name
            joined[name].write_bytes(b"".join(each.read_bytes() for each in files))
        size = joined["held out"].stat().st_size
        primed = ppmd_bytes(joined["both"], folder) - ppmd_bytes(joined["training"], folder)
        rows = [
            ("xz -9e", 8 * xz_bytes(joined["held out"]) / size),
            ("PPMd", 8 * ppmd_bytes(joined["held out"], folder) / size),
            ("PPMd behind the training text", 8 * primed / size),
            (arguments.model, model_bits(arguments.pliant, arguments.model, held_out, arguments.threads, arguments.window)),
        ]
    print(f"{len(held_out)} documents, {size} bytes; bits per byte:")
    for name, bits in rows:
        print(f"  {bits:.4f}  {name}")


if __name__ == "__main__":
    main()
