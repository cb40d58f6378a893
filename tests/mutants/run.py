#!/usr/bin/env python3
"""Plants the mistakes of mutants.toml, one at a time, and says which tests notice.

    run.py --check                          # every original text is found, exactly once
    run.py [--build DIR] [--jobs N] [--quick] [ID|GLOB]...

A mistake is planted in a copy of the tree (DIR/tree, where DIR is build/mutants), never in the tree itself. The tests
that are expected to notice run first, then, if they do not, all of unit, grad, golden and cli; with --quick they do not
run, and the mutant stays open. What was found is in DIR/results.tsv: a run without names goes on where an earlier one
ended; mutants that are named, and open ones without --quick, run again.
"""
import argparse
import collections
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FAST_SET = ["unit", "grad", "golden", "cli"]
TIMEOUT = 400  # seconds: a program that takes longer hangs


def read_mutants():
    mutants = []
    for path in sorted(HERE.glob("*.toml")):
        mutants += tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    return mutants


def suites_of(label):
    """The names of a label's test suites."""
    sources = (ROOT / "tests").glob(f"{label}_*.cpp")
    return set(re.findall(r"^TEST(?:_F|_P)?\((\w+),", "\n".join(p.read_text(encoding="utf-8") for p in sources), re.M))


def mistakes_in(mutants):
    """What is wrong with the list, a line each."""
    seen = set()
    suites = {label: suites_of(label) for label in FAST_SET}
    for m in mutants:
        missing = {"id", "file", "old", "new", "breaks", "tests"} - m.keys()
        if missing:
            yield f"{m.get('id', '?')}: lacks {', '.join(sorted(missing))}"
            continue
        if m["id"] in seen:
            yield f"{m['id']}: two mutants of this name"
        seen.add(m["id"])
        path = ROOT / m["file"]
        count = path.read_text(encoding="utf-8").count(m["old"]) if path.is_file() else 0
        if count != 1 or m["old"] == m["new"]:
            yield f"{m['id']}: {m['file']} has its original text {count} times, not once"
        for tests in m["tests"]:
            label, _, patterns = tests.partition(":")
            if label not in FAST_SET:
                yield f"{m['id']}: '{tests}' is not <label>:<filter>"
                continue
            for pattern in patterns.split(":"):
                suite = pattern.partition(".")[0].split("/")[-1]
                if "*" not in suite and suite not in suites[label]:
                    yield f"{m['id']}: there is no test suite {suite} in {label}"


