"""What the CKKS peers share: options, medians of CPU time, rows like those of `bench-ckks --json`."""
import argparse
import json
import statistics


def median_ms(body, rounds, clock):
    body()
    times = []
    for _ in range(rounds):
        start = clock()
        body()
        times.append(1e3 * (clock() - start))
    return statistics.median(times)


def run(description, operations_of, clock):
    """operations_of(log_n, levels) gives {operation: function}; clock gives CPU seconds."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--set", action="append", help="LOG_N,LEVELS")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    for text in options.set or ["13,5", "15,10"]:
        log_n, levels = (int(part) for part in text.split(","))
        for name, body in operations_of(log_n, levels).items():
            ms = round(median_ms(body, options.rounds, clock), 4)
            print(json.dumps({"op": name, "log_n": log_n, "levels": levels, "ms": ms}), flush=True)
