"""What EleutherAI's evaluation harness (Python package lm-eval, with transformers reading the same GGUF) says of sets of
questions, beside `pliant eval`: acc and acc_norm of the first items of each set, and how far ours are from them.

    python3 -m venv peers && peers/bin/pip install lm-eval transformers accelerate gguf torch
    peers/bin/python bench/peers/lm_eval_scores.py MODEL.gguf SET.jsonl ... --limit 300

Sets are as docs/formats.md describes them; a set of last words is not the harness's own task and is left out.
"""

import argparse
import json
import os
import subprocess
import tempfile

import datasets
import lm_eval
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM


def items_of(path, limit):
    with open(path, encoding="utf-8") as file:
        items = [json.loads(line) for line in file if line.strip()]
    return items[:limit] if limit else items


def is_gap_set(path):
    return all(item["context"].count("_") == 1 for item in items_of(path, 0))


def task_of(path, limit, folder):
    """The harness's task for one set; winogrande's way of partial evaluation for gaps."""
    name = os.path.splitext(os.path.basename(path))[0]
    data = os.path.join(folder, name + ".jsonl")
    with open(data, "w", encoding="utf-8") as file:
        for item in items_of(path, limit):
            file.write(json.dumps({key: item[key] for key in ("context", "choices", "label")}) + "\n")
    config = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": data}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "num_fewshot": 0,
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
    }
    if is_gap_set(path):
        config["doc_to_text"] = lambda doc: doc["label"]
        config["doc_to_choice"] = lambda doc: [doc["context"].split("_")[0] + each for each in doc["choices"]]
        config["doc_to_target"] = lambda doc: doc["context"].split("_")[1].strip()
        config["metric_list"] = [{"metric": "acc"}]
    else:
        config["doc_to_text"] = "{{context}}"
        config["doc_to_choice"] = "choices"
        config["doc_to_target"] = "label"
    return ConfigurableTask(config=config)


def ours(binary, model, paths, limit, threads):
    words = [binary, "eval", model, *paths, "--limit", str(limit), "--threads", str(threads), "--json", "--quiet",
             "--exact-prompts"]
    told = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    return {each["name"]: each for each in told["sets"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--binary", default="build/release/pliant")
    options = parser.parse_args()
    datasets.disable_progress_bars()
    folder, file = os.path.split(os.path.abspath(options.model))
    model = HFLM(pretrained=folder, gguf_file=file, device="cpu", dtype="float32", batch_size=1)
    mine = ours(options.binary, options.model, options.sets, options.limit, options.threads)
    print(f"lm-eval {lm_eval.__version__}, the first {options.limit} items of each set, in %")
    print(f"{'set':<20}{'n':>6}{'acc':>9}{'peer':>9}{'acc_norm':>10}{'peer':>9}")
    with tempfile.TemporaryDirectory() as temporary:
        for path in options.sets:
            task = task_of(path, options.limit, temporary)
            results = lm_eval.simple_evaluate(model=model, tasks=[task], bootstrap_iters=0, log_samples=False)
            peer = next(iter(results["results"].values()))
            own = mine[os.path.splitext(os.path.basename(path))[0]]
            columns = [own["acc"], peer["acc,none"], own.get("acc_norm"), peer.get("acc_norm,none")]
            print(f"{own['name']:<20}{own['n']:>6}" + "".join(
                f"{'' if each is None else f'{100 * each:.2f}':>{width}}" for each, width in zip(columns, (9, 9, 10, 9))),
                flush=True)


if __name__ == "__main__":
    main()