class Copy:
    """A copy of the tree and its build."""

    def __init__(self, folder, jobs):
        self.tree, self.build, self.jobs = folder / "tree", folder / "build", jobs

    def sync(self):
        """Makes the copy what the tree is; only what differs is written, so that little is compiled again."""
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True,
                                capture_output=True, text=True).stdout.split("\0")
        wanted = {name for name in listed if name and (ROOT / name).is_file()}
        for name in wanted:
            source, target = ROOT / name, self.tree / name
            if target.is_file() and target.read_bytes() == source.read_bytes():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
        for path in self.tree.rglob("*"):
            if path.is_file() and str(path.relative_to(self.tree)) not in wanted:
                path.unlink()

    def configure(self):
        # One file is compiled alone, with the precompiled headers of a fast build.
        alone = self.build.parent / "alone.cmake"
        alone.write_text("cmake_language(DEFER CALL set_target_properties thaw_core thaw_nn thaw_finetune thaw "
                         "PROPERTIES UNITY_BUILD OFF)\n", encoding="utf-8")
        options = ["-DCMAKE_BUILD_TYPE=Release", "-DTHAW_BUILD_BENCH=OFF", f"-DCMAKE_PROJECT_INCLUDE={alone}"]
        if shutil.which("ccache"):  # without, the file is compiled twice: with its mistake and after
            options.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
            os.environ.setdefault("CCACHE_SLOPPINESS", "pch_defines,time_macros")
        if shutil.which("ninja"):
            options += ["-G", "Ninja"]
        subprocess.run(["cmake", "-S", self.tree, "-B", self.build, *options], check=True, stdout=subprocess.DEVNULL)

    def compile(self, labels):
        """True, or the first lines that say error."""
        targets = [f"thaw_{label}_tests" for label in labels]
        run = subprocess.run(["cmake", "--build", self.build, "-j", str(self.jobs), "--target", *targets],
                             capture_output=True, text=True, errors="replace")
        if run.returncode == 0:
            return True
        errors = [line for line in run.stdout.splitlines() if "error" in line]
        print("\n".join(errors[:3]), file=sys.stderr)
        return False

    def first_failure(self, label, tests):
        """The first test of these that fails, or None."""
        command = [self.build / "tests" / label, f"--gtest_filter={tests}", "--gtest_fail_fast", "--gtest_brief=1"]
        try:
            run = subprocess.run(command, cwd=self.tree, capture_output=True, text=True, errors="replace",
                                 timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            return f"{label}: no end"
        if " 0 tests from 0 test suites" in run.stdout:
            print(f"there is no test {label}:{tests}", file=sys.stderr)
        if run.returncode == 0:
            return None
        failed = re.search(r"^\[  FAILED  \] ([^\s,]+)", run.stdout, re.MULTILINE)
        return f"{label}.{failed[1]}" if failed else f"{label}: crash"

    def judge(self, mutant, quick):
        """What became of a mutant: "killed", "open", "SURVIVED" or "no build", and the test that killed it."""
        path = self.tree / mutant["file"]
        original = path.read_text(encoding="utf-8")
        path.write_text(original.replace(mutant["old"], mutant["new"]), encoding="utf-8")
        try:
            expected = [tests.partition(":")[::2] for tests in mutant["tests"]]
            for runs in (expected, [(label, "*") for label in FAST_SET]):
                if not self.compile(sorted({label for label, _ in runs})):
                    return "no build", ""
                for label, tests in runs:
                    test = self.first_failure(label, tests)
                    if test:
                        return "killed", test if runs is expected else test + " (not expected)"
                if quick:
                    return "open", ""
            return "SURVIVED", ""
        finally:
            path.write_text(original, encoding="utf-8")


def read_results(path):
    results = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            name, outcome, test = line.split("\t")
            results[name] = (outcome, test)
    return results


def summary(mutants, results):
    counts = collections.defaultdict(collections.Counter)
    for m in mutants:
        if m["id"] in results:
            counts[str(Path(m["file"]).parent)][results[m["id"]][0]] += 1
    print(f"\n{'folder':24}{'mutants':>8}{'killed':>8}{'survived':>10}")
    total = collections.Counter()
    for folder, count in sorted(counts.items()):
        print(f"{folder:24}{count.total():8}{count['killed']:8}{count['SURVIVED']:10}")
        total += count
    print(f"{'all':24}{total.total():8}{total['killed']:8}{total['SURVIVED']:10}")
    for outcome in ("open", "no build"):
        if total[outcome]:
            print(f"{total[outcome]}: {outcome}")
    return total.total() - total["killed"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="ID|GLOB")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "mutants", metavar="DIR")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    mutants = read_mutants()
    mistakes = list(mistakes_in(mutants))
    if mistakes:
        sys.exit("\n".join(mistakes))
    if args.check:
        print(f"{len(mutants)} mutants fit the sources")
        return 0

    folder = args.build.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    results_file = folder / "results.tsv"
    results = read_results(results_file)
    if args.names:
        chosen = [m for m in mutants if any(fnmatch.fnmatch(m["id"], name) for name in args.names)]
    else:
        again = () if args.quick else ("open",)
        chosen = [m for m in mutants if m["id"] not in results or results[m["id"]][0] in again]
    copy = Copy(folder, args.jobs)
    copy.sync()
    copy.configure()
    labels = sorted({tests.partition(":")[0] for m in chosen for tests in m["tests"]})
    if labels and not copy.compile(labels):
        sys.exit("the tree itself does not build")
    for m in chosen:
        outcome, test = results[m["id"]] = copy.judge(m, args.quick)
        print(f"{m['id']:40} {outcome}{' by ' + test if test else ''}", flush=True)
        with results_file.open("a", encoding="utf-8") as file:
            file.write(f"{m['id']}\t{outcome}\t{test}\n")
    return 1 if summary(mutants, results) else 0


if __name__ == "__main__":
    sys.exit(main())
